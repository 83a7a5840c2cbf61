//! `streamward-cluster payments publish`: puts transfers on the bus.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::context::PublishAckFuture;
use payments::read::jsonl::JsonReader;
use payments::read::{Door, Entry};
use payments::{PartyKey, Rates};
use tokio::sync::mpsc;

use super::{PackFiles, text_of};
use crate::Error;
use crate::bus::JetStream;
use crate::command::BusChoices;
use crate::payments::Sent;

/// Puts transfers on the bus, in the order of the file; the same one put in again counts once. Exit code 3 when rows
/// could not be used.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    pack: PackFiles,
    /// The publisher's name, which its certificate bears.
    #[arg(long, value_name = "NAME", default_value = "publisher")]
    name: String,
    /// File of transfers, JSON lines in our own names; `-` reads standard input as it comes.
    input: PathBuf,
    /// Exchange rates: lines `currency,day,rate` into the pack's currency.
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// File with the institution's secret, 16 bytes or more, that hides accounts.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Transfers that are sent before the bus has said that it has the first of them.
const N_IN_FLIGHT: usize = 512;
/// How long the bus may take to say so, and how often it is tried.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const N_TRIES: usize = 20;

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let pack = arguments.pack.load()?;
    let rates = match &arguments.rates {
        None => Rates::none(pack.currency),
        Some(path) => Rates::parse(&text_of(path)?, pack.currency)?,
    };
    let rates_sha256: String = rates.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = std::fs::read(&arguments.key);
    let failed = |source| Error::File { what: "read", path: arguments.key.clone(), source };
    let mut entries = read(&arguments.input, Door::plain(PartyKey::new(&secret.map_err(failed)?)?))?;
    let mut sending = Sending { bus: super::connect(&arguments.bus, &arguments.name).await?, waiting: VecDeque::new() };
    let (mut n_sent, mut n_not_used) = (0_u64, 0_u64);
    let mut not_used = |line: u64, why: String| {
        eprintln!("{}, line {line}: {why}", arguments.input.display());
        n_not_used += 1;
    };
    while let Some(entry) = entries.recv().await {
        match entry? {
            Entry::Reject(reject) => not_used(reject.line, format!("{} {}", reject.field.0, reject.problem)),
            Entry::Transfer { line, transfer } => match rates.value_minor(transfer.amount, transfer.at.day()) {
                Err(problem) => not_used(line, format!("currency {problem}")),
                Ok(value_minor) => {
                    let sent = Sent { transfer: *transfer, value_minor, rates_sha256: rates_sha256.clone() };
                    sending.send(sent).await?;
                    n_sent += 1;
                }
            },
        }
    }
    sending.settle(0).await?;
    eprintln!("{n_sent} transfers are on the bus, {n_not_used} rows not used");
    Ok(if n_not_used > 0 { 3 } else { 0 })
}

/// What was sent, and is perhaps not there yet.
struct Sending {
    bus: JetStream,
    waiting: VecDeque<(Sent, PublishAckFuture)>,
}

impl Sending {
    async fn send(&mut self, sent: Sent) -> Result<(), Error> {
        let acknowledged = self.bus.send(&sent).await?;
        self.waiting.push_back((sent, acknowledged));
        self.settle(N_IN_FLIGHT).await
    }

    /// Waits until no more than `n` are on their way. When one did not get there, it and all after it are sent again:
    /// the bus knows those that it has, and a consumer knows every one.
    async fn settle(&mut self, n: usize) -> Result<(), Error> {
        let mut n_tries = 0;
        while self.waiting.len() > n {
            let Some((sent, acknowledged)) = self.waiting.pop_front() else { return Ok(()) };
            match tokio::time::timeout(ANSWER_MAX, acknowledged).await {
                Ok(Ok(_)) => n_tries = 0,
                Ok(Err(why)) if n_tries == N_TRIES => {
                    return Err(Error::Bus { url: "(the bus)".into(), detail: why.to_string() });
                }
                Err(_) if n_tries == N_TRIES => {
                    return Err(Error::Bus { url: "(the bus)".into(), detail: "it does not answer".into() });
                }
                Ok(Err(_)) | Err(_) => {
                    n_tries += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    let all: Vec<Sent> =
                        std::iter::once(sent).chain(self.waiting.drain(..).map(|(sent, _)| sent)).collect();
                    for sent in all {
                        let acknowledged = self.bus.send(&sent).await?;
                        self.waiting.push_back((sent, acknowledged));
                    }
                }
            }
        }
        Ok(())
    }
}

type Entries = mpsc::Receiver<Result<Entry, payments::Error>>;

/// Every row, as it comes, read on a thread of its own.
fn read(path: &Path, door: Door) -> Result<Entries, Error> {
    let source: Box<dyn BufRead + Send> = match path == Path::new("-") {
        true => Box::new(BufReader::new(std::io::stdin())),
        false => {
            let file =
                File::open(path).map_err(|source| Error::File { what: "read", path: path.to_owned(), source })?;
            Box::new(BufReader::with_capacity(1 << 18, file))
        }
    };
    let (sender, receiver) = mpsc::channel(1024);
    std::thread::spawn(move || {
        for entry in JsonReader::new(source, door) {
            if sender.blocking_send(entry).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
