//! What would many machines do?
//!
//! The real lease machines, one `Egress` for each stream and one `Worker` for each worker, and between them a bus, a
//! network and judges that exist on paper. Things happen one after the other, each at its microsecond; chance comes
//! from a seed, so equal settings give equal results. Whatever a machine asks for costs what [`Costs`] says.
//!
//! Left out: lost messages while nothing is broken, and a gate that dies with its stream.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use lease::egress::{self, Patience};
use lease::{Egress, Holder, Lease, Name, Needs, Revision, Worker, worker};

use super::bus::Bus;
use super::costs::{Costs, Dice};
use super::judge::{Begun, Judge};
use super::stream::{Frame, Gate, Stream};

/// A world to be run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Equal seeds give equal worlds.
    pub(crate) seed: u64,
    /// How long each stream holds its frames, one after the other and again from the first, milliseconds.
    pub(crate) holds_ms: Vec<u32>,
    /// Streams; they begin one after the other over `begin_us`.
    pub(crate) n_streams: usize,
    /// Workers; worker `n` stands in zone `n % 3`.
    pub(crate) n_workers: usize,
    /// Over how long streams begin.
    pub(crate) begin_us: u64,
    /// What things cost.
    pub(crate) costs: Costs,
    /// When a holder is given up.
    pub(crate) patience: Patience,
    /// How long the last released frame may stay up, milliseconds.
    pub(crate) freeze_ms: u32,
    /// Whether the gates are as they should be.
    pub(crate) gate: Gate,
    /// Whether each gate writes a journal.
    pub(crate) has_journal: bool,
    /// From one frame to the next, microseconds.
    pub(crate) step_us: u64,
    /// Whether every frame comes. Else, of a stream that has lost no lease of late, one in six, at the cost of six.
    pub(crate) is_fine: bool,
    /// What goes wrong, and when.
    pub(crate) deeds: Vec<(u64, Deed)>,
    /// When it ends.
    pub(crate) end_us: u64,
}

/// Which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The one that holds the lease of this stream then.
    HolderOf(usize),
    /// This one.
    Number(usize),
    /// All of a zone.
    Zone(usize),
}

/// What is done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The process ends; its links are seen broken. It is started again after so long, or never.
    Kill(Who, u64),
    /// Nothing reaches it and nothing leaves it, for so long.
    Cut(Who, u64),
    /// It stands still for so long, and what came is there when it goes on.
    Stop(Who, u64),
    /// Its clock stands still for so long.
    StopClock(Who, u64),
    /// The bus writes nothing for so long.
    BusDown(u64),
    /// Everything takes this many times as long on the bus, from now on.
    BusSlow(u64),
}

/// What happens next.
enum Event {
    Frame(usize),
    WakeStream(usize),
    WakeWorker(usize),
    /// A write reaches the bus; its writer is a worker, or else the stream's gate.
    Write {
        worker: Option<usize>,
        stream: usize,
        lease: Option<Lease>,
        after: Revision,
    },
    Seen {
        worker: Option<usize>,
        stream: usize,
        revision: Revision,
        lease: Rc<Option<Lease>>,
    },
    SeenByWorkers {
        stream: usize,
        revision: Revision,
        lease: Rc<Option<Lease>>,
    },
    Written {
        worker: usize,
        stream: usize,
        revision: Option<Revision>,
    },
    Opened {
        worker: usize,
        life: u32,
        stream: usize,
        epoch: u64,
    },
    Look {
        worker: usize,
        life: u32,
        frame: Frame,
    },
    Judged {
        worker: usize,
        life: u32,
        frame: Frame,
    },
    Free {
        worker: usize,
        life: u32,
    },
    Answer {
        frame: Frame,
    },
    Lost {
        stream: usize,
        epoch: u64,
    },
    /// A worker has had its time to hear of a lease that a link names.
    Unheard {
        worker: usize,
        stream: usize,
        epoch: u64,
    },
    Mend {
        worker: usize,
    },
    Deed(Deed),
}

