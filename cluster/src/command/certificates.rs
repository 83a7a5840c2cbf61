//! `streamward-cluster certificates`: an authority and certificates for a trial.

use std::net::IpAddr;
use std::path::PathBuf;

use lease::Name;

use crate::Error;
use crate::certificates::{Wanted, make};

/// Makes an authority and certificates for a trial. A platform has an authority of its own.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// An empty folder, or one to be made.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// A gate's name. May be given several times, as all that follow.
    #[arg(long = "gate", value_name = "NAME")]
    gates: Vec<String>,
    /// A worker's name.
    #[arg(long = "worker", value_name = "NAME")]
    workers: Vec<String>,
    /// The name of a reader of incidents or alerts.
    #[arg(long = "reader", value_name = "NAME")]
    readers: Vec<String>,
    /// The name of somebody who puts transfers on the bus.
    #[arg(long = "publisher", value_name = "NAME")]
    publishers: Vec<String>,
    /// The name of somebody who scores them.
    #[arg(long = "consumer", value_name = "NAME")]
    consumers: Vec<String>,
    /// A nats-server's name and address.
    #[arg(long = "server", value_name = "NAME=IP", value_parser = server)]
    servers: Vec<(String, IpAddr)>,
}

fn server(text: &str) -> Result<(String, IpAddr), String> {
    let (name, ip) = text.split_once('=').ok_or("it is not NAME=IP")?;
    Ok((name.to_owned(), ip.parse().map_err(|why| format!("{why}"))?))
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let names = |all: &[String]| all.iter().map(|name| Name::new(name)).collect::<Result<Vec<_>, _>>();
    let servers = arguments.servers.iter().map(|(name, ip)| Ok((Name::new(name)?, *ip)));
    let wanted = Wanted {
        gates: names(&arguments.gates)?,
        workers: names(&arguments.workers)?,
        readers: names(&arguments.readers)?,
        publishers: names(&arguments.publishers)?,
        consumers: names(&arguments.consumers)?,
        servers: servers.collect::<Result<_, lease::Error>>()?,
    };
    make(&arguments.out, &wanted)?;
    Ok(0)
}
