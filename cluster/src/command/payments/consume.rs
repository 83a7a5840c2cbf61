//! `streamward-cluster payments consume`: takes part in scoring.

use std::path::PathBuf;
use std::time::Duration;

use lease::Name;
use tokio::sync::mpsc;

use super::PackFiles;
use crate::Error;
use crate::command::{BusChoices, asked_to_stop};
use crate::payments::consumer::{Settings, claim, run as consume};
use crate::worker::Wish;

/// Takes every transfer on the bus and puts the alerts of its share of the parties there. A request to stop hands that
/// share over first.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    pack: PackFiles,
    /// Its name: letters, digits, - and _. Its certificate bears it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Folder for its snapshot; its own.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// Transfers between two snapshots, at least. They take at most a tenth of its time.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// A share that nobody renews is others' to take after this long, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(500..=600_000))]
    ttl_ms: u32,
    /// How long to wait for others to take over when asked to stop, seconds.
    #[arg(long, value_name = "S", default_value_t = 10)]
    drain_s: u64,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let settings = Settings {
        name: Name::new(&arguments.name)?,
        state: arguments.state,
        snapshot_every: arguments.snapshot_every,
        ttl: Duration::from_millis(arguments.ttl_ms.into()),
    };
    let pack = arguments.pack.load()?;
    let _alone = claim(&settings.state)?;
    let bus = super::connect(&arguments.bus, &arguments.name).await?;
    let (wish, wishes) = mpsc::channel(1);
    let stopping = async {
        asked_to_stop().await;
        eprintln!("hands its share over; asked once more, it stops at once");
        let _ = wish.send(Wish::Drain).await;
        tokio::select! {
            () = asked_to_stop() => (),
            () = tokio::time::sleep(Duration::from_secs(arguments.drain_s)) => (),
        }
    };
    let outcome = tokio::select! { outcome = consume(bus, pack, settings, wishes) => outcome, () = stopping => Ok(()) };
    outcome.map(|()| 0)
}
