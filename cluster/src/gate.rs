//! How does one stream pass, judged elsewhere?
//!
//! Around the machine [`lease::Egress`]: frames come from one side and leave on the other, the bus shows who holds the
//! stream's lease, and a link takes frames to that worker and brings answers back. Nobody else shows the stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guard::finding::{Finding, FrameId, JudgeId, RegionId};
use guard::region::Region;
use guard::{Counts, Held, Policy, Shown};
use lease::egress::{Input, LeaseCounts, Output, Patience};
use lease::{Egress, Holder, Name, Needs};
use live::picture::Packed;
use live::pipe::{Covers, Header};
use live::wire::{self, Answer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::bus::Bus;
use crate::incident::Origin;
use crate::journal::Journal;
use crate::link::{self, Connection, Hello};
use crate::outbox::Outbox;
use crate::worker::{Service, sleep_until};
use crate::{Error, tls};

/// A link that is not open after this long will not be.
const DIAL_MAX: Duration = Duration::from_secs(3);
/// After the last frame the bus is given this long to hear that the stream has ended.
const END_MAX: Duration = Duration::from_secs(3);
/// As many looks may wait for a link to open as frames wait in the guard.
const LOOKS_MAX: usize = 600;

/// How links are opened.
#[derive(Clone)]
pub enum Dial {
    /// Over the network, each end proving who it is.
    Tls(TlsConnector),
    /// To the worker in this process.
    Inside(Arc<Service>),
}

/// What is to be guarded, and how.
pub struct Stream {
    /// Its name on the bus.
    pub name: Name,
    /// What is covered, how soon, for how long.
    pub policy: Policy,
    /// When a worker is given up.
    pub patience: Patience,
    /// What the video's header said.
    pub header: Header,
    /// What stands in its incidents.
    pub origin: Origin,
}

/// Where things go.
pub struct Ends {
    /// Frames, as they come. The stream ends with them.
    pub frames: mpsc::Receiver<Packed>,
    /// Frames and covers, as they leave: the planes one after the other.
    pub places: mpsc::Sender<Vec<u8>>,
    /// Incidents, until the bus has them.
    pub outbox: Outbox,
    /// Everything that was decided, for audits and tests.
    pub journal: Option<Journal>,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// Of its frames.
    pub counts: Counts,
    /// Of its leases.
    pub leases: LeaseCounts,
}

/// What comes over a link.
enum Event {
    Answer(u64, Answer),
    Lost(u64, String),
}

/// A frame on its way to a worker.
struct Look {
    id: FrameId,
    due: Instant,
    frame: Held<Packed>,
    regions: Vec<Region>,
    looks: Vec<(JudgeId, RegionId)>,
}

struct Gate {
    stream: Stream,
    bus: Bus,
    dial: Dial,
    began: Instant,
    links: Vec<(u64, mpsc::Sender<Look>, JoinHandle<()>)>,
    events: mpsc::UnboundedSender<Event>,
    places: mpsc::Sender<Vec<u8>>,
    outbox: Outbox,
    journal: Option<Journal>,
    covers: Covers,
    has_ended: bool,
}

/// Guards a stream until its frames end.
///
/// # Errors
/// When the journal or an incident cannot be kept, or nobody takes what leaves.
pub async fn run(bus: Bus, dial: Dial, stream: Stream, ends: Ends) -> Result<Passed, Error> {
    let Ends { mut frames, places, outbox, journal } = ends;
    let size = stream.header.size;
    let per_s = 1.0 / stream.header.frame.as_secs_f64();
    let pixels_per_s = ((size.width * size.height) as f64 * per_s) as u64;
    let needs = Needs { policy: crate::judges_digest(&stream.policy), pixels_per_s };
    let mut machine = Egress::<Packed>::new(stream.name.clone(), needs, stream.patience, stream.policy.clone());
    let mut changes = bus.watch(Some(stream.name.clone()));
    let (events, mut heard) = mpsc::unbounded_channel();
    let hold = Duration::from_millis(stream.policy.timing.hold_ms.into());
    let began = Instant::now();
    let (links, covers) = (Vec::new(), Covers::default());
    let mut gate = Gate { stream, bus, dial, began, links, events, places, outbox, journal, covers, has_ended: false };
    // What waits when the last frame has come still gets its time.
    let (mut last_due, mut give_up) = (None, None);
    while !gate.has_ended {
        let due = [machine.next_timeout().map(|due| began + due), last_due, give_up].into_iter().flatten().min();
        let input = tokio::select! {
            // Whoever judges, and what it found, comes before the next frame.
            biased;
            Some(change) = changes.recv() => Input::Bus { revision: change.revision, lease: change.lease },
            Some(event) = heard.recv() => match event {
                Event::Answer(epoch, Answer { frame, findings }) => Input::Answer { epoch, frame, findings },
                Event::Lost(epoch, why) => {
                    eprintln!("{}: the link of epoch {epoch} is lost: {why}", gate.stream.name);
                    Input::LinkLost { epoch }
                }
            },
            () = sleep_until(due) => {
                let now = Instant::now();
                if give_up.is_some_and(|at| at <= now) {
                    break;
                }
                match last_due.take_if(|at| *at <= now) {
                    Some(_) => {
                        give_up = Some(now + END_MAX);
                        Input::EndOfStream
                    }
                    None => Input::Tick,
                }
            }
            frame = frames.recv(), if last_due.is_none() && give_up.is_none() => match frame {
                Some(picture) => Input::Frame(picture.arrive(&gate.stream.policy)),
                None => {
                    last_due = Some(Instant::now() + hold);
                    continue;
                }
            },
        };
        let at = began.elapsed();
        // What fell due before this was heard is decided, and stands in the journal, before it.
        machine.input(Input::Tick, at);
        while let Some(output) = machine.poll() {
            gate.carry_out(output, at).await?;
        }
        gate.note_input(&input, at)?;
        let refused = machine.lease_counts().answers_refused;
        let is_answer = matches!(input, Input::Answer { .. });
        machine.input(input, at);
        if is_answer && machine.lease_counts().answers_refused > refused {
            gate.note(at, || serde_json::json!({ "refused": true }))?;
        }
        while let Some(output) = machine.poll() {
            gate.carry_out(output, at).await?;
        }
    }
    for (_, _, task) in gate.links.drain(..) {
        task.abort();
    }
    gate.outbox.flush(END_MAX).await;
    Ok(Passed { counts: machine.counts(), leases: machine.lease_counts() })
}

impl Gate {
    async fn carry_out(&mut self, output: Output<Packed>, at: Duration) -> Result<(), Error> {
        match output {
            Output::Link { epoch, holder } => self.link(epoch, holder),
            Output::Unlink { epoch } => {
                self.note(at, || serde_json::json!({ "unlink": epoch }))?;
                self.links.retain(|(kept, _, task)| {
                    if *kept == epoch {
                        task.abort();
                    }
                    *kept != epoch
                });
            }
            Output::Send { epoch, id, due, frame, regions, looks } => {
                self.note(at, || serde_json::json!({ "sent": { "epoch": epoch, "frame": id.0 } }))?;
                let look = Look { id, due: self.began + due, frame, regions, looks };
                if let Some((_, link, _)) = self.links.iter().find(|(kept, ..)| *kept == epoch) {
                    // A link that takes no more leaves frames unanswered, and so is given up.
                    let _ = link.try_send(look);
                }
            }
            Output::Write { lease, after } => {
                let (bus, name) = (self.bus.clone(), self.stream.name.clone());
                // What came of it is seen on the bus.
                tokio::spawn(async move { bus.write(&name, lease.as_ref(), after).await });
            }
            Output::Show { id, shown, epoch, .. } => {
                self.note_place(id, &shown, epoch, at)?;
                let bytes = match shown {
                    Shown::Frame(released) | Shown::Repeat(released) => released.frame().data().to_vec(),
                    Shown::Cover(cause, signature) => {
                        let Stream { policy, header, .. } = &self.stream;
                        self.covers.paint(header.size, policy, cause, &signature).to_vec()
                    }
                };
                let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
                self.places
                    .send(bytes)
                    .await
                    .map_err(gone)
                    .map_err(|source| live::Error::Write { path: "the standard output".into(), source })?;
            }
            Output::Incident(incident) => {
                let record = self.stream.origin.record(&self.stream.name, &incident);
                self.note(at, || serde_json::json!({ "incident": record.id }))?;
                self.outbox.put(record)?;
            }
            Output::State(state) => eprintln!("{}: {state:?}", self.stream.name),
            Output::Ended => self.has_ended = true,
            Output::Mute | Output::Unmute => (),
        }
        Ok(())
    }

    fn link(&mut self, epoch: u64, holder: Holder) {
        let (sender, looks) = mpsc::channel(LOOKS_MAX);
        let hello = Hello { stream: self.stream.name.clone(), epoch };
        let (dial, events) = (self.dial.clone(), self.events.clone());
        let task = tokio::spawn(async move {
            let why = match tokio::time::timeout(DIAL_MAX, dial.open(&holder)).await {
                Err(_) => "it does not open".to_owned(),
                Ok(Err(why)) => why.to_string(),
                Ok(Ok(connection)) => match converse(connection, hello, looks, &events).await {
                    Ok(()) => "the worker closed it".to_owned(),
                    Err(why) => why.to_string(),
                },
            };
            let _ = events.send(Event::Lost(epoch, why));
        });
        self.links.push((epoch, sender, task));
    }

    fn note(&mut self, at: Duration, what: impl FnOnce() -> serde_json::Value) -> Result<(), Error> {
        match &mut self.journal {
            Some(journal) => journal.write(at, what()),
            None => Ok(()),
        }
    }

    fn note_input(&mut self, input: &Input<Packed>, at: Duration) -> Result<(), Error> {
        match input {
            Input::Bus { revision, lease } => self.note(at, || {
                let worker = lease.as_ref().and_then(|lease| Some(lease.holder.as_ref()?.worker.as_str()));
                let epoch = lease.as_ref().map(|lease| lease.epoch);
                serde_json::json!({ "bus": { "revision": revision.0, "epoch": epoch, "worker": worker } })
            }),
            Input::Answer { epoch, frame, findings } => self.note(at, || {
                let is_clear = findings.iter().all(|Finding { found, .. }| *found == guard::finding::Found::Clear);
                serde_json::json!({ "answer": { "epoch": epoch, "frame": frame.0, "clear": is_clear } })
            }),
            Input::LinkLost { epoch } => self.note(at, || serde_json::json!({ "lost": epoch })),
            Input::Frame(_) | Input::Tick | Input::Reset | Input::EndOfStream => Ok(()),
        }
    }

    fn note_place(
        &mut self,
        id: FrameId,
        shown: &Shown<Packed>,
        epoch: Option<u64>,
        at: Duration,
    ) -> Result<(), Error> {
        self.note(at, || {
            let (what, cause) = match shown {
                Shown::Frame(_) => ("frame", None),
                Shown::Repeat(_) => ("repeat", None),
                Shown::Cover(cause, _) => ("cover", Some(format!("{cause:?}"))),
            };
            serde_json::json!({ "place": { "frame": id.0, "shown": what, "cause": cause, "epoch": epoch } })
        })
    }
}

impl Dial {
    async fn open(&self, holder: &Holder) -> Result<Connection, Error> {
        let failed = |why: std::io::Error| Error::Link { peer: holder.worker.to_string(), why: why.to_string() };
        match self {
            Dial::Tls(connector) => {
                let socket = TcpStream::connect(&holder.address).await.map_err(failed)?;
                socket.set_nodelay(true).map_err(failed)?;
                let name = tls::worker_name(&holder.worker)?;
                Ok(Box::new(connector.connect(name, socket).await.map_err(failed)?))
            }
            Dial::Inside(service) => {
                let (here, there) = tokio::io::duplex(1 << 20);
                tokio::spawn(Arc::clone(service).serve(Box::new(there)));
                Ok(Box::new(here))
            }
        }
    }
}

/// Sends looks and hears answers until the other end closes.
async fn converse(
    connection: Connection,
    hello: Hello,
    mut looks: mpsc::Receiver<Look>,
    events: &mpsc::UnboundedSender<Event>,
) -> std::io::Result<()> {
    let epoch = hello.epoch;
    let (mut from_worker, mut to_worker) = tokio::io::split(connection);
    let sending = async {
        hello.send(&mut to_worker).await?;
        while let Some(Look { id, due, frame, regions, looks }) = looks.recv().await {
            let left = due.saturating_duration_since(Instant::now());
            let mut body = Vec::new();
            // Sending it to a judge is what a look is for.
            frame.look(|picture| body = wire::look(id, left, &regions, &looks, picture));
            to_worker.write_all(&wire::framed(&body)).await?;
            to_worker.flush().await?;
        }
        Ok(())
    };
    let hearing = async {
        while let Some(body) = link::read(&mut from_worker, wire::BYTES_MAX).await? {
            let answer = Answer::parse(&body).map_err(std::io::Error::other)?;
            let _ = events.send(Event::Answer(epoch, answer));
        }
        Ok(())
    };
    tokio::select! { ended = sending => ended, ended = hearing => ended }
}
