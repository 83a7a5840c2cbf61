//! `streamward-cluster lists`: the same lists on every node.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::{BusChoices, asked_to_stop};
use crate::Error;
use crate::bus::JetStream;
use crate::bus::jetstream::Lists;
use crate::lists::follow::{Files, Follower, Wanted};
use crate::lists::{publish, quorum};

/// Brings signed lists to every node, and never an older one after a newer.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Publish(Publish),
    Follow(Follow),
}

/// Who must have signed a list.
#[derive(clap::Args)]
struct Trust {
    /// Lists must be signed by the keys in this file, one a line.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// How many of these keys must have signed.
    #[arg(long, value_name = "K", default_value_t = 1)]
    need: usize,
}

/// Puts a list and its LIST.sig on the bus, with what changed since the version there.
#[derive(clap::Args)]
struct Publish {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    trust: Trust,
    /// The publisher's name, which its certificate bears.
    #[arg(long, value_name = "NAME", default_value = "publisher")]
    name: String,
    /// The list.
    list: PathBuf,
}

/// Keeps the newest of each list here, with its signatures; an older or altered one is refused and said so.
#[derive(clap::Args)]
struct Follow {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    trust: Trust,
    /// This node's name, which its certificate bears.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A list and where it is to lie. May be given several times.
    #[arg(long = "list", value_name = "NAME=FILE", required = true, value_parser = wanted)]
    lists: Vec<Wanted>,
    /// Where it is remembered which version of each list was seen.
    #[arg(long, value_name = "FILE")]
    seen: PathBuf,
    /// Where it is said how far behind this node is, for `streamward serve --followed FILE`.
    #[arg(long, value_name = "FILE")]
    status: PathBuf,
    /// Look at the bus this often, seconds.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every_s: u64,
}

fn wanted(text: &str) -> Result<Wanted, String> {
    let (name, file) = text.rsplit_once('=').ok_or("it is not NAME=FILE")?;
    Ok(Wanted { name: name.to_owned(), file: file.into() })
}

async fn connect(bus: &BusChoices, name: &str) -> Result<Lists, Error> {
    let (url, identity) = (bus.url()?, bus.identity(name)?);
    JetStream::connect(url, Some(&identity), bus.replicas).await?.lists(bus.replicas).await
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    match arguments.command {
        Command::Publish(Publish { bus, trust, name, list }) => {
            let quorum = quorum(&trust.keys, trust.need)?;
            let published = publish::publish(&connect(&bus, &name).await?, &list, &quorum).await?;
            let how = match published.delta_bytes {
                Some(n) => format!("{n} bytes for who has the version before"),
                None => "whole".into(),
            };
            eprintln!("{}: version {} is on the bus, {how}", published.name, published.version);
            Ok(0)
        }
        Command::Follow(Follow { bus, trust, name, lists, seen, status, every_s }) => {
            let quorum = quorum(&trust.keys, trust.need)?;
            let follower = Follower::open(connect(&bus, &name).await?, quorum, Files { seen, status }, lists)?;
            let following = follower.run(Duration::from_secs(every_s));
            tokio::select! { outcome = following => outcome.map(|()| 0), () = asked_to_stop() => Ok(0) }
        }
    }
}
