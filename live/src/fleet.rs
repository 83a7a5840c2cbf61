//! How are many streams guarded on one machine without one harming another?
//!
//! One keeper process holds all of them, each stream on a thread of its own with its own pull, checker and push: what a
//! hostile stream breaks is its own checker. Checkers have one judging thread each, so that the system's scheduler
//! shares the processors fairly. A stream that this machine could not judge in time is refused, before any of it is
//! pulled: a stream too many would cover all. Each stream is held by a lease, so that no two guards hold it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use guard::finding::FrameId;
use guard::{Colour, Format, Size, region, test_card};
use rustix::fs::FlockOperation;
use serde::Deserialize;

use crate::keeper::{self, Plan, Tally};
use crate::network::{Protocol, without_secrets};
use crate::panel::PanelMaker;
use crate::picture::{Glance, Packed, Picture};
use crate::status::{Board, Facts};
use crate::{Error, read};

/// A file of streams larger than this is none, bytes.
const BYTES_MAX: u64 = 1 << 20;
/// This share of the machine may be spoken for; the rest is for decoding's ups and downs.
const SHARE_MAX: f64 = 0.8;
/// Decoding and encoding one frame costs so much per pixel, beside judging; seconds. At 720p that is 11 ms:
/// `script/bench live` read 2.2 for decoding and 6.3 for encoding with openh264 on one core, and a third is added.
const CODEC_S_PER_PIXEL: f64 = 12e-9;
/// Frames that are judged to learn what one costs.
const N_TRIALS: u32 = 12;

/// The streams that one service guards.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    /// One table each.
    pub(crate) stream: Vec<Wanted>,
}

/// A stream that somebody wants guarded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Its name in words, metrics and leases: letters, digits, `-` and `_`.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) from: String,
    /// Where the guarded stream goes.
    pub(crate) to: String,
    /// The largest picture and pace it is promised to have; judged by it whether the machine can.
    #[serde(default = "hd")]
    pub(crate) size: [usize; 2],
    /// Frames a second.
    #[serde(default = "thirty")]
    pub(crate) fps: u32,
}

fn hd() -> [usize; 2] {
    [1280, 720]
}

fn thirty() -> u32 {
    30
}

impl Fleet {
    /// Reads the file of streams.
    ///
    /// # Errors
    /// [`Error::Fleet`] when it cannot be used, with the stream that is wrong.
    pub(crate) fn read(path: &Path) -> Result<Fleet, Error> {
        let wrong = |what: String| Error::Fleet { path: path.to_owned(), what };
        let fleet: Fleet =
            toml::from_str(&read::text(path, BYTES_MAX)?).map_err(|error| wrong(error.message().into()))?;
        let mut names = Vec::new();
        for wanted in &fleet.stream {
            let name = &wanted.name;
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 60 || !name.chars().all(is_name) {
                return Err(wrong(format!("the name {name:?} has more than letters, digits, - and _")));
            }
            if names.contains(&name) {
                return Err(wrong(format!("two streams are called {name}")));
            }
            names.push(name);
            let is_size = wanted.size.iter().all(|side| (16..=8192).contains(side)) && (1..=240).contains(&wanted.fps);
            if !is_size || Protocol::of(&wanted.from).is_err() || Protocol::of(&wanted.to).is_err() {
                return Err(wrong(format!("the stream {name} has an address, a size or a pace that cannot be")));
            }
        }
        Ok(fleet)
    }
}

/// What judging costs here, and how much of the machine is spoken for.
pub(crate) struct Admission {
    maker: PanelMaker,
    policy: guard::Policy,
    costs: Vec<([usize; 2], Duration)>,
    taken: f64,
    n_cores: f64,
}

impl Admission {
    pub(crate) fn new(policy: guard::Policy, maker: PanelMaker) -> Admission {
        let n_cores = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
        Admission { maker, policy, costs: Vec::new(), taken: 0.0, n_cores }
    }

    /// Takes the stream in, if every frame of it can be judged in time beside those that are in.
    ///
    /// # Errors
    /// [`Error::TooMuch`] when it cannot; then nothing of it is guarded or shown.
    pub(crate) fn admit(&mut self, wanted: &Wanted) -> Result<(), Error> {
        let judging = self.cost(wanted.size)?.as_secs_f64();
        let codecs = CODEC_S_PER_PIXEL * (wanted.size[0] * wanted.size[1]) as f64;
        let load = (judging + codecs) * f64::from(wanted.fps);
        // One thread judges a stream: it must keep up alone.
        let is_alone = judging * f64::from(wanted.fps) <= SHARE_MAX;
        if !is_alone || self.taken + load > self.n_cores * SHARE_MAX {
            return Err(Error::TooMuch {
                name: wanted.name.clone(),
                needs: load,
                free: (self.n_cores * SHARE_MAX - self.taken).max(0.0),
            });
        }
        self.taken += load;
        Ok(())
    }

