//! What is known after the transfers so far, and how does a consumer begin again?
//!
//! The same transfers in the same order give the same replica, down to the bytes of every alert: the moment at which a
//! transfer arrived is the bus's, and no clock is asked. A snapshot is the gate's own, with the place in the stream that
//! it stands for in the same file: a consumer that is killed goes on after that place, neither before nor behind it.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use payments::gate::{Event, HoldRule};
use payments::time::DAY_S;
use payments::{Alert, Gate, Pack, PartyId};

use super::{Sent, partition_of};
use crate::Error;

/// Alerts only: nothing is held here, see `cluster/README.md`.
const RULE: HoldRule = HoldRule { from: None, for_s: 1 };

/// A gate, and how far in the stream of transfers it is.
#[derive(Debug)]
pub struct Replica {
    gate: Gate,
    at: Place,
}

/// A place in a stream of transfers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which stream: when it was made, nanoseconds since 1970. One that was made anew is another.
    pub stream: i128,
    /// The last message that was taken; 0 before the first.
    pub sequence: u64,
}

/// An alert as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The partition of the party that it is about.
    pub partition: usize,
    /// Place of the transfer that raised it, among those that were taken.
    pub row: u32,
    /// Its id.
    pub id: String,
    /// One line of JSON, without its line feed.
    pub json: String,
}

impl Said {
    fn of(alert: &Alert, row: u32) -> Said {
        let party = PartyId::parse(&alert.party).expect("an alert names its party as pseudonyms are written");
        Said { partition: partition_of(party), row, id: alert.id.clone(), json: alert.to_json() }
    }
}

impl Replica {
    /// One that has seen nothing of `stream`.
    pub fn new(pack: Pack, stream: i128) -> Replica {
        Replica { gate: Gate::new(pack, RULE), at: Place { stream, sequence: 0 } }
    }

    /// The last place that was taken.
    pub fn at(&self) -> &Place {
        &self.at
    }

    /// How many transfers were counted.
    pub fn n_rows(&self) -> usize {
        self.gate.book().rows().len()
    }

    /// Every alert so far, in order.
    pub fn said(&self) -> impl Iterator<Item = Said> {
        self.gate.alerts().iter().zip(self.gate.raised()).map(|(alert, (row, _))| Said::of(alert, row))
    }

    /// Takes the message at `sequence`, which the bus got at `arrived_s`; gives the alerts that it raises.
    ///
    /// A transfer that was taken before raises nothing, however often and however late it comes again.
    ///
    /// # Errors
    /// Why it is not used. The place is taken all the same, here as in every other replica.
    pub fn take(&mut self, sequence: u64, arrived_s: i64, body: &[u8]) -> Result<Vec<Said>, String> {
        self.at.sequence = sequence;
        let sent = Sent::parse(body).ok_or("it is no transfer")?;
        let is_new = self.gate.book().find(&sent.transfer.id).is_none();
        if is_new && sent.transfer.at.utc_s > arrived_s + DAY_S {
            // One clock that runs years ahead would empty every window.
            return Err("its time is more than a day ahead of the bus's".into());
        }
        if is_new && self.gate.rates_sha256() != sent.rates_sha256 {
            let event = Event::Rates { sha256: sent.rates_sha256 };
            self.gate.happen(&event).expect("a table of rates may change at any time");
        }
        let taken = self.gate.take(sent.transfer, sent.value_minor, arrived_s);
        let n_alerts = taken.map_err(|(field, problem)| format!("{field} {problem}"))?.n_alerts;
        let row = self.n_rows() as u32 - 1;
        let alerts = self.gate.alerts();
        Ok(alerts[alerts.len() - n_alerts..].iter().map(|alert| Said::of(alert, row)).collect())
    }

    /// Writes a snapshot into `folder`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let (path, part) = (snapshot(folder), folder.join("snapshot.part"));
        let mark = format!("{} {}", self.at.stream, self.at.sequence);
        let written = || -> std::io::Result<()> {
            let mut out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
            self.gate.write_snapshot(&mark, &mut out)?;
            out.flush()?;
            out.get_ref().sync_all()?;
            fs::rename(&part, &path)?;
            File::open(folder)?.sync_all()
        };
        written().map_err(|source| Error::File { what: "write", path: path.clone(), source })
    }

    /// Goes on from the snapshot in `folder`; none where there is no snapshot.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read; [`Error::Snapshot`] when it is damaged, or of another pack or stream.
    pub fn read(folder: &Path, pack: Pack, stream: i128) -> Result<Option<Replica>, Error> {
        let path = snapshot(folder);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { what: "read", path, source }),
        };
        let unusable = |why: String| Error::Snapshot { path: path.clone(), why };
        let mut input = BufReader::with_capacity(1 << 20, file);
        let (gate, mark) = Gate::restore(pack, RULE, &mut input).map_err(|why| unusable(why.to_string()))?;
        let at = Place::parse(&mark).ok_or_else(|| unusable("it does not say what it stands for".into()))?;
        match at.stream == stream {
            true => Ok(Some(Replica { gate, at })),
            false => Err(unusable("it stands for a stream that this bus no longer has".into())),
        }
    }
}

