//! What do the windows hold at each transfer?

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use payments::pack::FEATURES;
use sha2::{Digest, Sha256};

use super::engine::{Engine, Reckoned};
use super::ids::Ids;
use crate::input::Input;
use crate::job::Wanted;
use crate::reckon::Found;

/// Arguments of `features`. The input is a file of transfers or a folder of rows.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    engine: Engine,
    /// The ids of the transfers in a folder of rows, as `prepare` wrote them; their numbers stand for them without.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Write JSON lines instead of CSV.
    #[arg(long)]
    json: bool,
    /// Write only how many there are and the SHA-256 of all, in order of transfer id.
    #[arg(long)]
    digest: bool,
}

/// Writes one row for each transfer that counts, in order of its id.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Reckoned { job, loaded, answer } = arguments.engine.reckon(&arguments.input, Wanted::Features).await?;
    let ids = match (&loaded, &arguments.ids) {
        (Some(loaded), _) => Ids::of(loaded.book.transfers()),
        (None, Some(path)) => Ids::read(path)?,
        (None, None) => Ids::Numbers,
    };
    let mut all = answer.in_order()?;
    ids.sort(&mut all)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.digest {
        let mut digest = Sha256::new();
        for (number, bytes) in &all {
            let id = ids.id(*number)?;
            digest.update((id.len() as u32).to_le_bytes());
            digest.update(id.as_bytes());
            digest.update((bytes.len() as u32).to_le_bytes());
            digest.update(bytes);
        }
        let sha256 = format!("{:x}", digest.finalize());
        writeln!(out, "{}", serde_json::json!({ "transfers": all.len(), "sha256": sha256 }))?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.json {
        let names: Vec<&str> = FEATURES.iter().map(|reading| reading.name).collect();
        writeln!(out, "id,{}", names.join(","))?;
    }
    for (number, bytes) in &all {
        let id = ids.id(*number)?;
        let features = Found::read(bytes, Wanted::Features)?.features;
        let values = FEATURES.iter().map(|reading| (reading.name, (reading.read)(&features, &job.pack.spans)));
        if arguments.json {
            let mut object: serde_json::Map<String, serde_json::Value> =
                values.map(|(name, value)| (name.to_owned(), value.into())).collect();
            object.insert("id".to_owned(), id.into_owned().into());
            writeln!(out, "{}", serde_json::Value::Object(object))?;
        } else {
            let cells: Vec<String> =
                values.map(|(_, value)| value.map_or_else(String::new, |v| v.to_string())).collect();
            writeln!(out, "\"{}\",{}", id.replace('"', "\"\""), cells.join(","))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
