//! `streamward-cluster payments`: transfers that many machines score.

mod alerts;
mod consume;
mod publish;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use payments::Pack;

use super::BusChoices;
use crate::Error;

/// Scores transfers on as many machines as there are; each alert comes out once.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Publish(publish::Arguments),
    Consume(consume::Arguments),
    Alerts(alerts::Arguments),
}

/// A pack and its overlay.
#[derive(clap::Args)]
struct PackFiles {
    /// Pack of indicators (TOML); the public pack livestream-exploitation when not given. The same for all.
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
    /// The institution's own values (TOML).
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,
}

impl PackFiles {
    fn load(&self) -> Result<Pack, Error> {
        let pack = self.pack.as_deref().map(text_of).transpose()?;
        let overlay = self.overlay.as_deref().map(text_of).transpose()?;
        let text = pack.as_deref().unwrap_or(payments::pack::LIVESTREAM_EXPLOITATION);
        Ok(Pack::parse(text, overlay.as_deref())?)
    }
}

fn text_of(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { what: "read", path: path.to_owned(), source })
}

/// The bus with its two streams.
async fn connect(bus: &BusChoices, name: &str) -> Result<crate::bus::JetStream, Error> {
    let (url, identity) = (bus.url()?, bus.identity(name)?);
    let connected = crate::bus::JetStream::connect(url, Some(&identity), bus.replicas).await?;
    connected.make_payments(bus.replicas).await?;
    Ok(connected)
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    match arguments.command {
        Command::Publish(arguments) => publish::run(arguments).await,
        Command::Consume(arguments) => consume::run(arguments).await,
        Command::Alerts(arguments) => alerts::run(arguments).await,
    }
}
