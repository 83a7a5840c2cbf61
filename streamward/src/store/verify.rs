//! Has anything that is stored been altered?
//!
//! Three questions: does the log lead to the head that was signed; is each body what its entry says; do the cases and
//! people stored beside the log say what the log makes of them. Whoever edits any of it changes an answer.

use std::collections::{BTreeMap, HashMap};

use casework::exposure::Exposure;
use casework::hands::Hands;
use casework::view::View;
use casework::{Deed, Dossier, Entry, Vault};
use record::{Checkpoint, Frontier, Hash, Note, Quorum};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::cases::{Columns, text};
use super::looks::day;
use super::proof::BLOCK;
use super::{Account, Error, Store};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How many entries the log has.
    pub(crate) n_entries: u64,
    /// How many cases were made again from it.
    pub(crate) n_cases: u64,
    /// Whatever is not as it was written; empty when all is.
    pub(crate) faults: Vec<String>,
}

impl Store {
    /// Checks everything, and that the log begins with an `earlier` checkpoint where one is given, which was kept
    /// elsewhere: only so is a store found out that was put back whole to an earlier state.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(crate) async fn verify(&self, earlier: Option<&Note>) -> Result<Findings, Error> {
        let mut findings = Findings::default();
        let earlier = match earlier.map(|note| self.checkpoint(note)) {
            Some(Ok(checkpoint)) => Some(checkpoint),
            Some(Err(fault)) => {
                findings.faults.push(format!("the checkpoint that was kept elsewhere: {fault}"));
                None
            }
            None => None,
        };
        self.verify_log(&mut findings, earlier.as_ref()).await?;
        self.verify_cases(&mut findings).await?;
        self.verify_people(&mut findings).await?;
        self.verify_vault(&mut findings).await?;
        self.verify_exposures(&mut findings).await?;
        self.verify_samples(&mut findings).await?;
        Ok(findings)
    }

    async fn verify_log(&self, findings: &mut Findings, earlier: Option<&Checkpoint>) -> Result<(), Error> {
        let mut frontier = Frontier::new();
        let (mut subtree, mut subtrees) = (Frontier::new(), Vec::new());
        let mut after = -1i64;
        let mut is_earlier_seen = earlier.is_none_or(|earlier| earlier.n_entries == 0);
        loop {
            let rows = sqlx::query(
                "SELECT position, entry, body, subject FROM log WHERE position > $1 ORDER BY position LIMIT 5000",
            )
            .bind(after)
            .fetch_all(&self.pool)
            .await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let (position, entry, body): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
                if position != after + 1 {
                    findings.faults.push(format!("records {} to {} of the log are missing", after + 1, position - 1));
                }
                after = position;
                let hash = Hash::of_entry(entry.as_bytes());
                frontier.append_hash(hash);
                subtree.append_hash(hash);
                if subtree.n_entries() == BLOCK {
                    subtrees.push(std::mem::take(&mut subtree).root());
                }
                let subject: String = row.get(3);
                findings.faults.extend(
                    fault_of(&entry, &body, &subject).map(|fault| format!("record {position} of the log: {fault}")),
                );
                if let Some(earlier) = earlier.filter(|earlier| earlier.n_entries == frontier.n_entries()) {
                    is_earlier_seen = true;
                    if earlier.root != frontier.root() {
                        findings
                            .faults
                            .push("the log does not begin as it did at the checkpoint kept elsewhere".into());
                    }
                }
            }
        }
        if !is_earlier_seen {
            findings.faults.push("the log is shorter than at the checkpoint kept elsewhere".into());
        }
        findings.n_entries = frontier.n_entries();
        self.verify_subtrees(subtrees, findings).await?;
        let head = self.head().await?;
        if head.n_entries == 0 && head.note.is_empty() && frontier.n_entries() == 0 {
            return Ok(());
        }
        match Note::parse(head.note.as_bytes()).map_err(|error| error.to_string()).and_then(|n| self.checkpoint(&n)) {
            Err(fault) => findings.faults.push(format!("the log's head: {fault}")),
            Ok(signed) if signed.n_entries != frontier.n_entries() => findings.faults.push(format!(
                "the log has {} records and its signed head says {}",
                frontier.n_entries(),
                signed.n_entries
            )),
            Ok(signed) if signed.root != frontier.root() => {
                findings.faults.push("the records do not lead to the root that was signed".into());
            }
            Ok(_) => {}
        }
        Ok(())
    }

    async fn verify_cases(&self, findings: &mut Findings) -> Result<(), Error> {
        let mut after = String::new();
        let n_indexed = self.n_indexed().await?;
        loop {
            let rows = sqlx::query(
                "SELECT id, is_done, lane, is_video, is_payments, place, filing_at, document, n_in_vault,
                    appeal_at, second FROM cases
                 WHERE id > $1 ORDER BY id LIMIT 500",
            )
            .bind(after.clone())
            .fetch_all(&self.pool)
            .await?;
            let last: Option<String> = rows.last().map(|row| row.get(0));
            let deeds = self.logged_between(&after, last.as_deref().unwrap_or_default()).await?;
            self.verify_terms((&after, last.as_deref()), n_indexed, &deeds, findings).await?;
            let Some(last) = last else { break };
            after = last;
            for row in &rows {
                let id: String = row.get(0);
                findings.n_cases += 1;
                let stored = Columns {
                    is_done: row.get(1),
                    lane: row.get(2),
                    is_video: row.get(3),
                    is_payments: row.get(4),
                    place: row.get(5),
                    filing_at: row.get(6),
                    n_in_vault: row.get(8),
                    appeal_at: row.get(9),
                    second: row.get(10),
                };
                match deeds.get(&id).and_then(|deeds| made_again(deeds)) {
                    None => findings.faults.push(format!("case {id}: its records in the log do not make a case")),
                    Some(dossier) if text(&dossier) != row.get::<String, _>(7) => {
                        findings.faults.push(format!("case {id} is not what the log makes of it"));
                    }
                    Some(dossier) if Columns::of(&dossier) != stored => {
                        findings.faults.push(format!("case {id} is not listed as the log makes it"));
                    }
                    Some(_) => {}
                }
            }
        }
        let missing = sqlx::query(
            "SELECT DISTINCT subject FROM log WHERE subject NOT IN ('people', 'vault', 'quality')
             AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.id = log.subject) ORDER BY subject LIMIT 100",
        )
        .fetch_all(&self.pool)
        .await?;
        findings.faults.extend(missing.iter().map(|row| format!("case {} is missing", row.get::<String, _>(0))));
        Ok(())
    }

    /// What the log has of each case after `after` up to `last`: bodies, entries and positions, the earliest first.
    async fn logged_between(
        &self,
        after: &str,
        last: &str,
    ) -> Result<HashMap<String, Vec<(String, String, i64)>>, Error> {
        let rows = sqlx::query(
            "SELECT subject, body, entry, position FROM log WHERE subject > $1 AND subject <= $2
             AND subject NOT IN ('people', 'vault', 'quality') ORDER BY subject, position",
        )
        .bind(after.to_owned())
        .bind(last.to_owned())
        .fetch_all(&self.pool)
        .await?;
        let mut deeds: HashMap<String, Vec<(String, String, i64)>> = HashMap::new();
        for row in rows {
            deeds.entry(row.get(0)).or_default().push((row.get(1), row.get(2), row.get(3)));
        }
        Ok(deeds)
    }

    async fn verify_people(&self, findings: &mut Findings) -> Result<(), Error> {
        let rows = sqlx::query("SELECT body FROM log WHERE subject = 'people' ORDER BY position")
            .fetch_all(&self.pool)
            .await?;
        let bodies = rows.iter().map(|row| row.get::<String, _>(0));
        let made = bodies.filter_map(|body| Some((serde_json::from_str::<Account>(&body).ok()?.name, body)));
        let made: BTreeMap<String, String> = made.map(|(name, body)| (name.name().to_owned(), body)).collect();
        let rows = sqlx::query("SELECT name, document FROM people").fetch_all(&self.pool).await?;
        let stored: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if made != stored {
            findings.faults.push("the people who may come in are not those whom the log let in".into());
        }
        Ok(())
    }

    async fn verify_vault(&self, findings: &mut Findings) -> Result<(), Error> {
        let rows =
            sqlx::query("SELECT body FROM log WHERE subject = 'vault' ORDER BY position").fetch_all(&self.pool).await?;
        let mut made = Vault::default();
        for row in &rows {
            let deed = serde_json::from_str(&row.get::<String, _>(0)).ok();
            if deed.is_none_or(|deed| made.apply(&deed).is_err()) {
                findings.faults.push("the vault's records in the log do not make a vault".into());
                return Ok(());
            }
        }
        if self.vault().await.ok() != Some(made) {
            findings.faults.push("the vault is not what the log makes of it".into());
        }
        Ok(())
    }

    /// What people have looked at, from the cases that the log makes.
    async fn verify_exposures(&self, findings: &mut Findings) -> Result<(), Error> {
        let rows = sqlx::query("SELECT subject, body FROM log WHERE entry LIKE $1 ORDER BY position")
            .bind(format!("%\"action\":\"{}\"%", "viewed"))
            .fetch_all(&self.pool)
            .await?;
        let mut looks: BTreeMap<String, Vec<View>> = BTreeMap::new();
        let mut made: BTreeMap<(String, String), Exposure> = BTreeMap::new();
        for row in &rows {
            let seen = looks.entry(row.get(0)).or_default();
            match serde_json::from_str::<Deed>(&row.get::<String, _>(1)) {
                Ok(Deed::Viewed(view)) => {
                    let used = made.entry((view.who.name().to_owned(), day(view.at))).or_default();
                    *used = used.begun();
                    seen.push(view);
                }
                Ok(Deed::Covered { look, shown_ms }) => {
                    let Some(view) = look.checked_sub(1).and_then(|index| seen.get(index)) else { continue };
                    let used = made.entry((view.who.name().to_owned(), day(view.at))).or_default();
                    *used = used.ended(shown_ms);
                }
                Ok(_) | Err(_) => {}
            }
        }
        let rows = sqlx::query("SELECT name, day, n_looks, shown_ms FROM exposures").fetch_all(&self.pool).await?;
        let stored = rows.iter().map(|row| {
            let (n_looks, shown_ms): (i64, i64) = (row.get(2), row.get(3));
            ((row.get(0), row.get(1)), Exposure { n_looks: n_looks as u64, shown_ms: shown_ms as u64 })
        });
        if made != stored.collect() {
            findings.faults.push("what people have looked at is not what the log makes of it".into());
        }
        Ok(())
    }

    fn checkpoint(&self, note: &Note) -> Result<Checkpoint, String> {
        let quorum = Quorum::new(1, vec![self.key()]).map_err(|error| error.to_string())?;
        quorum.verify(note).map_err(|error| error.to_string())?;
        Checkpoint::parse(note.text()).map_err(|error| error.to_string())
    }
}

/// The case that these deeds make, each with the entry it was logged by; none where they make none.
fn made_again(deeds: &[(String, String, i64)]) -> Option<Dossier> {
    let (mut dossier, mut hands) = (Dossier::default(), Hands::default());
    for (body, entry, _) in deeds {
        let (deed, entry): (Deed, Entry) = (serde_json::from_str(body).ok()?, serde_json::from_str(entry).ok()?);
        hands.take(entry.who.as_ref(), &deed).ok()?;
        dossier.apply(&deed).ok()?;
    }
    Some(dossier).filter(|_| !deeds.is_empty())
}

fn fault_of(entry: &str, body: &str, subject: &str) -> Option<&'static str> {
    let Ok(read) = serde_json::from_str::<Entry>(entry) else { return Some("it is not an entry") };
    if read.to_bytes() != entry.as_bytes() {
        return Some("it is not written as entries are");
    }
    if read.case != subject {
        return Some("it stands under another case");
    }
    let digest: [u8; 32] = Sha256::digest(body).into();
    (digest != read.body_sha256).then_some("what it is about was altered")
}
