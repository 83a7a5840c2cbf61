//! Which policy is meant, who stands by it, and what is the person told of it?

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use guard::message::Messages;
use guard::{Cause, Policy};
use record::edition::{Seen, digest};
use record::{Day, Editions, Key, Quorum, Refusal};

use crate::lists::state_folder;
use crate::{Error, read};

/// A policy file larger than this is not one, bytes.
const BYTES_MAX: u64 = 1 << 20;

/// The shipped policy of this name, or the one in the file at this path.
///
/// # Errors
/// [`Error::Read`] when there is neither, [`Error::Policy`] when the text is not a valid policy.
pub fn load(name: &str) -> Result<Policy, Error> {
    if let Some(policy) = Policy::shipped(name) {
        return Ok(policy);
    }
    let text = read::text(Path::new(name), BYTES_MAX)?;
    Policy::parse(&text).map_err(|source| Error::Policy { name: name.to_owned(), source })
}

/// A policy and who must stand by it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Source {
    /// A shipped policy (child-device, messenger, livestream, test) or the path of one.
    #[arg(long = "policy", value_name = "NAME|FILE", default_value = "livestream")]
    name: String,
    /// Use the policy only if the keys in this file have signed it, it is the latest version and still in force.
    #[arg(long = "policy-keys", value_name = "FILE")]
    keys: Option<PathBuf>,
    /// How many of these keys must have signed.
    #[arg(long = "policy-need", value_name = "K", default_value_t = 1)]
    need: usize,
}

/// A policy that may be used, and why.
pub(crate) struct Active {
    pub(crate) policy: Policy,
    /// Who signed it, where that was asked for.
    pub(crate) signed_by: Option<Vec<String>>,
    /// The last day on which it is in force, where there is one.
    pub(crate) until: Option<Day>,
}

impl Source {
    /// The policy. Which versions were seen is remembered in `policies-seen`, beside what was seen of lists.
    ///
    /// # Errors
    /// As [`load`]; [`Error::PolicyUntrusted`] when it breaks a rule about signatures, [`Error::Trust`] when that
    /// cannot be told.
    pub(crate) fn load(&self) -> Result<Active, Error> {
        let Some((active, seen)) = self.verified()? else {
            return Ok(Active { policy: load(&self.name)?, signed_by: None, until: None });
        };
        remember(&active.policy.name, &seen)?;
        Ok(active)
    }

    /// As [`Source::load`], where nothing can be written.
    pub(crate) fn load_again(&self) -> Result<Policy, Error> {
        match self.verified()? {
            Some((active, _)) => Ok(active.policy),
            None => load(&self.name),
        }
    }

    fn verified(&self) -> Result<Option<(Active, Seen)>, Error> {
        let Some(keys) = &self.keys else { return Ok(None) };
        let untrusted = |rule| Error::PolicyUntrusted { path: self.name.clone().into(), rule };
        let keys = read_keys(keys)?;
        let quorum = Quorum::new(self.need, keys.clone()).map_err(|error| Error::Trust {
            what: error.to_string(),
            todo: "mend --policy-need and the file of --policy-keys: one public key a line",
        })?;
        // One that came with the program was signed by nobody.
        let path = Path::new(&self.name);
        let text = read::text(path, BYTES_MAX).map_err(|error| match Policy::shipped(&self.name) {
            Some(_) => untrusted(Refusal::Unsigned),
            None => error,
        })?;
        let policy = Policy::parse(&text).map_err(|source| Error::Policy { name: self.name.clone(), source })?;
        let beside = self.beside();
        if !beside.exists() {
            return Err(untrusted(Refusal::Unsigned));
        }
        let signatures = read::text(&beside, record::edition::BYTES_MAX as u64)?;
        let editions = Editions::parse("policy", signatures.as_bytes()).map_err(untrusted)?;
        let before = memory()?.into_iter().find(|(_, name)| *name == policy.name).map(|(seen, _)| seen);
        let named = (policy.name.as_str(), u64::from(policy.version), &digest(text.as_bytes()));
        let seen = editions.verify(named, &quorum, before.as_ref(), today()).map_err(untrusted)?;
        let signed_by = editions.signed_by(&keys).map_err(Refusal::from).map_err(untrusted)?;
        let signed_by = Some(signed_by.into_iter().map(str::to_owned).collect());
        Ok(Some((Active { policy, signed_by, until: editions.edition().expires }, seen)))
    }

    /// These words on the command line of a part mean this policy.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words = vec!["--policy".into(), self.name.clone().into()];
        if let Some(keys) = &self.keys {
            words.extend(["--policy-keys".into(), keys.into()]);
            words.extend(["--policy-need".into(), self.need.to_string().into()]);
        }
        words
    }

    /// Every file that is read for it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let own = [PathBuf::from(&self.name), self.beside()];
        own.into_iter().chain(self.keys.clone()).chain(memory_file()).filter(|path| path.exists()).collect()
    }

    fn beside(&self) -> PathBuf {
        PathBuf::from(format!("{}.sig", self.name))
    }
}

impl Active {
    /// What the person who is guarded is told: what is in force, by whom, until when, and how to object.
    pub(crate) fn words(&self) -> String {
        let policy = &self.policy;
        let by = match &self.signed_by {
            Some(names) => format!("signed by {}", names.join(", ")),
            None => "nobody's signature was asked for".into(),
        };
        let until = self.until.map(|day| format!(", until {day}")).unwrap_or_default();
        let messages = Messages::in_language(&policy.cover.language);
        let object = &messages.message(policy.cover.reader, Cause::Found).object;
        format!(
            "guarded by the policy {} {} ({by}{until}): {}\n  {object}",
            policy.name, policy.version, policy.description
        )
    }
}

fn today() -> Day {
    Day::of_second(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn read_keys(path: &Path) -> Result<Vec<Key>, Error> {
    let text = read::text(path, BYTES_MAX)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Key::parse).collect::<Result<_, _>>().map_err(|error| Error::Trust {
        what: format!("{}: {error}", path.display()),
        todo: "mend the file of --policy-keys: one public key a line, as `streamward list key` prints it",
    })
}

fn memory_file() -> Option<PathBuf> {
    state_folder().map(|folder| folder.join("policies-seen"))
}

/// What was seen of every policy, by name.
fn memory() -> Result<Vec<(Seen, String)>, Error> {
    let path = memory_file().ok_or_else(no_place)?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read::text(&path, BYTES_MAX)?;
    let line = |line: &str| {
        let (at, _) = line.match_indices(' ').nth(2)?;
        Some((Seen::parse(&line[..at])?, line[at + 1..].to_owned()))
    };
    text.lines().map(line).collect::<Option<_>>().ok_or_else(|| Error::Trust {
        what: format!("{} cannot be read", path.display()),
        todo: "restore that file; to take an older policy for new could uncover what is covered",
    })
}

fn remember(name: &str, seen: &Seen) -> Result<(), Error> {
    let path = memory_file().ok_or_else(no_place)?;
    let mut all = memory()?;
    if all.iter().any(|(before, other)| other == name && before == seen) {
        return Ok(());
    }
    all.retain(|(_, other)| other != name);
    all.push((seen.clone(), name.to_owned()));
    let text: String = all.iter().map(|(seen, name)| format!("{seen} {name}\n")).collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file.persist(&path)?)
    });
    written.map(|_| ()).map_err(|source| Error::Write { path, source })
}

fn no_place() -> Error {
    Error::Trust {
        what: "there is no place to remember which versions of policies were seen".into(),
        todo: "set STREAMWARD_STATE to a folder that the guard may write to",
    }
}
