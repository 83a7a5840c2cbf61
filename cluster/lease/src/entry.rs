//! What stands on the bus about one stream?

use serde::{Deserialize, Serialize};

/// One stream's lease: who may judge it now.
///
/// How long it lasts is a length, not a moment: no two clocks have to agree. Whoever reads it counts from when he saw
/// it change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Which stream.
    pub stream: Name,
    /// Grows by one each time a worker takes the lease; 0 before the first.
    pub epoch: u64,
    /// Who holds it; none while it is on offer.
    pub holder: Option<Holder>,
    /// Its holder still judges and wants to stop: anybody else may take it at once.
    pub is_leaving: bool,
    /// What its holder must be able to do.
    pub needs: Needs,
    /// How long it lasts after each change, milliseconds.
    pub ttl_ms: u32,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The worker's name; its certificate must bear it.
    pub worker: Name,
    /// Where it takes frames, `host:port`, `1..=256` characters.
    pub address: String,
}

/// What a stream asks of its worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Digest of the policy, with its lists: a worker with another one cannot judge it. `1..=128` characters.
    pub policy: String,
    /// Width × height × frames a second.
    pub pixels_per_s: u64,
}

/// A name that can be a key on the bus: `1..=64` of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Which change of an entry this is; grows with each, over all entries of a bus. 0: there never was one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub u64);

/// Why an entry is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that cannot be a key.
    #[error("{0:?} is not a name of 1 to 64 letters, digits, - or _")]
    Name(String),
    /// An entry that is longer than any lease.
    #[error("the lease has {n_bytes} bytes, and none has more than {}", Lease::N_BYTES_MAX)]
    TooLong {
        /// How long it is.
        n_bytes: usize,
    },
    /// An entry that is no lease.
    #[error("the entry is no lease: {0}")]
    NotALease(#[from] serde_json::Error),
    /// A field out of its range.
    #[error("the lease's {field} is out of its range")]
    Field {
        /// Which one.
        field: &'static str,
    },
}

impl Lease {
    /// No lease is longer, bytes.
    pub const N_BYTES_MAX: usize = 2048;

    /// Reads an entry.
    ///
    /// # Errors
    /// [`Error`] says what is wrong; nothing of it may be used.
    pub fn parse(bytes: &[u8]) -> Result<Lease, Error> {
        if bytes.len() > Self::N_BYTES_MAX {
            return Err(Error::TooLong { n_bytes: bytes.len() });
        }
        let lease: Lease = serde_json::from_slice(bytes)?;
        let is_text = |text: &str, n_max: usize| (1..=n_max).contains(&text.chars().count());
        let checks = [
            ("address", lease.holder.as_ref().is_none_or(|holder| is_text(&holder.address, 256))),
            ("policy", is_text(&lease.needs.policy, 128)),
            ("ttl_ms", (100..=600_000).contains(&lease.ttl_ms)),
            ("epoch", lease.epoch < u64::MAX && (lease.epoch > 0 || lease.holder.is_none())),
            ("is_leaving", lease.holder.is_some() || !lease.is_leaving),
        ];
        match checks.into_iter().find(|(_, is_right)| !is_right) {
            Some((field, _)) => Err(Error::Field { field }),
            None => Ok(lease),
        }
    }

    /// The entry as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("names and numbers can be written as JSON")
    }
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub fn new(text: &str) -> Result<Name, Error> {
        Name::try_from(text.to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Name, Error> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match (1..=64).contains(&text.len()) && text.bytes().all(is_allowed) {
            true => Ok(Name(text)),
            false => Err(Error::Name(text)),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        let holder = Holder { worker: Name::new("w-1").unwrap(), address: "10.0.0.1:4500".into() };
        let needs = Needs { policy: "messenger 3".into(), pixels_per_s: 1280 * 720 * 30 };
        Lease {
            stream: Name::new("s").unwrap(),
            epoch: 4,
            holder: Some(holder),
            is_leaving: false,
            needs,
            ttl_ms: 15_000,
        }
    }

    #[test]
    fn an_entry_survives_the_bus() {
        assert_eq!(Lease::parse(&lease().to_bytes()).unwrap(), lease());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let edited = |edit: fn(&mut Lease)| {
            let mut lease = lease();
            edit(&mut lease);
            Lease::parse(&lease.to_bytes())
        };
        assert!(edited(|l| l.ttl_ms = 0).is_err());
        assert!(edited(|l| l.epoch = 0).is_err(), "somebody holds what nobody has taken");
        assert!(edited(|l| (l.holder, l.is_leaving) = (None, true)).is_err());
        assert!(edited(|l| l.needs.policy.clear()).is_err());
        assert!(edited(|l| l.holder.as_mut().unwrap().address = "x".repeat(257)).is_err());
        assert!(Lease::parse(&[b' '; 4000]).is_err());
        assert!(Lease::parse(br#"{"stream":"a.b"}"#).is_err());
        let whole = lease().to_bytes();
        assert!((0..whole.len()).all(|end| Lease::parse(&whole[..end]).is_err()));
    }

    #[test]
    fn a_name_holds_no_wildcard_and_no_path() {
        for wrong in ["", "a.b", "*", ">", "a/b", "ä", "a b", &"x".repeat(65)] {
            assert!(Name::new(wrong).is_err(), "{wrong}");
        }
    }
}
