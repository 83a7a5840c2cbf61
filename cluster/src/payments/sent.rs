//! What does the bus carry about a transfer?
//!
//! Accounts are pseudonyms already, and the amount has its worth in the pack's currency: whoever puts a transfer on the
//! bus has the key and the table of rates, and consumers need neither.
//!
//! ```text
//! 1834 5d41…1dd3 {"id":"t-17","time":…}      worth in minor units, SHA-256 of the table, the transfer
//! ```

use payments::read::{Door, Entry, jsonl};
use payments::{PartyKey, Transfer};

/// A transfer on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// It.
    pub transfer: Transfer,
    /// What it was worth in minor units of the pack's currency.
    pub value_minor: i64,
    /// SHA-256 of the table of rates that says so, 64 hexadecimal digits.
    pub rates_sha256: String,
}

impl Sent {
    /// No transfer is longer, bytes.
    pub const N_BYTES_MAX: usize = 64 << 10;

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{} {} {}", self.value_minor, self.rates_sha256, jsonl::write_one(&self.transfer)).into_bytes()
    }

    /// Reads one; `None` when it is none.
    pub fn parse(bytes: &[u8]) -> Option<Sent> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= Self::N_BYTES_MAX)?;
        let mut parts = text.splitn(3, ' ');
        let value_minor = parts.next()?.parse().ok()?;
        let rates_sha256 = parts.next().filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
        match jsonl::read_one(parts.next()?.as_bytes(), &pseudonyms(), 0)? {
            Entry::Transfer { transfer, .. } => {
                Some(Sent { transfer: *transfer, value_minor, rates_sha256: rates_sha256.to_owned() })
            }
            Entry::Reject(_) => None,
        }
    }
}

/// A door that lets pseudonyms through as they are; its key is never used.
fn pseudonyms() -> Door {
    Door::plain(PartyKey::new(&[0; 16]).expect("sixteen bytes are enough"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::simulate::{Settings, world};

    #[test]
    fn a_transfer_survives_the_bus_and_half_of_one_is_none() {
        let settings = Settings {
            seed: 1,
            region: 0,
            n_remitters: 20,
            n_days: 60,
            first_day: 20_000,
            n_cases_per_100_000: 20_000,
        };
        let rates_sha256 = "5d".repeat(32);
        for transfer in world(settings).transfers {
            let sent = Sent { transfer, value_minor: 1834, rates_sha256: rates_sha256.clone() };
            assert_eq!(Sent::parse(&sent.to_bytes()).as_ref(), Some(&sent));
        }
        let whole = Sent { transfer: world(settings).transfers.remove(0), value_minor: 7, rates_sha256 }.to_bytes();
        assert!((0..whole.len()).all(|end| Sent::parse(&whole[..end]).is_none()));
        assert!(Sent::parse(&vec![b' '; Sent::N_BYTES_MAX + 1]).is_none());
    }
}
