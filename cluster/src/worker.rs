//! How does a worker find streams and judge them?
//!
//! Around the machine [`lease::Worker`]: the bus shows it leases, and gates open links. A link is served while the
//! machine holds the lease that the link names, by a process of its own; a spare process stands ready, so that a
//! stream that comes over from another worker waits for no model to load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lease::worker::{Input, Output};
use lease::{Holder, Name, Worker};
use live::wire;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::bus::Bus;
use crate::checker::{Checker, Seats};
use crate::link::{self, Connection, Hello};
use crate::{Error, tls};

/// A gate may hear of a lease before its holder does; the holder waits this long to hear of it too.
const HEAR_MAX: Duration = Duration::from_secs(2);
/// A connection that has not said who it is after this long is closed.
const HELLO_MAX: Duration = Duration::from_secs(5);

/// What is told from outside.
#[derive(Debug)]
pub enum Wish {
    /// Take nothing more, give up what is held, then end.
    Drain,
}

/// The epoch under which each stream is served.
type Served = BTreeMap<Name, u64>;

/// Judges streams until it has drained.
pub struct Service {
    bus: Bus,
    seats: Seats,
    me: Holder,
    capacity: u64,
    spare: Mutex<Option<Checker>>,
    served: watch::Sender<Served>,
    inputs: mpsc::UnboundedSender<Input>,
    from_links: Mutex<Option<mpsc::UnboundedReceiver<Input>>>,
}

impl Service {
    /// A worker that can carry `capacity` pixels a second.
    pub fn new(bus: Bus, seats: Seats, me: Holder, capacity: u64) -> Arc<Service> {
        let (inputs, from_links) = mpsc::unbounded_channel();
        let from_links = Mutex::new(Some(from_links));
        let served = watch::Sender::new(Served::new());
        Arc::new(Service { bus, seats, me, capacity, spare: Mutex::new(None), served, inputs, from_links })
    }

    /// Takes links from gates, for ever.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let _ = socket.set_nodelay(true);
            let (service, acceptor) = (Arc::clone(&self), acceptor.clone());
            tokio::spawn(async move {
                let accepted = tokio::time::timeout(HELLO_MAX, acceptor.accept(socket)).await;
                let Ok(Ok(connection)) = accepted else { return };
                let peer = connection.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
                if peer.is_some_and(|certificate| tls::is_gate(&certificate)) {
                    service.serve(Box::new(connection)).await;
                }
            });
        }
    }

    /// Serves one link until either end has enough.
    pub async fn serve(self: Arc<Self>, mut connection: Connection) {
        let hello = tokio::time::timeout(HELLO_MAX, Hello::receive(&mut connection)).await;
        let Ok(Ok(Hello { stream, epoch })) = hello else { return };
        let mut served = self.served.subscribe();
        let is_mine = |served: &Served| served.get(&stream) == Some(&epoch);
        // What is waited for holds a lock, and goes at once.
        let is_heard = {
            let heard = tokio::time::timeout(HEAR_MAX, served.wait_for(is_mine)).await;
            matches!(heard, Ok(Ok(_)))
        };
        if !is_heard {
            return;
        }
        let link = |is_open| Input::Link { stream: stream.clone(), is_open };
        let _ = self.inputs.send(link(true));
        tokio::select! {
            outcome = self.judge(connection) => if let Err(why) = outcome { eprintln!("{stream}: {why}") },
            () = async { drop(served.wait_for(|served| !is_mine(served)).await) } => (),
        }
        if is_mine(&self.served.borrow()) {
            let _ = self.inputs.send(link(false));
        }
    }

    async fn judge(&self, connection: Connection) -> Result<(), Error> {
        let spare = self.spare.lock().await.take();
        let mut checker = match spare {
            Some(checker) => checker,
            None => self.seats.start().await?,
        };
        let (mut from_gate, mut to_gate) = tokio::io::split(connection);
        let lost = |why: std::io::Error| Error::Link { peer: "a gate".into(), why: why.to_string() };
        let looks = async {
            while let Some(body) = link::read(&mut from_gate, wire::BYTES_MAX).await.map_err(lost)? {
                checker.looks.write_all(&wire::framed(&body)).await.map_err(lost)?;
                checker.looks.flush().await.map_err(lost)?;
            }
            Ok(())
        };
        let answers = async {
            while let Some(body) = link::read(&mut checker.answers, wire::BYTES_MAX).await.map_err(lost)? {
                to_gate.write_all(&wire::framed(&body)).await.map_err(lost)?;
                to_gate.flush().await.map_err(lost)?;
            }
            Err(Error::Checker("streamward-guard judge has ended".into()))
        };
        tokio::select! { ended = looks => ended, ended = answers => ended }
    }

    /// Keeps one process ready.
    async fn refill(self: Arc<Self>) {
        loop {
            if self.spare.lock().await.is_none() {
                match self.seats.start().await {
                    Ok(checker) => *self.spare.lock().await = Some(checker),
                    Err(why) => eprintln!("{why}"),
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Runs until it has drained.
    ///
    /// # Errors
    /// When no judges can be seated, or it runs already.
    pub async fn run(self: Arc<Self>, mut wishes: mpsc::Receiver<Wish>) -> Result<(), Error> {
        let Some(mut inputs) = self.from_links.lock().await.take() else {
            return Err(Error::Checker("this worker runs already".into()));
        };
        let policy = crate::judges_digest(&self.seats.policy()?);
        *self.spare.lock().await = Some(self.seats.start().await?);
        let refill = tokio::spawn(Arc::clone(&self).refill());
        let mut changes = self.bus.watch(None);
        let began = Instant::now();
        let mut machine = Worker::new(self.me.clone(), policy);
        machine.input(Input::Capacity(self.capacity), began.elapsed());
        'alive: loop {
            while let Some(output) = machine.poll() {
                match output {
                    Output::Write { stream, lease, after } => self.write(stream, lease, after),
                    Output::Serve { stream, epoch } => {
                        eprintln!("{stream}: judged here, epoch {epoch}");
                        self.served.send_modify(|served| served.extend([(stream, epoch)]));
                    }
                    Output::Leave { stream, epoch } => {
                        eprintln!("{stream}: no longer judged here, epoch {epoch}");
                        self.served.send_modify(|served| {
                            served.retain(|name, kept| *name != stream || *kept != epoch);
                        });
                    }
                    Output::Drained => break 'alive,
                }
            }
            let due = machine.next_timeout().map(|due| began + due);
            let input = tokio::select! {
                Some(change) = changes.recv() => {
                    Input::Bus { stream: change.stream, revision: change.revision, lease: change.lease }
                }
                Some(input) = inputs.recv() => input,
                Some(Wish::Drain) = wishes.recv() => Input::Drain,
                () = sleep_until(due) => Input::Tick,
            };
            machine.input(input, began.elapsed());
        }
        refill.abort();
        Ok(())
    }

    fn write(&self, stream: Name, lease: Option<lease::Lease>, after: lease::Revision) {
        let (bus, inputs) = (self.bus.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let _ = inputs.send(match bus.write(&stream, lease.as_ref(), after).await {
                Some(revision) => Input::Written { stream, revision },
                None => Input::Refused { stream },
            });
        });
    }
}

/// Sleeps until `due`, for ever where there is nothing due.
pub(crate) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
