//! What lies beside a policy as POLICY.sig, and who must have signed it?

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use guard::Policy;
use record::edition::{BYTES_MAX, Seen, digest};
use record::{Day, Editions, Quorum, Refusal};

use crate::list::{build::write, trust::read_keys};

/// What is signed, in the words of its file.
pub(super) const KIND: &str = "policy";

/// A policy breaks a rule about signatures, or is none: exit code 4.
#[derive(Debug, thiserror::Error)]
#[error("the policy {path} is not used: {rule}\n  to do: {todo}")]
pub(crate) struct Refused {
    path: String,
    rule: String,
    todo: &'static str,
}

impl Refused {
    pub(super) fn signed(path: &Path, rule: Refusal) -> Refused {
        let todo = match rule {
            Refusal::Unsigned => "ask whoever publishes it for the file POLICY.sig that belongs to it",
            Refusal::Expired { .. } => "ask whoever publishes it for a later version, signed for longer",
            _ => "ask whoever publishes it for the file and its .sig again, over another way",
        };
        Refused { path: path.display().to_string(), rule: rule.to_string(), todo }
    }
}

/// A policy and the digest of its text.
pub(super) fn open(path: &Path) -> Result<(Policy, [u8; 32])> {
    let text = super::read(path)?;
    let todo = "mend it; `streamward policy show messenger` prints one that can be used";
    let refused = |rule: guard::Error| Refused { path: path.display().to_string(), rule: rule.to_string(), todo };
    Ok((Policy::parse(&text).map_err(refused)?, digest(text.as_bytes())))
}

/// POLICY.sig
pub(super) fn beside(policy: &Path) -> PathBuf {
    let mut name = policy.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// What lies beside the policy, if anything.
pub(super) fn editions(policy: &Path) -> Result<Option<Editions>> {
    let path = beside(policy);
    if !path.exists() {
        return Ok(None);
    }
    let trouble = |what: String| {
        anyhow!("cannot read the signatures {}: {what}\n  to do: ask the sender for that file again", path.display())
    };
    let n_bytes = std::fs::metadata(&path).map_err(|error| trouble(error.to_string()))?.len();
    if n_bytes > BYTES_MAX as u64 {
        return Err(trouble(format!("it has {n_bytes} bytes, more than any such file")));
    }
    let bytes = std::fs::read(&path).map_err(|error| trouble(error.to_string()))?;
    Ok(Some(Editions::parse(KIND, &bytes).map_err(|rule| Refused::signed(policy, rule))?))
}

/// Who must have signed a policy.
#[derive(Args)]
pub(super) struct Trust {
    /// The keys that count, one a line.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// How many of them must have signed.
    #[arg(long, value_name = "K", default_value_t = 1)]
    need: usize,
    /// Where it is remembered which version was seen, so that an older one is refused.
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
}

/// A policy that may be used.
pub(super) struct Trusted {
    pub(super) policy: Policy,
    pub(super) signed_by: Vec<String>,
    pub(super) until: Option<Day>,
    pub(super) n_versions: usize,
}

impl Trust {
    /// The policy, if it breaks no rule; what was seen of it is remembered.
    pub(super) fn verify(&self, path: &Path) -> Result<Trusted> {
        let (policy, sha256) = open(path)?;
        let keys = read_keys(&self.keys)?;
        let quorum = Quorum::new(self.need, keys.clone()).map_err(|error| anyhow!("--need and --keys: {error}"))?;
        let refused = |rule| Refused::signed(path, rule);
        let editions = editions(path)?.ok_or_else(|| refused(Refusal::Unsigned))?;
        let before = self.before(&policy.name)?;
        let today = Day::of_second(crate::clock::now().as_second().try_into().unwrap_or(0));
        let named = (policy.name.as_str(), u64::from(policy.version), &sha256);
        let seen = editions.verify(named, &quorum, before.as_ref(), today).map_err(refused)?;
        if let Some(file) = self.seen.as_ref().filter(|_| before != Some(seen.clone())) {
            write(file, &format!("{}{seen} {}\n", self.others(&policy.name)?, policy.name))?;
        }
        let signed_by = editions.signed_by(&keys)?.into_iter().map(str::to_owned).collect();
        let (until, n_versions) = (editions.edition().expires, editions.log().len());
        Ok(Trusted { policy, signed_by, until, n_versions })
    }

    fn lines(&self) -> Result<Vec<(Seen, String)>> {
        let Some(path) = self.seen.as_ref().filter(|path| path.exists()) else { return Ok(Vec::new()) };
        let trouble = |what: String| {
            anyhow!(
                "cannot tell which versions of policies were seen before, from {}: {what}\n  \
                 to do: mend or restore that file; taking an older policy for new could uncover what is covered",
                path.display()
            )
        };
        let text = std::fs::read_to_string(path).map_err(|error| trouble(error.to_string()))?;
        let line = |line: &str| {
            let (seen, name) = line.match_indices(' ').nth(2).map(|(at, _)| (&line[..at], &line[at + 1..]))?;
            Some((Seen::parse(seen)?, name.to_owned()))
        };
        text.lines().map(|text| line(text).ok_or_else(|| trouble("a line is not what was written".into()))).collect()
    }

    fn before(&self, name: &str) -> Result<Option<Seen>> {
        Ok(self.lines()?.into_iter().find(|(_, seen)| seen == name).map(|(seen, _)| seen))
    }

    fn others(&self, name: &str) -> Result<String> {
        let others = self.lines()?.into_iter().filter(|(_, other)| other != name);
        Ok(others.map(|(seen, name)| format!("{seen} {name}\n")).collect())
    }
}
