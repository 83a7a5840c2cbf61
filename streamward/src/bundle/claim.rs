//! How does what was paid and seen leave the house for a survivor's claim, so that a court can check it?
//!
//! The records that the claim rests on and no others: no report to an authority, no name of a file, nothing of who looked.

use anyhow::{Context, Result, bail};
use casework::Deed;
use casework::claim::{self, Document, SCHEMA, belongs, page};
use casework::export::Done;
use sha2::{Digest, Sha256};

use super::{proven, zipped};
use crate::store::{Logged, Store};

const README: &str = "\
These are records of one case, for the claim for compensation that claim.html names, for somebody who must be able to
check them. Amounts, times and matches are observations of people and programs. They are not an accusation, and no
finding about anybody.

claim.html         who paid, who was paid, and what was seen, for a browser
claim.json         the same for programs
claim.schema.json  the form of claim.json (JSON Schema, draft 2020-12)
records.jsonl      each record of the log that the claim rests on, one a line: its position, the entry, what it is about
                   (body), and the hashes that lead from it to the root (proof, RFC 9162 2.1.3)
checkpoint.txt     the root of the whole log, signed (C2SP tlog-checkpoint and signed-note, Ed25519)
key.txt            the public key that it was signed with
SHA256SUMS         the digest of each of these files

To check it:  streamward case verify --key KEY BUNDLE
with the key that the house gave you by another way: a key that only comes with what it signed shows nothing.
Without streamward: sha256sum -c SHA256SUMS; SHA-256 of each body stands in its entry (body_sha256); SHA-256 of a zero
byte and the entry is the leaf; the proof leads from it to the root in checkpoint.txt; that text is signed with the key.
The number of a record stands beside each fact. What the case holds beside these records is not shown here.
";

/// What the records alone make.
const MADE: [&str; 3] = ["claim.json", "claim.html", "claim.schema.json"];

/// What goes with claim `number` of this case.
pub(crate) async fn make(store: &Store, case: &str, number: usize) -> Result<Vec<u8>> {
    let deeds = store.deeds(case).await?;
    let deeds: Vec<&(Logged, Deed)> = deeds.iter().filter(|(_, deed)| belongs(deed, number)).collect();
    let done: Vec<Done<'_>> =
        deeds.iter().map(|(logged, deed)| Done::of(&logged.entry, logged.position, deed)).collect();
    let document = claim::document(case, &done)?;
    let mut parts = proven(store, &deeds).await?;
    parts.push(("README.txt".to_owned(), README.to_owned()));
    parts.extend(MADE.map(|name| (name.to_owned(), made(&document, name))));
    let sums = sums(parts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    parts.push(("SHA256SUMS".to_owned(), sums));
    zipped(&parts)
}

/// Whether the records make what a bundle for a claim shows.
pub(super) fn check(case: &str, done: &[Done<'_>], part: &mut impl FnMut(&str) -> Result<String>) -> Result<()> {
    let document = claim::document(case, done).context("the records do not make a claim")?;
    for name in MADE {
        if part(name)? != made(&document, name) {
            bail!("{name} is not what the records make of the claim");
        }
    }
    let stated = part("SHA256SUMS")?;
    let names: Vec<&str> = stated.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name).collect();
    let texts = names.iter().map(|name| part(name)).collect::<Result<Vec<String>>>()?;
    if sums(names.iter().copied().zip(texts.iter().map(String::as_str))) != stated || names.len() != N_SUMMED {
        bail!("SHA256SUMS does not give the digests of these files");
    }
    Ok(())
}

/// How many files have a digest: all but the digests themselves.
const N_SUMMED: usize = 7;

fn made(document: &Document, name: &str) -> String {
    match name {
        "claim.json" => document.to_json(),
        "claim.html" => page(document),
        _ => SCHEMA.to_owned(),
    }
}

/// As `sha256sum` writes and checks it.
fn sums<'p>(parts: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let line = |(name, text): (&str, &str)| {
        let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest}  {name}\n")
    };
    parts.map(line).collect()
}
