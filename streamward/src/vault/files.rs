//! How does a file lie in the vault, so that people can open it without this program?
//!
//! Folders of age files (<https://age-encryption.org/v1>): `items` holds each file, encrypted to a key of its own;
//! `wrapped` that key, encrypted to its month's; `escrow` the month's key, for each pair of holders; `months` the month's key as
//! it is, so that the service can show a file; `uploads` what is not all here yet ([`parts`]). Leave `months` out of backups: then a backup can be opened by two holders
//! alone. Whoever takes the whole folder can open what is in it.

mod parts;

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use casework::Evidence;
use casework::evidence::Sealing;
use casework::vault::{Digits, MonthKey};
use sha2::{Digest, Sha256};

/// The longest file that is kept, in bytes.
pub(crate) const LEN_MAX: u64 = 4 << 30;
/// Encrypting adds 16 bytes for each 64 KiB, and a header.
const ENCRYPTED_LEN_MAX: u64 = LEN_MAX + (LEN_MAX >> 10);

/// The folder of the vault.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

/// Why a file cannot be had from the vault, or laid in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be read or written.
    #[error("{what} of the vault cannot be read or written: {source}\n  to do: restore it from a backup")]
    Io {
        /// What.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{what} of the vault was altered\n  to do: keep it as it is, and restore it from a backup")]
    Altered {
        /// What.
        what: String,
    },
    /// The month's key is not here.
    #[error(
        "the key {name} is not here\n  to do: ask two holders to give it back with `streamward vault recover`; a backup has none"
    )]
    NoKey {
        /// Its name.
        name: String,
    },
    /// A key that is no age key.
    #[error("{what} is no age key\n  to do: holders make theirs with `age-keygen`, and give its public line `age1…`")]
    BadKey {
        /// What.
        what: String,
    },
    /// A file that is too long.
    #[error("the file has more than {LEN_MAX} bytes and is not kept")]
    TooLong,
}

impl Files {
    /// The vault of a data folder, which need not be there yet.
    pub(crate) fn of(data: &Path) -> Files {
        Files { folder: data.join("vault") }
    }

