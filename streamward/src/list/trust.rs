//! Must a list be signed before it is used, by whom, and which version of it was seen before?

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use known::list::{Memory, SIGNATURES_BYTES_MAX, Signatures, TEST_CARD};
use known::{List, TrustError};
use record::{Key, Quorum};

use super::build::write;

/// Who must have signed a list.
#[derive(Args, Clone, Default)]
pub(crate) struct Trust {
    /// Lists must be signed by the keys in this file, one a line; without it nobody's signature is asked for.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// How many of these keys must have signed.
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(crate) need: usize,
    /// Where it is remembered which version of each list was seen, so that an older one is refused.
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub(crate) seen: Option<PathBuf>,
}

/// A list that may be used.
pub(crate) struct Trusted {
    pub(crate) list: List,
    /// The digest of its text; zero for the built-in one.
    pub(crate) sha256: [u8; 32],
    /// Who signed it, when that was asked for.
    pub(crate) signed_by: Option<Vec<String>>,
}

/// A list breaks a rule about signatures: exit code 4.
#[derive(Debug, thiserror::Error)]
#[error(
    "the list {path} is not used: {rule}\n  to do: ask the sender for the file and its .sig again, over another way; nothing from it has been loaded"
)]
pub(crate) struct Untrusted {
    path: String,
    rule: TrustError,
}

impl Trust {
    /// Reads one list, whole or not at all; `test-card` is the built-in one, and `./test-card` a file of that name.
    pub(crate) fn load(&self, file: &Path) -> Result<List> {
        self.read(file).map(|trusted| trusted.list)
    }

    /// As [`Trust::load`], with who signed it.
    pub(crate) fn read(&self, file: &Path) -> Result<Trusted> {
        if file.as_os_str() == TEST_CARD {
            return Ok(Trusted { list: List::test_card(), sha256: [0; 32], signed_by: None });
        }
        let (list, sha256) = open(file)?;
        let Some(keys) = &self.keys else { return Ok(Trusted { list, sha256, signed_by: None }) };
        let keys = read_keys(keys)?;
        let untrusted = |rule| Untrusted { path: file.display().to_string(), rule };
        let signatures = signatures(file)?.ok_or_else(|| untrusted(TrustError::Unsigned))?;
        let quorum = Quorum::new(self.need, keys.clone()).context("--need and --keys")?;
        let mut memory = self.memory()?;
        let verified = signatures.verify(&list.header(), &sha256, &quorum, memory.seen(list.name()));
        let seen = verified.map_err(|error| of_trust(error, untrusted))?;
        if let Some(path) = self.seen.as_ref().filter(|_| memory.remember(list.name(), seen)) {
            write(path, &memory.to_string())?;
        }
        let signed_by = signatures.signed_by(&keys)?.into_iter().map(str::to_owned).collect();
        Ok(Trusted { list, sha256, signed_by: Some(signed_by) })
    }

    fn memory(&self) -> Result<Memory> {
        let Some(path) = self.seen.as_ref().filter(|path| path.exists()) else { return Ok(Memory::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| anyhow!("{error}"));
        text.and_then(|text| Ok(Memory::parse(&text)?)).map_err(|error| {
            anyhow!(
                "cannot tell which versions of lists were seen before, from {}: {error}\n  \
                 to do: mend or restore that file; taking an older list for new would let known material through",
                path.display()
            )
        })
    }
}

fn of_trust(error: known::Error, untrusted: impl Fn(TrustError) -> Untrusted) -> anyhow::Error {
    match error {
        known::Error::Trust(rule) => untrusted(rule).into(),
        other => other.into(),
    }
}

/// Reads a list and nobody's signature.
pub(crate) fn load(file: &Path) -> Result<List> {
    Trust::default().load(file)
}

/// A list and the SHA-256 of its text.
pub(super) fn open(file: &Path) -> Result<(List, [u8; 32])> {
    let trouble = |what: String| {
        anyhow!(
            "cannot read the hash list {}, {what}\n  \
             to do: ask the sender for the file again; nothing from it has been loaded",
            file.display()
        )
    };
    // A directory opens on some systems and fails only when it is read.
    let open = File::open(file).map_err(|error| trouble(error.to_string()))?;
    List::read_with_digest(BufReader::with_capacity(1 << 20, open)).map_err(|error| trouble(error.to_string()))
}

/// What lies beside a list as LIST.sig, if anything.
pub(crate) fn signatures(list: &Path) -> Result<Option<Signatures>> {
    let path = beside(list);
    if !path.exists() {
        return Ok(None);
    }
    let trouble = |what: String| {
        anyhow!("cannot read the signatures {}: {what}\n  to do: ask the sender for that file again", path.display())
    };
    let n_bytes = std::fs::metadata(&path).map_err(|error| trouble(error.to_string()))?.len();
    if n_bytes > SIGNATURES_BYTES_MAX as u64 {
        return Err(trouble(format!("it has {n_bytes} bytes, more than any such file")));
    }
    let bytes = std::fs::read(&path).map_err(|error| trouble(error.to_string()))?;
    let untrusted = |rule| Untrusted { path: list.display().to_string(), rule };
    Signatures::parse(&bytes).map(Some).map_err(|error| of_trust(error, untrusted))
}

/// LIST.sig
pub(super) fn beside(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Public keys, one a line; empty lines and those that begin with `#` are skipped.
pub(crate) fn read_keys(path: &Path) -> Result<Vec<Key>> {
    let trouble = |what: String| {
        anyhow!("cannot use the keys in {}: {what}\n  to do: name a file with one public key a line", path.display())
    };
    let text = std::fs::read_to_string(path).map_err(|error| trouble(error.to_string()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(n, line)| Key::parse(line.trim()).map_err(|error| trouble(format!("line {n}: {error}")))).collect()
}
