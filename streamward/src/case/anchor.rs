//! When was this log at least this long, by a clock that is not ours?
//!
//! An authority for time stamps signs the digest of the log's checkpoint (RFC 3161). Whoever keeps the checkpoint and the
//! token can show later that these records were there then, whoever has the log's key. What lies in `anchors`, by the
//! number of records: `N.txt` the checkpoint, `N.tsq` the question, `N.tsr` the answer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use record::timestamp::{ANSWER_LEN_MAX, Request, Stamp};
use reqwest::Url;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::refer::Place;

/// How long an authority may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Has the log's checkpoint stamped by an authority for time stamps, over the network or by a file that somebody carries.
#[derive(Args)]
pub(super) struct Arguments {
    /// The authority's address. Without it and without --answer, the question is written as a file.
    #[arg(long, value_name = "URL", conflicts_with = "answer")]
    tsa: Option<Url>,
    /// The authority's answer to a question that was written before.
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = arguments.place.data.join("anchors");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if let Some(answer) = &arguments.answer {
        let bytes = crate::file::read(answer, ANSWER_LEN_MAX as u64)
            .with_context(|| format!("cannot read {}\n  to do: name the authority's answer", answer.display()))?;
        let (question, request) = asked(&folder, &bytes)?;
        return stamped(arguments, &question, &request, &bytes);
    }
    let head = arguments.place.open().await?.head().await?;
    if head.n_entries == 0 {
        bail!("the log has no records yet\n  to do: anchor it when something has been referred");
    }
    let request = Request {
        sha256: Sha256::digest(&head.note).into(),
        // Its first bit is not set, so that every authority reads it alike.
        nonce: u64::from_be_bytes(crate::chance::bytes()) >> 1,
    };
    let question = folder.join(format!("{}.tsq", head.n_entries));
    write(&question.with_extension("txt"), head.note.as_bytes())?;
    write(&question, &request.to_der())?;
    match &arguments.tsa {
        Some(tsa) => stamped(arguments, &question, &request, &ask(tsa, &request).await?),
        None => {
            let words = format!(
                "the question is {}\n  to do: have an authority answer it, and give the answer with --answer",
                question.display()
            );
            say(arguments, &json!({ "question": question, "n_entries": head.n_entries, "is_stamped": false }), &words);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Asks an authority (RFC 3161 §3.4).
async fn ask(tsa: &Url, request: &Request) -> Result<Vec<u8>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let what =
        || format!("{tsa} did not answer as an authority for time stamps\n  to do: try again, or ask another one");
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let asked = http.post(tsa.clone()).header("Content-Type", "application/timestamp-query").body(request.to_der());
    let mut answer = asked.send().await.and_then(reqwest::Response::error_for_status).with_context(what)?;
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.with_context(what)? {
        bytes.extend(piece);
        if bytes.len() > ANSWER_LEN_MAX {
            bail!("{}", what());
        }
    }
    Ok(bytes)
}

/// The question that this answers, among those that were written.
fn asked(folder: &Path, answer: &[u8]) -> Result<(PathBuf, Request)> {
    let stamp = Stamp::parse(answer).context("this is no answer of an authority")?;
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let is_question = file.extension().is_some_and(|extension| extension == "tsq");
        let request = if is_question { Request::parse(&crate::file::read(&file, 1 << 12)?).ok() } else { None };
        if let Some(request) =
            request.filter(|request| request.sha256 == stamp.sha256 && Some(request.nonce) == stamp.nonce)
        {
            return Ok((file, request));
        }
    }
    bail!("this answers no question in {}\n  to do: name the answer to one of them", folder.display())
}

fn stamped(arguments: &Arguments, question: &Path, request: &Request, answer: &[u8]) -> Result<ExitCode> {
    let stamp = request.check(answer).context("the authority's answer is not used")?;
    let (checkpoint, token) = (question.with_extension("txt"), question.with_extension("tsr"));
    let note =
        crate::file::read(&checkpoint, 1 << 20).with_context(|| format!("cannot read {}", checkpoint.display()))?;
    if <[u8; 32]>::from(Sha256::digest(&note)) != request.sha256 {
        bail!("{} was altered since the question\n  to do: ask anew", checkpoint.display());
    }
    write(&token, answer)?;
    let words = format!(
        "{} was there at {} by the authority's clock: {}\n  to do: keep both elsewhere; who signed it, says\n  \
         openssl ts -verify -in {} -data {} -CAfile THE-AUTHORITYS-CERTIFICATE.pem",
        checkpoint.display(),
        stamp.at,
        token.display(),
        token.display(),
        checkpoint.display()
    );
    say(arguments, &json!({ "checkpoint": checkpoint, "token": token, "at": stamp.at, "is_stamped": true }), &words);
    Ok(ExitCode::SUCCESS)
}

fn say(arguments: &Arguments, report: &serde_json::Value, words: &str) {
    match arguments.json {
        true => println!("{report}"),
        false => println!("{words}"),
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("cannot write {}\n  to do: make room there", file.display()))
}
