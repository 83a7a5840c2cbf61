//! Which decisions are drawn for a second look, and who looks at them?
//!
//! A sample follows from the log as it was when its day began, so it can be made again: `verify` does.

use std::collections::BTreeSet;

use casework::entry::Action;
use casework::quality::{Decided, SUBJECT, Sample};
use casework::role::Compartment;
use casework::{Deed, Dossier, Entry, Person};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::Row;

use super::cases::{change, document, read};
use super::{Error, Findings, Store};

/// How many cases that wait are tried for one that somebody had no hand in.
const N_TRIED: i64 = 200;

/// What the log says of decisions and of samples, from some record on.
struct Scan {
    /// The first record.
    from: u64,
    /// When each entry was made.
    at: Vec<Timestamp>,
    /// Every decision about a case in which something was seen.
    decided: Vec<Decided>,
    /// Every sample, with the number of its record.
    samples: Vec<(u64, Sample)>,
    /// Every decision that was given out to be looked at: case and day.
    drawn: Vec<(String, Date)>,
}

impl Scan {
    /// How many records the log has.
    fn n_records(&self) -> u64 {
        self.from + self.at.len() as u64
    }

    /// How many entries the log had when the day began: those from `before` on that come before the first of that day.
    fn n_entries(&self, before: u64, day: Date) -> u64 {
        let start = start_of(day);
        let later = self.at.iter().zip(self.from..).find(|(at, position)| *position >= before && **at >= start);
        later.map_or(self.n_records(), |(_, position)| position)
    }
}

impl Store {
    /// Draws the sample of a day, which has begun; none when it was drawn, or when there is nothing to draw from.
    ///
    /// # Errors
    /// [`Error::Refused`] when `percent` is not in `1..=100`.
    pub(crate) async fn sample(&self, day: Date, percent: u8, at: Timestamp) -> Result<Option<Sample>, Error> {
        if at < start_of(day) {
            return Ok(None);
        }
        let samples = sqlx::query("SELECT position, body FROM log WHERE subject = $1 ORDER BY position DESC LIMIT 1")
            .bind(SUBJECT)
            .fetch_optional(&self.pool)
            .await?;
        let last = samples.and_then(|row| serde_json::from_str::<Sample>(&row.get::<String, _>(1)).ok());
        let (before, last) = last.map_or((0, None), |sample| (sample.n_entries, Some(sample.day)));
        if last >= Some(day) {
            return Ok(None);
        }
        let scan = self.scan(before).await?;
        let sample = self.draw(&scan, before, day, percent).await?;
        if sample.drawn.is_empty() {
            return Ok(None);
        }
        let mut write = self.write(at).await?;
        let n_new: i64 = sqlx::query("SELECT count(*) FROM log WHERE subject = $1 AND position >= $2")
            .bind(SUBJECT)
            .bind(before as i64)
            .fetch_one(&mut *write.tx)
            .await?
            .get(0);
        let is_ended = sample.n_entries < scan.n_records() || write.n_before == scan.n_records();
        // Somebody was faster, or the day before was still being written: it is drawn the next time.
        if n_new != scan.samples.len() as i64 || !is_ended {
            return Ok(None);
        }
        let body = serde_json::to_string(&sample).expect("a sample can be written as JSON");
        write.append(&Entry::about(SUBJECT, None, Action::Quality, &body, at), &body).await?;
        for Decided { case, position } in &sample.drawn {
            let dossier = read(&mut write, case).await?.ok_or_else(|| Error::NoSuchCase { id: case.clone() })?;
            let deed = drawn(&self.case_at(&mut write, case, *position).await?, day)?;
            change(&mut write, case, dossier, None, &[deed], at).await?;
        }
        write.commit().await?;
        Ok(Some(sample))
    }

    /// The case that somebody is looking at as the second now.
    pub(crate) async fn blind(&self, who: &Person) -> Result<Option<(String, Dossier)>, Error> {
        let row = sqlx::query("SELECT id, document FROM cases WHERE second = $1 ORDER BY id LIMIT 1")
            .bind(who.name().to_owned())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id: String = row.get(0);
        let dossier = document(&id, &row.get::<String, _>(1))?;
        Ok(Some((id, dossier)))
    }

    /// How many cases wait for a second person.
    pub(crate) async fn n_waiting(&self) -> Result<u64, Error> {
        let row = sqlx::query("SELECT count(*) FROM cases WHERE second = ''").fetch_one(&self.pool).await?;
        Ok(row.get::<i64, _>(0) as u64)
    }

