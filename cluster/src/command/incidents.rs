//! `streamward-cluster incidents`: every incident on the bus, once, for casework.

use std::path::PathBuf;

use super::BusChoices;
use super::kept::Kept;
use crate::Error;
use crate::bus::Bus;
use crate::incident::Record;

/// Adds every incident on the bus to a file, once each, one JSON object a line; goes on where it stopped.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    /// The reader's name, which its certificate bears; each reader gets every incident.
    #[arg(long, value_name = "NAME", default_value = "casework")]
    name: String,
    /// The file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let Bus::JetStream(bus) = arguments.bus.connect(&arguments.name).await? else {
        return Ok(0);
    };
    let mut kept = Kept::open(&arguments.out, |line| Some(Record::parse(line).ok()?.id))?;
    let mut incidents = bus.incidents(&arguments.name);
    let reading = async {
        while let Some(delivered) = incidents.recv().await {
            kept.keep(&delivered.record.id, delivered.bytes())?;
            delivered.keep().await;
        }
        Ok(0)
    };
    tokio::select! { outcome = reading => outcome, () = super::asked_to_stop() => Ok(0) }
}