    /// Encrypts a file into the vault under a new name `item`; gives how it lies there, with the SHA-256 of what was read.
    ///
    /// It is on the disk when this returns. Until a case names it, it is [`stray`](Files::stray).
    pub(crate) fn seal(&self, from: impl Read, key: &MonthKey, item: &str) -> Result<(Sealing, [u8; 32]), Error> {
        let own = Identity::generate();
        let month: Recipient = key.recipient.parse().map_err(|_| Error::BadKey { what: key.name.clone() })?;
        let secret = format!("{}\n", own.to_string().expose_secret());
        let wrapped = age::encrypt(&month, secret.as_bytes()).map_err(|_| Error::BadKey { what: key.name.clone() })?;
        self.put("wrapped", &format!("{item}.age"), &wrapped)?;
        let what = format!("items/{item}.age");
        let io = |source| Error::Io { what: what.clone(), source };
        let mut read = Hashed { to: io::sink(), digest: Sha256::new() };
        let written = Hashed { to: self.create("items", &format!("{item}.age"))?, digest: Sha256::new() };
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&own.to_public() as &dyn age::Recipient));
        let mut sealed = encryptor.expect("there is a recipient").wrap_output(written).map_err(io)?;
        let mut from = from.take(LEN_MAX + 1);
        let (mut piece, mut len) = (vec![0; 1 << 20], 0u64);
        loop {
            let n_bytes = from.read(&mut piece).map_err(io)?;
            if n_bytes == 0 {
                break;
            }
            len += n_bytes as u64;
            read.write_all(&piece[..n_bytes]).map_err(io)?;
            sealed.write_all(&piece[..n_bytes]).map_err(io)?;
        }
        let written = sealed.finish().map_err(io)?;
        written.to.sync_all().map_err(io)?;
        self.sync("items")?;
        if len > LEN_MAX {
            self.erase(item)?;
            return Err(Error::TooLong);
        }
        let (file, wrapped) = (Digits(written.digest.finalize().into()), Digits(Sha256::digest(&wrapped).into()));
        Ok((Sealing { item: item.to_owned(), key: key.name.clone(), file, wrapped }, read.digest.finalize().into()))
    }

    /// The file itself, if nothing of it was altered and it has at most `len_max` bytes.
    pub(crate) fn open(&self, evidence: &Evidence, sealing: &Sealing, len_max: u64) -> Result<Vec<u8>, Error> {
        if evidence.len > len_max {
            return Err(Error::TooLong);
        }
        let wrapped = self.whole("wrapped", &sealing.item, &sealing.wrapped)?;
        let encrypted = self.whole("items", &sealing.item, &sealing.file)?;
        let month = self.month_key(&sealing.key)?;
        let altered = |what: &str| Error::Altered { what: format!("{what}/{}.age", sealing.item) };
        let own = age::decrypt(&month, &wrapped).map_err(|_| altered("wrapped"))?;
        let own = identity(&String::from_utf8_lossy(&own)).ok_or_else(|| altered("wrapped"))?;
        let bytes = age::decrypt(&own, &encrypted).map_err(|_| altered("items"))?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if digest == evidence.sha256 { Ok(bytes) } else { Err(altered("items")) }
    }

    /// Whether what lies there is what was written; it needs no key.
    pub(crate) fn check(&self, sealing: &Sealing) -> Result<(), Error> {
        self.is_same("wrapped", &format!("{}.age", sealing.item), &sealing.wrapped)?;
        self.is_same("items", &format!("{}.age", sealing.item), &sealing.file)
    }

    /// Whether what the pairs of holders could open is what was written.
    pub(crate) fn check_escrow(&self, key: &MonthKey) -> Result<(), Error> {
        for (pair, digits) in PAIRS.iter().zip(&key.escrow) {
            self.is_same("escrow", &escrow_name(&key.name, *pair), digits)?;
        }
        Ok(())
    }

    /// Removes an item, its key first: without that what else is left cannot be opened. Again is no error.
    pub(crate) fn erase(&self, item: &str) -> Result<(), Error> {
        for folder in ["wrapped", "items"] {
            let name = format!("{item}.age");
            match std::fs::remove_file(self.folder.join(folder).join(&name)) {
                Ok(()) => self.sync(folder)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Io { what: format!("{folder}/{name}"), source }),
            }
        }
        Ok(())
    }

    /// What lies there and no case names: left by a program that was killed, or erased in the record and not yet here.
    pub(crate) fn stray(&self, named: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        let mut stray = BTreeSet::new();
        for folder in ["wrapped", "items"] {
            let io = |source| Error::Io { what: folder.to_owned(), source };
            let entries = match std::fs::read_dir(self.folder.join(folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(io(source)),
            };
            for entry in entries {
                let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
                stray.extend(name.strip_suffix(".age").filter(|item| !named.contains(*item)).map(str::to_owned));
            }
        }
        Ok(stray)
    }

    /// Whether a month's key is here.
    pub(crate) fn has_month_key(&self, name: &str) -> bool {
        self.month_key(name).is_ok()
    }

    /// Puts a month's key where the service finds it; one that is there stays.
    pub(super) fn put_month_key(&self, name: &str, month: &Identity) -> Result<(), Error> {
        let secret = month.to_string();
        let text = format!("# public key: {}\n{}\n", month.to_public(), secret.expose_secret());
        match self.put("months", &format!("{name}.txt"), text.as_bytes()) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    /// Puts what one pair of holders can open beside the others.
    pub(super) fn put_escrow(&self, name: &str, pair: (usize, usize), bytes: &[u8]) -> Result<(), Error> {
        self.put("escrow", &escrow_name(name, pair), bytes)
    }

    /// What one pair of holders can open.
    pub(super) fn escrow(&self, key: &MonthKey, index: usize) -> Result<Vec<u8>, Error> {
        let name = escrow_name(&key.name, PAIRS[index]);
        self.read("escrow", &name, &key.escrow[index])
    }

    /// Says in the folder how to open it without this program.
    pub(super) fn put_readme(&self) -> Result<(), Error> {
        self.make(".")?;
        let file = self.folder.join("README.txt");
        std::fs::write(&file, README).map_err(|source| Error::Io { what: "README.txt".into(), source })
    }

    fn month_key(&self, name: &str) -> Result<Identity, Error> {
        let absent = || Error::NoKey { name: name.to_owned() };
        let text = std::fs::read_to_string(self.folder.join("months").join(format!("{name}.txt")));
        identity(&text.map_err(|_| absent())?).ok_or_else(absent)
    }

    fn whole(&self, folder: &str, item: &str, digits: &Digits) -> Result<Vec<u8>, Error> {
        self.read(folder, &format!("{item}.age"), digits)
    }

    fn read(&self, folder: &str, name: &str, digits: &Digits) -> Result<Vec<u8>, Error> {
        let what = format!("{folder}/{name}");
        let bytes = crate::file::read(&self.folder.join(folder).join(name), ENCRYPTED_LEN_MAX);
        let bytes = bytes.map_err(|source| Error::Io { what: what.clone(), source })?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if digest == digits.0 { Ok(bytes) } else { Err(Error::Altered { what }) }
    }

    fn is_same(&self, folder: &str, name: &str, digits: &Digits) -> Result<(), Error> {
        let what = format!("{folder}/{name}");
        let mut hashed = Hashed { to: io::sink(), digest: Sha256::new() };
        let copied =
            File::open(self.folder.join(folder).join(name)).and_then(|mut file| io::copy(&mut file, &mut hashed));
        copied.map_err(|source| Error::Io { what: what.clone(), source })?;
        let digest: [u8; 32] = hashed.digest.finalize().into();
        if digest == digits.0 { Ok(()) } else { Err(Error::Altered { what }) }
    }

    fn put(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.create(folder, name)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|source| Error::Io { what: format!("{folder}/{name}"), source })?;
        self.sync(folder)
    }

    fn create(&self, folder: &str, name: &str) -> Result<File, Error> {
        self.make(folder)?;
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.folder.join(folder).join(name));
        file.map_err(|source| Error::Io { what: format!("{folder}/{name}"), source })
    }

    fn make(&self, folder: &str) -> Result<(), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(self.folder.join(folder));
        made.map_err(|source| Error::Io { what: folder.to_owned(), source })
    }

    /// A name is on the disk only when its folder is.
    fn sync(&self, folder: &str) -> Result<(), Error> {
        let synced = File::open(self.folder.join(folder)).and_then(|folder| folder.sync_all());
        synced.map_err(|source| Error::Io { what: folder.to_owned(), source })
    }
}

