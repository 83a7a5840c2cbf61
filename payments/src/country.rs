//! Between which two countries did money go?
//!
//! A corridor says where a transfer may be compared with others; it never adds a point to a score.

use std::fmt;

/// A country of ISO 3166-1, two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Officially assigned codes of ISO 3166-1, and XK for Kosovo, which banks use (SWIFT).
const CODES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCO\
CRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQ\
IRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNI\
NLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTN\
TOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

impl Country {
    /// Reads two letters; `None` when ISO 3166-1 has no such code.
    pub fn parse(text: &str) -> Option<Country> {
        let code: [u8; 2] = text.trim().as_bytes().try_into().ok()?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        CODES.as_bytes().chunks(2).any(|known| known == code).then_some(Country(code))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("parse accepts ASCII letters only")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where money came from and where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Corridor {
    /// The sender's side.
    pub from: Country,
    /// The beneficiary's side.
    pub to: Country,
}

impl Corridor {
    /// Whether money crossed a border.
    pub fn is_cross_border(self) -> bool {
        self.from != self.to
    }
}

impl fmt::Display for Corridor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_code_once_and_in_order() {
        let codes: Vec<&[u8]> = CODES.as_bytes().chunks(2).collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
        assert_eq!(codes.len(), 249 + 1);
    }

    #[test]
    fn only_codes_of_the_standard_are_countries() {
        assert_eq!(Country::parse("ph").map(|c| c.to_string()).as_deref(), Some("PH"));
        for text in ["", "P", "PHL", "XX", "UK", "EU", "é"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }
}
