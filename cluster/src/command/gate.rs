//! `streamward-cluster gate`: one stream in, its guarded copy out, judged elsewhere.

use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lease::egress::Patience;
use lease::{Holder, Name};
use live::pipe::Header;
use tokio::sync::mpsc;

use super::{BusChoices, Judges};
use crate::Error;
use crate::bus::Bus;
use crate::gate::{Dial, Ends, Passed, Stream};
use crate::incident::Origin;
use crate::journal::Journal;
use crate::outbox::Outbox;
use crate::worker::Service;

/// Guards YUV4MPEG2 from standard input to standard output as it comes; workers elsewhere judge, or with no --nats one
/// in this process.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    bus: BusChoices,
    #[command(flatten)]
    judges: Judges,
    /// The stream's name, unique on the bus: letters, digits, - and _.
    #[arg(long, value_name = "NAME")]
    stream: String,
    /// The gate's name, which its certificate bears; the stream's where it is not given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The service the stream is on, as it stands in incidents.
    #[arg(long, value_name = "TEXT", default_value = "this service")]
    platform: String,
    /// Where incidents are kept until the bus has them.
    #[arg(long, value_name = "FOLDER", default_value = "streamward-outbox")]
    outbox: PathBuf,
    /// Write what was heard and decided, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// A lease that nobody renews lasts this long, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = Patience::DEFAULT.ttl.as_millis() as u32, value_parser = clap::value_parser!(u32).range(1000..=600_000))]
    ttl_ms: u32,
    /// A worker that leaves frames unanswered for this long is given up, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = Patience::DEFAULT.stall.as_millis() as u32, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    stall_ms: u32,
    /// End with one JSON object on standard error.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, Error> {
    let name = Name::new(&arguments.stream)?;
    let seats = arguments.judges.seats();
    let policy = seats.policy()?;
    let (bus, dial) = match &arguments.bus.nats {
        Some(_) => {
            let own = arguments.name.as_deref().unwrap_or(&arguments.stream);
            let (connector, _) = arguments.bus.identity(own)?.load()?;
            (arguments.bus.connect(own).await?, Dial::Tls(connector))
        }
        None => {
            let bus = Bus::in_process();
            let me = Holder { worker: Name::new("inside")?, address: "inside".into() };
            let service = Service::new(bus.clone(), seats, me, u64::MAX);
            let (wish, wishes) = mpsc::channel(1);
            tokio::spawn({
                let service = Arc::clone(&service);
                async move {
                    let outcome = service.run(wishes).await;
                    drop(wish);
                    if let Err(why) = outcome {
                        eprintln!("{why}");
                    }
                }
            });
            (bus, Dial::Inside(service))
        }
    };
    let outbox = Outbox::open(&arguments.outbox, bus.clone())?;
    let journal = arguments.journal.as_deref().map(Journal::create).transpose()?;
    let ttl = Duration::from_millis(arguments.ttl_ms.into());
    let stall = Duration::from_millis(arguments.stall_ms.into());
    let patience = Patience { ttl, stall, ..Patience::DEFAULT };
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let began_at = Timestamp::from_millisecond(since_1970.as_millis() as i64).unwrap_or_default();
    let origin = Origin { platform: arguments.platform, began_at };

    let (header, frames) = read_frames().await?;
    let (places, writing) = write_places(header.line.clone());
    let stream = Stream { name, policy, patience, header, origin };
    let ends = Ends { frames, places, outbox, journal };
    let passed = crate::gate::run(bus, dial, stream, ends).await?;
    // The writer ends when what it was given is written.
    let _ = tokio::task::spawn_blocking(move || writing.join()).await;
    tell(&passed, arguments.json);
    Ok(match (passed.counts.stalled + passed.counts.repeated, passed.counts.covered) {
        (1.., _) => 3,
        (0, 1..) => 1,
        (0, 0) => 0,
    })
}

/// The header of what comes on standard input, and its frames as they come.
async fn read_frames() -> Result<(Header, mpsc::Receiver<live::picture::Packed>), Error> {
    let (found, header) = tokio::sync::oneshot::channel();
    let (sender, frames) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut input = BufReader::with_capacity(1 << 20, std::io::stdin());
        let header = match Header::read(&mut input) {
            Ok(header) => header,
            Err(why) => return drop(found.send(Err(why))),
        };
        if found.send(Ok(header.clone())).is_err() {
            return;
        }
        loop {
            match header.next(&mut input) {
                Ok(Some(picture)) => {
                    if sender.blocking_send(picture).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(why) => return eprintln!("{why}"),
            }
        }
    });
    let header = header.await.map_err(|_| Error::Checker("the reader of standard input ended".into()))??;
    Ok((header, frames))
}

/// Writes what leaves to standard output, on a thread of its own.
fn write_places(header: Vec<u8>) -> (mpsc::Sender<Vec<u8>>, std::thread::JoinHandle<()>) {
    let (places, mut waiting) = mpsc::channel::<Vec<u8>>(64);
    let writing = std::thread::spawn(move || {
        let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout());
        let mut write = |parts: [&[u8]; 2]| {
            parts.iter().try_for_each(|part| output.write_all(part)).and_then(|()| output.flush()).is_ok()
        };
        if !write([&header, b""]) {
            return;
        }
        while let Some(place) = waiting.blocking_recv() {
            if !write([b"FRAME\n", &place]) {
                return;
            }
        }
    });
    (places, writing)
}

fn tell(passed: &Passed, is_json: bool) {
    let (counts, leases) = (passed.counts, passed.leases);
    if is_json {
        let told = serde_json::json!({
            "frames": counts.frames, "judged": counts.judged, "reused": counts.reused, "released": counts.released,
            "repeated": counts.repeated, "covered": counts.covered, "stalled": counts.stalled,
            "released_unjudged": counts.released_unjudged, "answers": leases.answers,
            "answers_refused": leases.answers_refused, "leases": leases.leases, "leases_lost": leases.leases_lost,
        });
        eprintln!("{told}");
    } else {
        eprintln!(
            "{} frames, {} shown, {} repeated, {} covered ({} of them unjudged); {} leases, {} lost; {} answers refused",
            counts.frames,
            counts.released,
            counts.repeated,
            counts.covered,
            counts.stalled,
            leases.leases,
            leases.leases_lost,
            leases.answers_refused
        );
    }
}
