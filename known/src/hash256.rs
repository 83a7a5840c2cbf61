//! How far apart are two 256-bit hashes?

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A 256-bit hash, in the byte order of its published 64 hexadecimal digits.
///
/// PDQ numbers its bits from the other end: bit 0 is the lowest bit of the last byte.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Hash256(pub [u8; 32]);

impl Hash256 {
    /// Number of bits, which is also the largest distance.
    pub const N_BITS: u32 = 256;

    /// How many bits differ, `0..=256`.
    #[inline]
    pub fn distance_bits(&self, other: &Hash256) -> u32 {
        let (ours, theirs) = (self.words(), other.words());
        (0..4).map(|i| (ours[i] ^ theirs[i]).count_ones()).sum()
    }

    /// The same bits as four words; bytes keep their order in memory.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 4] {
        let (words, _) = self.0.as_chunks::<8>();
        [words[0], words[1], words[2], words[3]].map(u64::from_le_bytes)
    }

    pub(crate) fn from_words(words: [u64; 4]) -> Hash256 {
        let mut hash = Hash256::default();
        let (places, _) = hash.0.as_chunks_mut::<8>();
        places.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
        hash
    }
}

impl FromStr for Hash256 {
    type Err = Error;

    /// Reads 64 hexadecimal digits, upper or lower case, and nothing around them.
    fn from_str(text: &str) -> Result<Hash256, Error> {
        let mut bytes = [0; 32];
        match parse_hex(text, &mut bytes) {
            true => Ok(Hash256(bytes)),
            false => Err(Error::HashText { text: shortened(text), n_digits: 64 }),
        }
    }
}

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash256({self})")
    }
}

/// Fills `bytes` from exactly twice as many hexadecimal digits; false when `text` is anything else.
pub(crate) fn parse_hex(text: &str, bytes: &mut [u8]) -> bool {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return false;
    }
    pairs.iter().zip(bytes).all(|(&[high, low], byte)| match (digit(high), digit(low)) {
        (Some(high), Some(low)) => {
            *byte = high << 4 | low;
            true
        }
        _ => false,
    })
}

fn digit(ascii: u8) -> Option<u8> {
    char::from(ascii).to_digit(16).map(|value| value as u8)
}

/// Writes two lower-case hexadecimal digits a byte.
pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The first characters of something unreadable, short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    const N_CHARS: usize = 24;
    let mut short: String = text.chars().take(N_CHARS).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(N_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distance_counts_differing_bits() {
        let zero = Hash256::default();
        assert_eq!(zero.distance_bits(&Hash256([0xff; 32])), 256);
        let mut one = zero;
        one.0[17] = 0b1010_0000;
        assert_eq!(zero.distance_bits(&one), 2);
        assert_eq!(one.distance_bits(&one), 0);
    }

    #[test]
    fn anything_but_64_hexadecimal_digits_is_refused() {
        let good = "0123456789abcdefABCDEF9876543210".repeat(2);
        assert!(good.parse::<Hash256>().is_ok());
        for bad in [&good[1..], &format!("{good}0"), &good.replace('9', "g"), &good.replace("01", "é"), "", " "] {
            assert!(bad.parse::<Hash256>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(bytes: [u8; 32]) {
            let text = Hash256(bytes).to_string();
            prop_assert_eq!(text.parse::<Hash256>().unwrap(), Hash256(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            prop_assert_eq!(text.parse::<Hash256>().is_ok(), text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
}
