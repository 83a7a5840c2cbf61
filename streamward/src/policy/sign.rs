//! `streamward policy sign`, `verify` and `log`: who stands by this version of a policy, and which came before it?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use record::{Day, Edition, Editions, Refusal, Signer, proof};
use serde_json::json;

use super::signed::{KIND, Refused, Trust, beside, editions, open};
use crate::list::{build::write, sign::signer};

/// Writes POLICY.sig beside a policy.
///
/// For a version that is signed already the signature is added; a later version continues the log of the earlier ones.
#[derive(Args)]
pub(super) struct Sign {
    /// The policy.
    policy: PathBuf,
    /// A secret key, as `streamward list key` wrote it. May be given several times.
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The last day on which this version may be used; without it, for ever.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<Day>,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day is written YYYY-MM-DD".into())
}

pub(super) fn sign(arguments: &Sign) -> Result<ExitCode> {
    let signers = arguments.keys.iter().map(|file| signer(file)).collect::<Result<Vec<Signer>>>()?;
    let (policy, sha256) = open(&arguments.policy)?;
    let edition = Edition { version: policy.version.into(), sha256, expires: arguments.until };
    let before = editions(&arguments.policy)?;
    let is_same = |before: &&Editions| {
        let last = before.edition();
        (last.version, last.sha256) == (edition.version, edition.sha256)
            && (arguments.until.is_none() || last.expires == arguments.until)
    };
    let mut signed = match before.as_ref().filter(is_same) {
        Some(before) => before.clone(),
        None => Editions::begin(KIND, &policy.name, edition, before.as_ref()).map_err(|rule| {
            anyhow!(
                "cannot sign {} after what {} holds: {rule}\n  to do: give the policy a version above the last one",
                arguments.policy.display(),
                beside(&arguments.policy).display()
            )
        })?,
    };
    for signer in &signers {
        if signed.signed_by(&[signer.key()])?.is_empty() {
            signed.sign(signer);
        }
    }
    write(&beside(&arguments.policy), &signed.to_string())?;
    eprintln!("{}, version {}: signed; {} versions in its log", policy.name, policy.version, signed.log().len());
    Ok(ExitCode::SUCCESS)
}

/// Checks that enough people have signed a policy, that it was not altered, is not older than one seen before and has
/// not expired: 0 it may be used, 4 it may not.
#[derive(Args)]
pub(super) struct Verify {
    /// The policy.
    policy: PathBuf,
    #[command(flatten)]
    trust: Trust,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(arguments: &Verify) -> Result<ExitCode> {
    let trusted = arguments.trust.verify(&arguments.policy)?;
    let (name, version) = (&trusted.policy.name, trusted.policy.version);
    let until = trusted.until.map(|day| day.to_string());
    match arguments.json {
        true => println!(
            "{}",
            json!({ "name": name, "version": version, "signed_by": trusted.signed_by, "until": until,
                    "versions": trusted.n_versions })
        ),
        false => println!(
            "{name}, version {version}, may be used {}; signed by {}; {} versions in its log",
            until.map_or("for ever".into(), |day| format!("until {day}")),
            trusted.signed_by.join(", "),
            trusted.n_versions
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows every version of a policy that was ever signed, and proves it.
#[derive(Args)]
pub(super) struct Log {
    /// The policy; its log lies beside it.
    policy: PathBuf,
    /// Prove that this version is in the log: its place, its hash, and the way to the signed root.
    #[arg(long, value_name = "VERSION", conflicts_with = "grown_from")]
    proof: Option<u64>,
    /// Prove that the log only grew since it had so many versions.
    #[arg(long, value_name = "N")]
    grown_from: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn log(arguments: &Log) -> Result<ExitCode> {
    let refused = |rule| Refused::signed(&arguments.policy, rule);
    let editions = editions(&arguments.policy)?.ok_or_else(|| refused(Refusal::Unsigned))?;
    let tree = editions.tree();
    let (n_versions, root) = (tree.n_entries(), tree.root());
    match (arguments.proof, arguments.grown_from) {
        (Some(version), _) => {
            let index = editions.log().iter().position(|edition| edition.version == version);
            let index =
                index.ok_or_else(|| anyhow!("version {version} is not in the log\n  to do: name one of it"))? as u64;
            let (way, entry) = (tree.inclusion_proof(index, n_versions)?, tree.entry(index).expect("it is in the log"));
            proof::verify_inclusion(index, n_versions, entry, &way, root)?;
            print_proof(&format!("index {index}\nentry {entry}"), &way, &editions);
        }
        (None, Some(n_before)) => {
            let way = tree.consistency_proof(n_before, n_versions)?;
            let root_before = tree.root_at(n_before)?;
            proof::verify_consistency(n_before, n_versions, &way, root_before, root)?;
            print_proof(&format!("before {n_before}\nroot {root_before}"), &way, &editions);
        }
        (None, None) => editions.log().iter().for_each(|edition| print(edition, arguments.json)),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(edition: &Edition, is_json: bool) {
    match is_json {
        true => {
            let hex: String = edition.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            let until = edition.expires.map(|day| day.to_string());
            println!("{}", json!({ "version": edition.version, "sha256": hex, "until": until }));
        }
        false => println!("{edition}"),
    }
}

/// As C2SP tlog-proof asks: what is proved, the hashes, an empty line, the signed checkpoint.
fn print_proof(what: &str, way: &[record::Hash], editions: &Editions) {
    println!("{what}");
    way.iter().for_each(|hash| println!("{hash}"));
    print!("\n{}", editions.note());
}