/// One worker.
struct Node {
    machine: Option<Worker>,
    /// Grows with each start.
    life: u32,
    is_cut: bool,
    stopped: Option<VecDeque<Event>>,
    clock_stopped_at: Option<u64>,
    clock_lost_us: u64,
    wake_at: u64,
    judge: Judge,
    /// Links, by stream and epoch, that wait for this worker to hear of its lease.
    unheard: Vec<(usize, u64)>,
    port_free_us: u64,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Messages on the bus in each second.
    pub(crate) messages: Vec<f64>,
    /// Leases taken in each second.
    pub(crate) taken: Vec<u64>,
    /// The longest that a message waited for the bus in each second, microseconds.
    pub(crate) waited_us: Vec<u64>,
    /// Writes that came too late for the compare-and-set.
    pub(crate) n_refused: u64,
    /// The bus could not keep up, and what would have followed is not known.
    pub(crate) is_broken: bool,
    /// What happened, one by one.
    pub(crate) n_events: u64,
    /// Frames in all.
    pub(crate) n_frames: u64,
}

/// A world.
pub(crate) struct World {
    settings: Settings,
    now: u64,
    n_events: u64,
    events: BinaryHeap<Reverse<Timed>>,
    dice: Dice,
    bus: Bus,
    nodes: Vec<Node>,
    /// The streams with what became of their frames.
    pub(crate) streams: Vec<Stream>,
    /// What is counted.
    pub(crate) told: Told,
}

/// A link that nobody answers is given up after this. Source: `DIAL_MAX` in `cluster/src/gate.rs`.
const DIAL_MAX_US: u64 = 3_000_000;
/// A worker hears of its own lease within this, or closes the link. Source: `HEAR_MAX` in `cluster/src/worker.rs`.
const HEAR_MAX_US: u64 = 2_000_000;
/// A write is given up after this. Source: `ANSWER_MAX` in `cluster/src/bus/jetstream.rs`.
const ANSWER_MAX_US: u64 = 2_000_000;
/// From the start of a worker until it watches the bus, with judges seated.
const START_US: u64 = 1_000_000;
/// Where messages wait for longer than this every writer has given up: the bus is broken, and so ends the world.
const BROKEN_US: u64 = ANSWER_MAX_US;
/// How many frames one frame stands for where not every one comes.
const COARSE: u64 = 6;

