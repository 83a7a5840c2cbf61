//! `streamward-guard camera`: a camera in, "Guarded camera" out.

use std::ffi::OsString;
use std::sync::Arc;

use super::Choices;
use crate::Error;
use crate::camera::Mode;
use crate::keeper::{self, Plan};
use crate::status::Board;

/// Guards a camera until it is interrupted: programs see "Guarded camera", a PipeWire camera, which shows only what was
/// judged. The rule in wireplumber/ hides the camera itself from them.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A V4L2 device (/dev/video0), or the name of a PipeWire camera; else the one that the session prefers.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Size and pace of the guarded camera.
    #[arg(long, value_name = "WxH@FPS", default_value = "640x480@25")]
    mode: Mode,
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let choices = &arguments.choices;
    let facts = choices.announced("camera")?;
    let interrupt = Arc::default();
    super::listen(&interrupt);
    let mode = arguments.mode.to_string();
    let with_mode = |mut words: Vec<OsString>| {
        words.extend(["--mode".into(), OsString::from(&mode)]);
        words
    };
    let mut pull: Vec<OsString> = vec!["part".into(), "lens".into()];
    if let Some(device) = &arguments.device {
        pull.extend(["--device".into(), device.into()]);
    }
    let plan = Plan {
        program: std::env::current_exe().map_err(|source| Error::Read { path: "this program".into(), source })?,
        pull: with_mode(pull),
        checker: with_mode(choices.part("pictures")),
        push: with_mode(choices.part("node")),
        interrupt,
    };
    let tally = keeper::run(&plan, Board::new(facts, None))?;
    super::stream::tell(&tally, choices.json);
    Ok(tally.exit_code())
}