impl Place {
    fn parse(mark: &str) -> Option<Place> {
        let (stream, sequence) = mark.split_once(' ')?;
        Some(Place { stream: stream.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

fn snapshot(folder: &Path) -> PathBuf {
    folder.join("snapshot")
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::Rates;
    use payments::simulate::{RATES, Settings, world};

    fn pack() -> Pack {
        Pack::parse(payments::pack::LIVESTREAM_EXPLOITATION, None).unwrap()
    }

    /// A made-up world as it stands on the bus, in order of time.
    fn bodies() -> Vec<Vec<u8>> {
        let settings = Settings {
            seed: 3,
            region: 0,
            n_remitters: 300,
            n_days: 200,
            first_day: 20_000,
            n_cases_per_100_000: 20_000,
        };
        let rates = Rates::parse(RATES, pack().currency).unwrap();
        let mut transfers = world(settings).transfers;
        transfers.sort_by(|one, other| (one.at.utc_s, &one.id).cmp(&(other.at.utc_s, &other.id)));
        let sent = transfers.into_iter().map(|transfer| Sent {
            value_minor: rates.value_minor(transfer.amount, transfer.at.day()).unwrap(),
            transfer,
            rates_sha256: "ab".repeat(32),
        });
        sent.map(|sent| sent.to_bytes()).collect()
    }

    const ARRIVED_S: i64 = 1_800_000_000;

    fn take_all(replica: &mut Replica, bodies: &[Vec<u8>]) -> Vec<Said> {
        let first = replica.at().sequence + 1;
        let each = (first..).zip(bodies).map(|(n, body)| replica.take(n, ARRIVED_S, body).unwrap());
        each.collect::<Vec<_>>().concat()
    }

    #[test]
    fn from_a_snapshot_the_rest_raises_what_it_would_have_raised() {
        let (bodies, folder) = (bodies(), tempfile::tempdir().unwrap());
        let mut whole = Replica::new(pack(), 1);
        let said = take_all(&mut whole, &bodies);
        assert!(said.len() > 20 && whole.said().eq(said.iter().cloned()));
        let n = bodies.len() / 2;
        let mut early = Replica::new(pack(), 1);
        let mut both = take_all(&mut early, &bodies[..n]);
        early.write(folder.path()).unwrap();
        let mut late = Replica::read(folder.path(), pack(), 1).unwrap().unwrap();
        assert_eq!(late.at().sequence, n as u64);
        assert!(late.said().eq(both.iter().cloned()), "it knows what was said before it, to the byte");
        both.extend(take_all(&mut late, &bodies[n..]));
        assert_eq!(both, said);
        assert!((0..super::super::N_PARTITIONS).all(|one| said.iter().any(|said| said.partition == one)));
    }

    #[test]
    fn what_comes_again_raises_nothing_and_what_is_none_takes_its_place() {
        let bodies = bodies();
        let mut replica = Replica::new(pack(), 1);
        let said = take_all(&mut replica, &bodies);
        assert_eq!(take_all(&mut replica, &bodies), []);
        assert!(replica.take(9_999_999, ARRIVED_S, b"nonsense").is_err());
        assert_eq!(replica.at().sequence, 9_999_999);
        let mut early = Replica::new(pack(), 1);
        assert!(early.take(1, 0, &bodies[0]).is_err(), "fifty years ahead");
        assert!(replica.said().eq(said));
    }

    #[test]
    fn a_snapshot_of_another_stream_or_a_changed_one_is_refused() {
        let (bodies, folder) = (bodies(), tempfile::tempdir().unwrap());
        assert!(Replica::read(folder.path(), pack(), 1).unwrap().is_none());
        let mut replica = Replica::new(pack(), 1);
        take_all(&mut replica, &bodies[..50]);
        replica.write(folder.path()).unwrap();
        assert!(matches!(Replica::read(folder.path(), pack(), 2), Err(Error::Snapshot { .. })));
        let path = folder.path().join("snapshot");
        let mut bytes = fs::read(&path).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Replica::read(folder.path(), pack(), 1), Err(Error::Snapshot { .. })));
    }
}