/// The pairs of holders, counted from 0.
pub(super) const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

fn escrow_name(name: &str, (first, second): (usize, usize)) -> String {
    format!("{name}.{}-{}.age", first + 1, second + 1)
}

/// The first age key in a text such as `age-keygen` writes.
pub(super) fn identity(text: &str) -> Option<Identity> {
    text.lines().find_map(|line| line.trim().parse().ok())
}

/// Writes on, and takes the digest of what passes.
struct Hashed<W> {
    to: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_bytes = self.to.write(bytes)?;
        self.digest.update(&bytes[..n_bytes]);
        Ok(n_bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

const README: &str = "\
Everything here but months/ is an age file (https://age-encryption.org/v1); any program for age opens it.

escrow/KEY.1-2.age holds a month's key for holders 1 and 2, escrow/KEY.1-3.age for 1 and 3, escrow/KEY.2-3.age for 2 and 3.
Each holder's own key is in a file of theirs, here ONE.txt and TWO.txt. The first number decrypts first:

  age -d -i ONE.txt escrow/KEY.1-2.age | age -d -i TWO.txt > month.txt
  age -d -i month.txt wrapped/ITEM.age > item.txt
  age -d -i item.txt items/ITEM.age > FILE

The log says which ITEM is which file of which case, and under which KEY: `streamward case show CASE --json`.
uploads/ holds parts of files that are not all here yet; they are decrypted with month.txt, and go within a day.
Leave months/ out of backups. Erasing removes wrapped/ITEM.age and items/ITEM.age; backups still have both until they expire.
";