impl World {
    /// A world at its beginning.
    pub(crate) fn new(settings: Settings) -> World {
        let Settings { seed, n_streams, n_workers, costs, .. } = settings;
        let mut dice = Dice::new(seed);
        let holds = settings.holds_ms.clone();
        let streams = (0..n_streams)
            .map(|n| Stream::new(n, holds[n % holds.len()], &settings, dice.below(settings.step_us)))
            .collect();
        let bus = Bus::new(n_streams, n_workers, costs);
        let nodes = (0..n_workers).map(|_| Node::new(&costs)).collect();
        let (events, told) = (BinaryHeap::new(), Told::default());
        let mut world = World { settings, now: 0, n_events: 0, events, dice, bus, nodes, streams, told };
        for n in 0..n_workers {
            world.start(n);
        }
        for n in 0..n_streams {
            let at = 100_000 + world.dice.below(world.settings.begin_us);
            let none = Rc::new(None);
            world.at(at, Event::Seen { worker: None, stream: n, revision: Revision(0), lease: none });
            world.at(at + world.streams[n].phase_us, Event::Frame(n));
        }
        for (at, deed) in world.settings.deeds.clone() {
            world.at(at, Event::Deed(deed));
        }
        world
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> World {
        while let Some(Reverse(Timed { at, event, .. })) = self.events.pop() {
            self.told.is_broken = self.told.waited_us.last().is_some_and(|us| *us > BROKEN_US);
            if at >= self.settings.end_us || self.told.is_broken {
                break;
            }
            self.now = at;
            self.told.n_events += 1;
            self.happen(event);
        }
        self.told.n_frames = self.streams.iter().map(|stream| stream.n_frames).sum();
        self
    }

    fn at(&mut self, at: u64, event: Event) {
        self.n_events += 1;
        self.events.push(Reverse(Timed { at: at.max(self.now), number: self.n_events, event }));
    }

    fn happen(&mut self, event: Event) {
        let Some(event) = self.reaches(event) else { return };
        match event {
            Event::Frame(n) => self.frame(n),
            Event::WakeStream(n) if self.streams[n].wake_at == self.now => {
                self.tell_stream(n, egress::Input::Tick, String::new);
            }
            Event::WakeWorker(n) if self.nodes[n].wake_at == self.now => self.tell_worker(n, worker::Input::Tick),
            Event::WakeStream(_) | Event::WakeWorker(_) => (),
            Event::Write { worker, stream, lease, after } => self.write(worker, stream, lease, after),
            Event::Seen { worker: None, stream, revision, lease } => {
                let lease = Option::clone(&lease);
                let epoch = lease.as_ref().map_or("null".into(), |lease| lease.epoch.to_string());
                let holder = lease.as_ref().and_then(|lease| lease.holder.as_ref());
                let worker = holder.map_or("null".into(), |holder| format!("\"{}\"", holder.worker));
                let heard = || format!(r#""bus":{{"revision":{},"epoch":{epoch},"worker":{worker}}}"#, revision.0);
                self.tell_stream(stream, egress::Input::Bus { revision, lease }, heard);
            }
            Event::Seen { worker: Some(n), stream, revision, lease } => self.show(n, stream, revision, &lease),
            Event::SeenByWorkers { stream, revision, lease } => {
                for n in 0..self.nodes.len() {
                    let seen = Event::Seen { worker: Some(n), stream, revision, lease: Rc::clone(&lease) };
                    if let Some(Event::Seen { .. }) = self.reaches(seen) {
                        self.show(n, stream, revision, &lease);
                    }
                }
            }
            Event::Written { worker, stream, revision } => {
                let stream = name(stream);
                self.tell_worker(
                    worker,
                    match revision {
                        Some(revision) => worker::Input::Written { stream, revision },
                        None => worker::Input::Refused { stream },
                    },
                );
            }
            Event::Opened { worker, stream, epoch, .. } => self.opened(worker, stream, epoch),
            Event::Look { worker, frame, .. } => {
                let node = &mut self.nodes[worker];
                match node.judge.ready_us(&frame) {
                    None => (),
                    Some(at) if at > self.now => {
                        let life = node.life;
                        self.at(at, Event::Look { worker, life, frame });
                    }
                    Some(_) => {
                        let begun = node.judge.take(frame, self.now);
                        self.judge(worker, begun);
                    }
                }
            }
            Event::Judged { worker, frame, .. } => {
                let pass = self.dice.draw_us(self.settings.costs.pass);
                if !self.nodes[worker].is_cut {
                    self.at(self.now + pass, Event::Answer { frame });
                }
            }
            Event::Free { worker, .. } => {
                let begun = self.nodes[worker].judge.free(self.now);
                self.judge(worker, begun);
            }
            Event::Answer { frame } => {
                let Frame { stream, epoch, number, .. } = frame;
                let heard = || format!(r#""answer":{{"epoch":{epoch},"frame":{number},"clear":true}}"#);
                let input = self.streams[stream].answer(frame);
                self.tell_stream(stream, input, heard);
            }
            Event::Lost { stream, epoch } => {
                self.tell_stream(stream, egress::Input::LinkLost { epoch }, || format!("\"lost\":{epoch}"));
            }
            Event::Unheard { worker, stream, epoch } => {
                let unheard = &mut self.nodes[worker].unheard;
                if let Some(place) = unheard.iter().position(|link| *link == (stream, epoch)) {
                    unheard.swap_remove(place);
                    self.happen(Event::Lost { stream, epoch });
                }
            }
            Event::Mend { worker } => self.mend(worker),
            Event::Deed(deed) => self.commit(deed),
        }
    }

    /// Whether the worker that an event is for is there to take it.
    fn reaches(&mut self, event: Event) -> Option<Event> {
        let (n, of_life) = match &event {
            Event::WakeWorker(n) | Event::Seen { worker: Some(n), .. } | Event::Written { worker: n, .. } => (*n, None),
            Event::Opened { worker, life, .. }
            | Event::Look { worker, life, .. }
            | Event::Judged { worker, life, .. }
            | Event::Free { worker, life } => (*worker, Some(*life)),
            _ => return Some(event),
        };
        let node = &mut self.nodes[n];
        let is_from_outside = matches!(event, Event::Seen { .. } | Event::Opened { .. } | Event::Look { .. });
        let is_gone = node.machine.is_none() || of_life.is_some_and(|life| life != node.life);
        if is_gone || node.is_cut && is_from_outside {
            if let Event::Opened { stream, epoch, .. } = event {
                let after = if is_gone { self.settings.costs.reset.p50_us } else { DIAL_MAX_US };
                self.at(self.now + after, Event::Lost { stream, epoch });
            }
            return None;
        }
        match &mut node.stopped {
            Some(waiting) => {
                waiting.push_back(event);
                None
            }
            None => Some(event),
        }
    }

    fn frame(&mut self, n: usize) {
        let weight = if self.settings.is_fine || self.streams[n].has_lost_of_late(self.now) { 1 } else { COARSE };
        self.at(self.now + self.settings.step_us * weight, Event::Frame(n));
        let arrival = self.streams[n].arrival(weight, self.now);
        self.tell_stream(n, egress::Input::Frame(arrival), String::new);
    }

    fn show(&mut self, n: usize, stream: usize, revision: Revision, lease: &Option<Lease>) {
        let (stream, lease) = (name(stream), lease.clone());
        self.tell_worker(n, worker::Input::Bus { stream, revision, lease });
    }

    fn tell_stream(&mut self, n: usize, input: egress::Input<u64>, heard: impl FnOnce() -> String) {
        let outputs = self.streams[n].tell(input, heard, self.now);
        for output in outputs {
            match output {
                egress::Output::Link { epoch, holder } => {
                    let worker = number(&holder.worker);
                    let node = &self.nodes[worker];
                    let (life, is_there) = (node.life, node.machine.is_some());
                    let (open, reset) =
                        (self.dice.draw_us(self.settings.costs.open), self.dice.draw_us(self.settings.costs.reset));
                    match (node.is_cut, is_there) {
                        (true, _) => self.at(self.now + DIAL_MAX_US, Event::Lost { stream: n, epoch }),
                        (false, false) => self.at(self.now + reset, Event::Lost { stream: n, epoch }),
                        (false, true) => self.at(self.now + open, Event::Opened { worker, life, stream: n, epoch }),
                    }
                }
                egress::Output::Unlink { .. } if self.settings.gate == Gate::IgnoresEpochs => (),
                egress::Output::Unlink { epoch } => self.unlinked(n, epoch),
                egress::Output::Send { epoch, id, due, .. } => {
                    let (frame, open) = self.streams[n].sent(epoch, id.0, due);
                    if let Some((worker, life)) = open {
                        self.send(worker, life, frame);
                    }
                }
                egress::Output::Write { lease, after } => {
                    let at = self.now + self.dice.draw_us(self.settings.costs.tell);
                    self.at(at, Event::Write { worker: None, stream: n, lease, after });
                }
                _ => (),
            }
        }
        let due = self.streams[n].next_timeout();
        if let Some(due) = due.filter(|due| *due != self.streams[n].wake_at || *due < self.now) {
            let due = due.max(self.now + 1);
            self.streams[n].wake_at = due;
            self.at(due, Event::WakeStream(n));
        }
    }

    fn tell_worker(&mut self, n: usize, input: worker::Input) {
        let at = Duration::from_micros(self.nodes[n].clock(self.now));
        let Some(machine) = &mut self.nodes[n].machine else { return };
        machine.input(input, at);
        while let Some(output) = self.nodes[n].machine.as_mut().and_then(Worker::poll) {
            match output {
                worker::Output::Write { stream, lease, after } => {
                    let at = self.now + self.dice.draw_us(self.settings.costs.tell);
                    let stream = number(&stream);
                    match self.nodes[n].is_cut {
                        true => self.at(self.now + ANSWER_MAX_US, Event::Written { worker: n, stream, revision: None }),
                        false => self.at(at, Event::Write { worker: Some(n), stream, lease, after }),
                    }
                }
                worker::Output::Serve { stream, epoch } => {
                    let stream = number(&stream);
                    self.nodes[n].judge.serve(stream, epoch);
                    let waiting = |link: &(usize, u64)| *link == (stream, epoch);
                    if let Some(place) = self.nodes[n].unheard.iter().position(waiting) {
                        self.nodes[n].unheard.swap_remove(place);
                        self.opened(n, stream, epoch);
                    }
                }
                worker::Output::Leave { stream, epoch } => {
                    let stream = number(&stream);
                    self.nodes[n].judge.leave(stream, epoch);
                    if !self.nodes[n].is_cut {
                        let at = self.now + self.dice.draw_us(self.settings.costs.tell);
                        self.at(at, Event::Lost { stream, epoch });
                    }
                }
                worker::Output::Drained => (),
            }
        }
        let node = &mut self.nodes[n];
        let due = node.machine.as_ref().and_then(Worker::next_timeout).filter(|_| node.clock_stopped_at.is_none());
        if let Some(due) = due {
            let due = (due.as_micros() as u64 + node.clock_lost_us).max(self.now + 1);
            if due != node.wake_at {
                node.wake_at = due;
                self.at(due, Event::WakeWorker(n));
            }
        }
    }

    fn write(&mut self, worker: Option<usize>, stream: usize, lease: Option<Lease>, after: Revision) {
        let is_take = worker.is_some() && lease.as_ref().is_some_and(|lease| lease.epoch > self.bus.epoch(stream));
        let Some(written) = self.bus.write(stream, lease, after, self.now, &mut self.dice) else {
            // It was late, or the bus is silent and the writer gives up.
            let is_late = !self.bus.is_down(self.now);
            self.told.n_refused += u64::from(is_late);
            if let Some(worker) = worker {
                let wait = if is_late { self.dice.draw_us(self.settings.costs.tell) } else { ANSWER_MAX_US };
                self.at(self.now + wait, Event::Written { worker, stream, revision: None });
            }
            return;
        };
        let second = (self.now / 1_000_000) as usize;
        self.told.count(second, written.n_messages, u64::from(is_take), written.waited_us);
        let (revision, lease) = (written.revision, Rc::new(written.lease));
        let tell = |world: &mut World| written.at_us + world.dice.draw_us(world.settings.costs.tell) * world.bus.slow;
        if let Some(worker) = worker {
            let at = tell(self);
            self.at(at, Event::Written { worker, stream, revision: Some(revision) });
        }
        let at = tell(self);
        self.at(at, Event::Seen { worker: None, stream, revision, lease: Rc::clone(&lease) });
        let is_raced = lease.as_ref().as_ref().is_some_and(|lease| lease.holder.is_none() || lease.is_leaving);
        if is_raced {
            for n in 0..self.nodes.len() {
                let at = tell(self);
                self.at(at, Event::Seen { worker: Some(n), stream, revision, lease: Rc::clone(&lease) });
            }
        } else {
            // Nobody races for it: all hear of it at once, which spares the simulation as many events as workers.
            let at = tell(self);
            self.at(at, Event::SeenByWorkers { stream, revision, lease });
        }
    }

    /// A gate's link reaches its worker.
    fn opened(&mut self, n: usize, stream: usize, epoch: u64) {
        if !self.nodes[n].judge.serves(stream, epoch) {
            self.nodes[n].unheard.push((stream, epoch));
            self.at(self.now + HEAR_MAX_US, Event::Unheard { worker: n, stream, epoch });
            return;
        }
        let life = self.nodes[n].life;
        let Some(waiting) = self.streams[stream].opened(epoch, n, life) else { return };
        self.nodes[n].judge.seat(stream, epoch, self.now);
        self.tell_worker(n, worker::Input::Link { stream: name(stream), is_open: true });
        for frame in waiting {
            self.send(n, life, frame);
        }
    }

    fn unlinked(&mut self, stream: usize, epoch: u64) {
        let Some((worker, life)) = self.streams[stream].unlinked(epoch) else { return };
        let node = &mut self.nodes[worker];
        if node.life == life && !node.is_cut && node.machine.is_some() {
            let is_held = node.judge.serves(stream, epoch);
            node.judge.stand_up(stream, epoch);
            if is_held && node.stopped.is_none() {
                self.tell_worker(worker, worker::Input::Link { stream: name(stream), is_open: false });
            }
        }
    }

    /// A frame goes through its worker's port, after those that are on their way.
    fn send(&mut self, worker: usize, life: u32, frame: Frame) {
        let Costs { frame_bits, port_bits_per_s, pass, .. } = self.settings.costs;
        let node = &mut self.nodes[worker];
        let long_us = frame_bits * 1_000_000 / port_bits_per_s;
        let from_us = node.port_free_us.max(self.now);
        node.port_free_us = from_us + long_us * frame.weight;
        let at = from_us + long_us + self.dice.draw_us(pass);
        self.at(at, Event::Look { worker, life, frame });
    }

    fn judge(&mut self, worker: usize, begun: Vec<Begun>) {
        let life = self.nodes[worker].life;
        for Begun { frame, answered_us, free_us } in begun {
            self.at(answered_us, Event::Judged { worker, life, frame });
            self.at(free_us, Event::Free { worker, life });
        }
    }

    fn start(&mut self, n: usize) {
        let Costs { capacity, .. } = self.settings.costs;
        let holder = Holder { worker: worker_name(n), address: format!("w{n}:4500") };
        let node = &mut self.nodes[n];
        *node = Node {
            life: node.life + 1,
            machine: Some(Worker::new(holder, POLICY.into())),
            ..Node::new(&self.settings.costs)
        };
        self.tell_worker(n, worker::Input::Capacity(capacity));
        self.catch_up(n);
    }

    /// Shows a worker everything that stands on the bus.
    fn catch_up(&mut self, n: usize) {
        for (stream, revision, lease) in self.bus.standing() {
            let at = self.now + self.dice.draw_us(self.settings.costs.tell) * self.bus.slow;
            self.at(at, Event::Seen { worker: Some(n), stream, revision, lease: Rc::new(Some(lease)) });
        }
    }

    fn mend(&mut self, n: usize) {
        if self.nodes[n].machine.is_none() {
            self.start(n);
        }
        let node = &mut self.nodes[n];
        if let Some(at) = node.clock_stopped_at.take() {
            node.clock_lost_us += self.now - at;
        }
        let was_cut = std::mem::take(&mut node.is_cut);
        for event in node.stopped.take().into_iter().flatten() {
            self.happen(event);
        }
        if was_cut {
            self.catch_up(n);
        }
        self.tell_worker(n, worker::Input::Tick);
    }

    fn commit(&mut self, deed: Deed) {
        let (who, long_us) = match deed {
            Deed::Kill(who, us) | Deed::Cut(who, us) | Deed::Stop(who, us) | Deed::StopClock(who, us) => (who, us),
            Deed::BusDown(us) => return self.bus.silence(self.now + us),
            Deed::BusSlow(times) => return self.bus.slow = times,
        };
        let struck: Vec<usize> = match who {
            Who::Number(n) => vec![n],
            Who::HolderOf(stream) => self.bus.holder(stream).into_iter().map(|holder| number(&holder)).collect(),
            Who::Zone(zone) => (0..self.nodes.len()).filter(|n| n % 3 == zone).collect(),
        };
        for n in struck {
            let node = &mut self.nodes[n];
            match deed {
                Deed::Kill(..) if node.machine.is_some() => {
                    node.machine = None;
                    node.stopped = None;
                    let life = node.life;
                    for stream in 0..self.streams.len() {
                        if let Some(epoch) = self.streams[stream].linked_to(n, life) {
                            let at = self.now + self.dice.draw_us(self.settings.costs.reset);
                            self.at(at, Event::Lost { stream, epoch });
                        }
                    }
                }
                Deed::Cut(..) => node.is_cut = true,
                Deed::Stop(..) => drop(node.stopped.get_or_insert_default()),
                Deed::StopClock(..) => drop(node.clock_stopped_at.get_or_insert(self.now)),
                Deed::Kill(..) | Deed::BusDown(_) | Deed::BusSlow(_) => (),
            }
            let start_us = if matches!(deed, Deed::Kill(..)) { START_US } else { 0 };
            self.at(self.now.saturating_add(long_us).saturating_add(start_us), Event::Mend { worker: n });
        }
    }
}

impl Node {
    fn new(costs: &Costs) -> Node {
        Node {
            machine: None,
            life: 0,
            is_cut: false,
            stopped: None,
            clock_stopped_at: None,
            clock_lost_us: 0,
            wake_at: 0,
            judge: Judge::new(costs),
            unheard: Vec::new(),
            port_free_us: 0,
        }
    }

    /// What its clock says.
    fn clock(&self, now: u64) -> u64 {
        self.clock_stopped_at.unwrap_or(now) - self.clock_lost_us
    }
}

impl Told {
    fn count(&mut self, second: usize, n_messages: f64, n_taken: u64, waited_us: u64) {
        if self.messages.len() <= second {
            self.messages.resize(second + 1, 0.0);
            self.taken.resize(second + 1, 0);
            self.waited_us.resize(second + 1, 0);
        }
        self.messages[second] += n_messages;
        self.taken[second] += n_taken;
        self.waited_us[second] = self.waited_us[second].max(waited_us);
    }
}

/// Something that happens at a microsecond; of two at one, what was planned first.
struct Timed {
    at: u64,
    number: u64,
    event: Event,
}

impl Ord for Timed {
    fn cmp(&self, other: &Timed) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Timed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Timed) -> bool {
        self.number == other.number
    }
}

impl Eq for Timed {}

/// What all streams are judged by.
pub(crate) const POLICY: &str = "simulated";

/// What a stream asks of its worker.
pub(crate) fn needs(costs: &Costs) -> Needs {
    Needs { policy: POLICY.into(), pixels_per_s: costs.pixels_per_s }
}

/// The name of stream `n`.
pub(crate) fn name(n: usize) -> Name {
    Name::new(&format!("s{n}")).expect("a letter and a number")
}

fn worker_name(n: usize) -> Name {
    Name::new(&format!("w{n}")).expect("a letter and a number")
}

/// The number in a name.
pub(crate) fn number(name: &Name) -> usize {
    name.as_str()[1..].parse().expect("we gave it")
}

/// The machine of stream `n`, whose frames are held for so long.
pub(crate) fn egress(n: usize, hold_ms: u32, settings: &Settings, patience: Patience) -> Egress<u64> {
    let mut policy = guard::Policy::shipped("messenger").expect("it is shipped");
    (policy.reuse.max_ms, policy.timing.hold_ms, policy.timing.freeze_ms) = (0, hold_ms, settings.freeze_ms);
    (policy.judges.lists, policy.judges.models, policy.scores) = (vec!["test-card".into()], vec![], vec![]);
    policy.judges.regions = vec![guard::policy::RegionKind::Whole];
    Egress::new(name(n), needs(&settings.costs), patience, policy)
}
