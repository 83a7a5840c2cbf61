//! How does a case leave the house so that a stranger can check it?
//!
//! A zip file: the case for other tools, each record of the log about it with its proof, the signed checkpoint that the
//! proofs lead to, and a page that says how to check all that without us.

mod claim;

use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result, bail};
use casework::export::{Done, to_json_ld};
use casework::hands::Hands;
use casework::role::Compartment;
use casework::{Deed, Dossier, Entry};
use record::{Checkpoint, Hash, Key, Note, Quorum};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use crate::store::{Logged, Store};

pub(crate) use claim::make as make_claim;

/// The longest part of a bundle that is read, in bytes.
const PART_LEN_MAX: u64 = 256 << 20;

/// One record of the log and the way from it to the checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    position: u64,
    entry: String,
    body: String,
    proof: Vec<String>,
}

/// What a bundle was found to be.
pub(crate) struct Verified {
    /// Which case.
    pub(crate) case: String,
    /// How many records of the log are in it.
    pub(crate) n_records: usize,
    /// Whose key signed the checkpoint.
    pub(crate) key: String,
    /// Of how many records in all.
    pub(crate) n_entries: u64,
}

const README: &str = "\
This is one case of a casework program, for somebody who must be able to check it.

case.jsonld      the case for other programs: CASE/UCO 1.4 as JSON-LD
records.jsonl    each record of the log about the case, one a line: its position, the entry, what it is about (body),
                 and the hashes that lead from it to the root (proof, RFC 9162 2.1.3)
checkpoint.txt   the root of the whole log, signed (C2SP tlog-checkpoint and signed-note, Ed25519)
key.txt          the public key that it was signed with
report-N.xml     each report to an authority as it was sent

To check it:  streamward case verify --key KEY BUNDLE
with the key that the house gave you by another way: a key that only comes with what it signed shows nothing.
Without streamward: SHA-256 of each body stands in its entry (body_sha256); SHA-256 of a zero byte and the entry is the
leaf; the proof leads from it to the root in checkpoint.txt; that text is signed with the key.
";

/// The case as a bundle, with what those compartments hold.
pub(crate) async fn make(store: &Store, case: &str, open: &[Compartment]) -> Result<Vec<u8>> {
    let deeds = store.deeds(case).await?;
    let deeds: Vec<&(Logged, Deed)> = deeds.iter().filter(|(_, deed)| open.contains(&deed.compartment())).collect();
    let done: Vec<Done<'_>> =
        deeds.iter().map(|(logged, deed)| Done::of(&logged.entry, logged.position, deed)).collect();
    let dossier = store.case(case).await?;
    let mut parts = proven(store, &deeds).await?;
    parts.push(("README.txt".to_owned(), README.to_owned()));
    parts.push(("case.jsonld".to_owned(), to_json_ld(case, &done)));
    for (index, filed) in dossier.reports().iter().enumerate() {
        parts.push((format!("report-{}.xml", index + 1), filed.report().document().xml().to_owned()));
    }
    zipped(&parts)
}

/// The records with their proofs, and what the proofs lead to, as parts of a bundle.
async fn proven(store: &Store, deeds: &[&(Logged, Deed)]) -> Result<Vec<(String, String)>> {
    // The deeds were read before: the size that is signed now has them.
    let head = store.head().await?;
    let mut proofs = store.proofs(head.n_entries);
    let mut records = String::new();
    for (logged, _) in deeds {
        let proof = proofs.inclusion(logged.position).await?.context("a record is newer than the log's head")?;
        let record = Record {
            position: logged.position,
            entry: String::from_utf8(logged.entry.to_bytes())?,
            body: logged.body.clone(),
            proof: proof.iter().map(ToString::to_string).collect(),
        };
        records.push_str(&serde_json::to_string(&record)?);
        records.push('\n');
    }
    Ok(vec![
        ("records.jsonl".to_owned(), records),
        ("checkpoint.txt".to_owned(), head.note),
        ("key.txt".to_owned(), format!("{}\n", store.key())),
    ])
}

