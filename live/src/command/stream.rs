//! `streamward-guard rtmp`, `rtsp` and `srt`: a live stream in, its guarded twin out.

use std::ffi::OsString;
use std::sync::Arc;

use super::Choices;
use crate::Error;
use crate::keeper::{self, Plan, Tally};
use crate::network::Protocol;
use crate::status::Board;

/// Guards a live stream until it is interrupted. While the source is silent, or checking is stalled, the cover is sent.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Where the stream comes from.
    url: String,
    /// Where the guarded stream goes: rtmp:// (H.264 and AAC in FLV), rtsp:// (a server that records), or srt://.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Answer Prometheus on this address, as 127.0.0.1:9464. Counts only; off where it is not given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<String>,
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments, protocol: Protocol) -> Result<u8, Error> {
    if Protocol::of(&arguments.url)? != protocol {
        return Err(Error::Media {
            what: format!("cannot use the address {}", crate::network::without_secrets(&arguments.url)),
            detail: "it speaks another protocol than the command".into(),
            todo: "use the command that is named like the address begins: rtmp, rtsp or srt",
        });
    }
    Protocol::of(&arguments.to)?;
    let choices = &arguments.choices;
    let facts = choices.announced(arguments.url.split("://").next().unwrap_or_default())?;
    let interrupt = Arc::default();
    super::listen(&interrupt);
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let plan = Plan {
        program: std::env::current_exe().map_err(|source| Error::Read { path: "this program".into(), source })?,
        pull: words(&["part", "pull", &arguments.url]),
        checker: choices.part("checker"),
        push: words(&["part", "push", &arguments.to]),
        interrupt,
    };
    let tally = keeper::run(&plan, Board::new(facts, arguments.metrics.as_deref()))?;
    tell(&tally, choices.json);
    Ok(tally.exit_code())
}

pub(super) fn tell(tally: &Tally, is_json: bool) {
    if is_json {
        println!("{}", serde_json::to_string(tally).unwrap_or_default());
        return;
    }
    eprintln!(
        "{} frames, {} judged, {} shown, {} covered, {} repeated; {} shown unjudged; {} incidents; checking restarted {} times",
        tally.n("frames"),
        tally.n("judged") + tally.n("reused"),
        tally.n("released"),
        tally.n("covered"),
        tally.n("repeated"),
        tally.n("released_unjudged"),
        tally.incidents,
        tally.checkers_lost,
    );
}
