//! `streamward-cluster payments alerts`: every alert on the bus, once.

use std::path::PathBuf;

use crate::Error;
use crate::command::kept::Kept;
use crate::command::{BusChoices, asked_to_stop};

/// Adds every alert on the bus to a file, once each, one JSON object a line; goes on where it stopped.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    /// The reader's name, which its certificate bears; each reader gets every alert.
    #[arg(long, value_name = "NAME", default_value = "payments")]
    name: String,
    /// The file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let bus = super::connect(&arguments.bus, &arguments.name).await?;
    let id = |line: &[u8]| Some(serde_json::from_slice::<payments::Alert>(line).ok()?.id);
    let mut kept = Kept::open(&arguments.out, id)?;
    let mut alerts = bus.alerts(&arguments.name);
    let reading = async {
        while let Some(delivered) = alerts.recv().await {
            kept.keep(&delivered.record.id, delivered.bytes())?;
            delivered.keep().await;
        }
        Ok(0)
    };
    tokio::select! { outcome = reading => outcome, () = asked_to_stop() => Ok(0) }
}