fn zipped(parts: &[(String, String)]) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name.as_str(), SimpleFileOptions::default())?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Checks a bundle, against a key that came by another way where one is given.
pub(crate) fn verify(bytes: &[u8], key: Option<&Key>) -> Result<Verified> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).context("this is not a bundle: it is no zip file")?;
    let mut part = |name: &str| -> Result<String> {
        let file = archive.by_name(name).with_context(|| format!("this is not a bundle: it has no {name}"))?;
        let mut text = String::new();
        file.take(PART_LEN_MAX + 1).read_to_string(&mut text).with_context(|| format!("{name} cannot be read"))?;
        if text.len() as u64 > PART_LEN_MAX {
            bail!("{name} is longer than 256 MiB");
        }
        Ok(text)
    };
    let own_key = Key::parse(part("key.txt")?.strip_suffix('\n').unwrap_or_default())?;
    if key.is_some_and(|key| *key != own_key) {
        bail!("the bundle was signed with another key");
    }
    let note = Note::parse(part("checkpoint.txt")?.as_bytes())?;
    Quorum::new(1, vec![own_key.clone()])?.verify(&note)?;
    let checkpoint = Checkpoint::parse(note.text())?;
    let records = part("records.jsonl")?;
    let mut deeds: Vec<(Record, Entry, Deed)> = Vec::new();
    for (index, line) in records.lines().enumerate() {
        let what = || format!("line {} of records.jsonl", index + 1);
        let record: Record = serde_json::from_str(line).with_context(|| format!("{} is no record", what()))?;
        let entry: Entry = serde_json::from_str(&record.entry).with_context(|| format!("{}: no entry", what()))?;
        let digest: [u8; 32] = Sha256::digest(&record.body).into();
        if digest != entry.body_sha256 || entry.to_bytes() != record.entry.as_bytes() {
            bail!("{}: what it is about was altered", what());
        }
        let proof: Result<Vec<Hash>, _> = record.proof.iter().map(|hash| Hash::parse(hash)).collect();
        let leaf = Hash::of_entry(record.entry.as_bytes());
        record::proof::verify_inclusion(record.position, checkpoint.n_entries, leaf, &proof?, checkpoint.root)
            .with_context(|| format!("{} is not in the log that was signed", what()))?;
        let deed: Deed = serde_json::from_str(&record.body).with_context(|| format!("{} is no deed", what()))?;
        if deeds
            .last()
            .is_some_and(|(before, earlier, _)| before.position >= record.position || earlier.case != entry.case)
        {
            bail!("{} is out of order or of another case", what());
        }
        deeds.push((record, entry, deed));
    }
    let Some((_, first, _)) = deeds.first() else { bail!("there are no records in it") };
    let case = first.case.clone();
    let done: Vec<Done<'_>> =
        deeds.iter().map(|(record, entry, deed)| Done::of(entry, record.position, deed)).collect();
    match part("claim.json") {
        Ok(_) => claim::check(&case, &done, &mut part)?,
        Err(_) => check(&case, &done, &mut part)?,
    }
    Ok(Verified { case, n_records: done.len(), key: own_key.to_string(), n_entries: checkpoint.n_entries })
}

/// Whether the records make the case that a bundle shows.
fn check(case: &str, done: &[Done<'_>], part: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    let (mut dossier, mut hands) = (Dossier::default(), Hands::default());
    for Done { position, who, deed, .. } in done {
        let was_free = hands.take(*who, deed);
        let done = was_free.and_then(|()| dossier.apply(deed));
        done.with_context(|| format!("record {position} cannot have happened then"))?;
    }
    if to_json_ld(case, done) != part("case.jsonld")? {
        bail!("case.jsonld is not what the records make of the case");
    }
    for (index, filed) in dossier.reports().iter().enumerate() {
        let name = format!("report-{}.xml", index + 1);
        if part(&name)? != filed.report().document().xml() {
            bail!("{name} is not the report that the records tell of");
        }
    }
    Ok(())
}