    /// Gives somebody the next case that they had no hand in; false when there is none, or when they have one.
    pub(crate) async fn take_second(&self, who: &Person, at: Timestamp) -> Result<bool, Error> {
        if self.blind(who).await?.is_some() {
            return Ok(false);
        }
        let rows = sqlx::query("SELECT id FROM cases WHERE second = '' ORDER BY id LIMIT $1")
            .bind(N_TRIED)
            .fetch_all(&self.pool)
            .await?;
        for row in &rows {
            let deed = Deed::SecondTaken { by: who.clone() };
            match self.act(&row.get::<String, _>(0), Some(who), &[deed], at).await {
                Ok(_) => return Ok(true),
                // They had a hand in it, or somebody was faster: the next.
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Whether each sample is what the log makes of its day, and was given out.
    pub(super) async fn verify_samples(&self, findings: &mut Findings) -> Result<(), Error> {
        let scan = self.scan(0).await?;
        let (mut before, mut given) = (0, Vec::new());
        for (position, sample) in &scan.samples {
            let made = self.draw(&scan, before, sample.day, sample.percent).await;
            if sample.n_entries > *position || made.ok().as_ref() != Some(sample) {
                findings.faults.push(format!("the sample of {} is not what the log draws on that day", sample.day));
            }
            before = sample.n_entries;
            given.extend(sample.drawn.iter().map(|drawn| (drawn.case.clone(), sample.day)));
        }
        let sorted = |mut all: Vec<(String, Date)>| {
            all.sort();
            all
        };
        if sorted(given) != sorted(scan.drawn) {
            findings.faults.push("what was given out for a second look is not what was drawn".into());
        }
        Ok(())
    }

    /// The sample of a day, after one that drew from the decisions before `before`.
    async fn draw(&self, scan: &Scan, before: u64, day: Date, percent: u8) -> Result<Sample, Error> {
        let n_entries = scan.n_entries(before, day);
        let root = self.proofs(n_entries).root(0..n_entries).await?;
        let is_new = |decided: &&Decided| (before..n_entries).contains(&decided.position);
        let decided: Vec<Decided> = scan.decided.iter().filter(is_new).cloned().collect();
        Ok(Sample::draw(day, n_entries, root, percent, &decided)?)
    }

    async fn scan(&self, from: u64) -> Result<Scan, Error> {
        let mut scan = Scan { from, at: Vec::new(), decided: Vec::new(), samples: Vec::new(), drawn: Vec::new() };
        let mut seen = BTreeSet::new();
        loop {
            let rows = sqlx::query(
                "SELECT position, subject, entry, body FROM log WHERE position >= $1 ORDER BY position LIMIT 5000",
            )
            .bind(scan.n_records() as i64)
            .fetch_all(&self.pool)
            .await?;
            if rows.is_empty() {
                return Ok(scan);
            }
            for row in rows {
                let (case, entry, body): (String, String, String) = (row.get(1), row.get(2), row.get(3));
                let position = scan.n_records();
                // A record that is missing is found elsewhere; here the count must not stand still.
                let at = serde_json::from_str::<Entry>(&entry).map_or(Timestamp::MIN, |entry| entry.at);
                scan.at.push(at);
                if case == SUBJECT {
                    scan.samples.extend(serde_json::from_str(&body).ok().map(|sample| (position, sample)));
                    continue;
                }
                match serde_json::from_str(&body) {
                    Ok(deed @ Deed::Referred(_)) if deed.compartment() == Compartment::Video => {
                        seen.insert(case);
                    }
                    Ok(Deed::Moved(casework::case::Event::Decided(_))) => {
                        if !seen.contains(&case) && self.was_seen(&case, from).await? {
                            seen.insert(case.clone());
                        }
                        if seen.contains(&case) {
                            scan.decided.push(Decided { case, position });
                        }
                    }
                    Ok(Deed::Drawn { day, .. }) => scan.drawn.push((case, day)),
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }

    /// Whether something was seen in a case before record `before`.
    async fn was_seen(&self, case: &str, before: u64) -> Result<bool, Error> {
        if before == 0 {
            return Ok(false);
        }
        let rows = sqlx::query("SELECT body FROM log WHERE subject = $1 AND position < $2")
            .bind(case.to_owned())
            .bind(before as i64)
            .fetch_all(&self.pool)
            .await?;
        let deeds = rows.iter().filter_map(|row| serde_json::from_str::<Deed>(&row.get::<String, _>(0)).ok());
        Ok(deeds.into_iter().any(|deed| matches!(deed, Deed::Referred(_)) && deed.compartment() == Compartment::Video))
    }

    /// A case as it was right after one of its records.
    async fn case_at(&self, write: &mut super::log::Write<'_>, case: &str, position: u64) -> Result<Dossier, Error> {
        let rows = sqlx::query("SELECT body FROM log WHERE subject = $1 AND position <= $2 ORDER BY position")
            .bind(case.to_owned())
            .bind(position as i64)
            .fetch_all(&mut *write.tx)
            .await?;
        let mut dossier = Dossier::default();
        for row in rows {
            let damaged = |_| Error::Damaged { what: format!("the log of case {case}") };
            dossier.apply(&serde_json::from_str(&row.get::<String, _>(0)).map_err(damaged)?)?;
        }
        Ok(dossier)
    }
}

/// The last decision of a case as one that was drawn.
fn drawn(dossier: &Dossier, day: Date) -> Result<Deed, Error> {
    let decisions = dossier.case().decisions();
    let last = decisions.last().ok_or_else(|| Error::Damaged { what: "a decision that was drawn".into() })?;
    Ok(Deed::Drawn { day, decision: decisions.len(), first: last.verdict })
}

/// When a day begins, UTC.
fn start_of(day: Date) -> Timestamp {
    let start = TimeZone::UTC.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible();
    start.map_or(Timestamp::MAX, |start| start.timestamp())
}
