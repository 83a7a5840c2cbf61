//! `streamward-cluster worker`: judges streams that gates elsewhere hold.

use std::time::Duration;

use lease::{Holder, Name};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{BusChoices, Judges};
use crate::Error;
use crate::worker::{Service, Wish};

/// Judges streams that gates elsewhere hold, as many as this machine can carry. A request to stop hands them over first.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    judges: Judges,
    /// Its name: letters, digits, - and _. Its certificate bears it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where it takes frames.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:4500")]
    listen: String,
    /// The address that gates reach it at, if it is another one.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// What its judges can carry, pixels a second; measured where it is not given.
    #[arg(long, value_name = "N")]
    capacity: Option<u64>,
    /// How long to wait for others to take over when asked to stop, seconds.
    #[arg(long, value_name = "S", default_value_t = 60)]
    drain_s: u64,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let name = Name::new(&arguments.name)?;
    let (_, acceptor) = arguments.bus.identity(&arguments.name)?.load()?;
    let failed = |source| Error::Listen { address: arguments.listen.clone(), source };
    let listener = TcpListener::bind(&arguments.listen).await.map_err(failed)?;
    let own = listener.local_addr().map_err(failed)?;
    let seats = arguments.judges.seats();
    let capacity = match arguments.capacity {
        Some(capacity) => capacity,
        None => seats.measure().await?,
    };
    let bus = arguments.bus.connect(&arguments.name).await?;
    let holder = Holder { worker: name, address: arguments.advertise.unwrap_or_else(|| own.to_string()) };
    eprintln!("{}: takes frames at {}, up to {capacity} pixels a second", holder.worker, holder.address);
    let service = Service::new(bus, seats, holder, capacity);
    let (wish, wishes) = mpsc::channel(1);
    let listening = tokio::spawn(std::sync::Arc::clone(&service).listen(listener, acceptor));
    let stopping = async {
        super::asked_to_stop().await;
        eprintln!("hands its streams over; asked once more, it stops at once");
        let _ = wish.send(Wish::Drain).await;
        tokio::select! {
            () = super::asked_to_stop() => (),
            () = tokio::time::sleep(Duration::from_secs(arguments.drain_s)) => (),
        }
    };
    let outcome = tokio::select! { outcome = service.run(wishes) => outcome, () = stopping => Ok(()) };
    listening.abort();
    outcome.map(|()| 0)
}
