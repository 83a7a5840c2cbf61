//! What are the MD5, SHA-1 and SHA-256 of a file, read once?
//!
//! Lists of known files carry these digests. MD5 and SHA-1 are broken as proof that a file is what it claims to be;
//! here they only find files that others have listed by them.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::Fingerprint;

/// Takes a file's bytes piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
    n_bytes: u64,
}

/// The digests of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// RFC 1321.
    pub md5: [u8; 16],
    /// FIPS 180-4.
    pub sha1: [u8; 20],
    /// FIPS 180-4.
    pub sha256: [u8; 32],
    /// Bytes in the file.
    pub n_bytes: u64,
}

impl Digester {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        // In pieces that stay in the nearest cache while all three read them.
        for piece in bytes.chunks(16 * 1024) {
            self.md5.update(piece);
            self.sha1.update(piece);
            self.sha256.update(piece);
        }
        self.n_bytes += bytes.len() as u64;
    }

    /// The digests of everything that was taken in.
    pub fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize().into(),
            sha1: self.sha1.finalize().into(),
            sha256: self.sha256.finalize().into(),
            n_bytes: self.n_bytes,
        }
    }
}

impl Digests {
    /// As a list has them.
    pub fn fingerprints(&self) -> [Fingerprint; 3] {
        [Fingerprint::Md5(self.md5), Fingerprint::Sha1(self.sha1), Fingerprint::Sha256(self.sha256)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        // RFC 1321 A.5; FIPS 180-4 examples for "abc".
        let mut digester = Digester::default();
        digester.update(b"a");
        digester.update(b"bc");
        let texts = digester.finish().fingerprints().map(|fingerprint| fingerprint.to_string());
        assert_eq!(
            texts,
            [
                "900150983cd24fb0d6963f7d28e17f72",
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ]
        );
    }
}