    /// What one frame of this size takes to judge: the median of a few.
    fn cost(&mut self, size: [usize; 2]) -> Result<Duration, Error> {
        if let Some((_, cost)) = self.costs.iter().find(|(known, _)| *known == size) {
            return Ok(*cost);
        }
        let [width, height] = size;
        let mut panel = (self.maker)()?;
        let data = test_card::draw_in(Format::I420, Colour::Bt709, Size { width, height });
        let picture = Packed::new(Format::I420, Colour::Bt709, Size { width, height }, data);
        let picture = picture.map_err(|error| Error::Judges(error.to_string()))?;
        let mut times: Vec<Duration> = (0..N_TRIALS)
            .map(|_| {
                let began = Instant::now();
                let glance = Glance::at(&picture.frame(), &self.policy, &[]);
                let looks = region::looks(&self.policy, &glance.regions);
                panel.look(FrameId(0), &picture.frame(), &glance.regions, &looks);
                began.elapsed()
            })
            .collect();
        times.sort();
        let cost = times[times.len() / 2];
        self.costs.push((size, cost));
        Ok(cost)
    }
}

/// The right to guard a stream; the system takes it back when the holder dies, however it dies.
pub(crate) struct Lease(#[expect(dead_code, reason = "held, not read")] File);

impl Lease {
    /// Takes the lease of this name.
    ///
    /// # Errors
    /// [`Error::Leased`] when another guard holds it.
    pub(crate) fn take(folder: &Path, name: &str) -> Result<Lease, Error> {
        let path: PathBuf = folder.join(format!("{name}.lease"));
        let failed = |source| Error::Write { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lease(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Leased { name: name.into() }),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// One stream of a fleet, ready to be kept.
pub(crate) struct Ship {
    pub(crate) wanted: Wanted,
    pub(crate) lease: Lease,
    pub(crate) plan: Plan,
    pub(crate) facts: Facts,
    /// Where its metrics are asked for.
    pub(crate) metrics: Option<String>,
}

/// Keeps all of them until it is interrupted. A stream whose keeping fails is begun again, and harms no other.
pub(crate) fn run(ships: Vec<Ship>, interrupt: &Arc<AtomicBool>) -> Vec<(String, Tally)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = ships.into_iter().map(|ship| scope.spawn(move || keep(ship, interrupt))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

fn keep(ship: Ship, interrupt: &AtomicBool) -> (String, Tally) {
    let Ship { wanted, lease, plan, facts, metrics } = ship;
    let mut backoff = crate::network::Backoff::default();
    let tally = loop {
        let board = Board::named(facts.clone(), Some(&wanted.name), metrics.as_deref());
        match keeper::run(&plan, board) {
            Ok(tally) => break tally,
            Err(error) => eprintln!("{}: {} could not be kept: {error}", wanted.name, without_secrets(&wanted.from)),
        }
        let pause = Instant::now() + backoff.next();
        while Instant::now() < pause && !interrupt.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if interrupt.load(Ordering::SeqCst) {
            break Tally::default();
        }
    };
    drop(lease);
    (wanted.name, tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, size: [usize; 2], fps: u32) -> Wanted {
        Wanted { name: name.into(), from: "rtmp://a/b".into(), to: "rtmp://a/c".into(), size, fps }
    }

    #[test]
    fn a_stream_too_many_is_refused_and_the_others_stay() {
        let policy = guard::Policy::shipped("test").unwrap();
        let maker = crate::panel::Hired::new(&policy).unwrap().into_maker();
        let mut admission = Admission::new(policy, maker);
        let admitted =
            (0..100_000).take_while(|n| admission.admit(&wanted(&n.to_string(), [320, 180], 15)).is_ok()).count();
        assert!((1..100_000).contains(&admitted), "{admitted} streams of 320×180");
        assert!(admission.taken <= admission.n_cores * SHARE_MAX);
        assert!(matches!(admission.admit(&wanted("one", [320, 180], 15)), Err(Error::TooMuch { .. })));
    }

    #[test]
    fn a_lease_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let lease = Lease::take(folder.path(), "a").unwrap();
        assert!(matches!(Lease::take(folder.path(), "a"), Err(Error::Leased { .. })));
        Lease::take(folder.path(), "b").unwrap();
        drop(lease);
        Lease::take(folder.path(), "a").unwrap();
    }

    #[test]
    fn a_file_of_streams_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Fleet::read(&path).map(|fleet| fleet.stream.len()).map_err(|error| error.to_string())
        };
        let one = "[[stream]]\nname = \"a\"\nfrom = \"rtmp://a/b\"\nto = \"rtmp://a/c\"\n";
        assert_eq!(read(one), Ok(1));
        assert!(read(&one.repeat(2)).unwrap_err().contains("two streams are called a"));
        for (from, to) in [("rtmp://a/b", "http://a/b"), ("name = \"a\"", "name = \"../a\""), ("to", "too")] {
            assert!(read(&one.replacen(from, to, 1)).is_err(), "{to}");
        }
        assert!(read(&format!("{one}fps = 0\n")).is_err());
    }
}
