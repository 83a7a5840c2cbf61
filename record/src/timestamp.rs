//! When was this checkpoint there, by somebody else's clock?
//!
//! RFC 3161: a question names a digest, and an authority for time stamps answers with a signed token that names it too.
//! Here the question is written, and read from the token what it is about. Who signed the token is not checked here: that
//! takes certificates, and `openssl ts -verify` does it.

use crate::Error;

/// SHA-256 with no parameters, as RFC 5754 §2 writes it with the NULL that authorities expect.
const SHA256: [u8; 15] = [0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];
/// id-signedData, 1.2.840.113549.1.7.2 (RFC 5652 §5.1).
const SIGNED_DATA: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
/// id-ct-TSTInfo, 1.2.840.113549.1.9.16.1.4 (RFC 3161 §2.4.2).
const TST_INFO: [u8; 11] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x04];

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xA0;

/// The longest answer that is read, in bytes; with its certificates one has some thousands.
pub const ANSWER_LEN_MAX: usize = 1 << 20;

/// A question for an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// SHA-256 of what is to be stamped.
    pub sha256: [u8; 32],
    /// A number that the answer must repeat, so that it was made after the question.
    pub nonce: u64,
}

/// What an authority says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// SHA-256 of what was stamped.
    pub sha256: [u8; 32],
    /// The number of the question; none when it had none.
    pub nonce: Option<u64>,
    /// When, by the authority's clock, UTC, as it writes it: `20261124093000Z`.
    pub at: String,
}

impl Request {
    /// The question in DER (§2.4.1), asking for the authority's certificate to come along.
    pub fn to_der(&self) -> Vec<u8> {
        let imprint = value(SEQUENCE, &[&SHA256[..], &value(OCTETS, &self.sha256)].concat());
        let nonce = unsigned(self.nonce);
        value(SEQUENCE, &[value(INTEGER, &[1]), imprint, nonce, value(BOOLEAN, &[0xFF])].concat())
    }

    /// Reads a question of ours.
    ///
    /// # Errors
    /// [`Error::Stamp`].
    pub fn parse(der: &[u8]) -> Result<Request, Error> {
        let mut fields = Fields(Fields(der).take(SEQUENCE)?);
        fields.take(INTEGER)?;
        let sha256 = imprint(fields.take(SEQUENCE)?)?;
        Ok(Request { sha256, nonce: number(fields.take(INTEGER)?)? })
    }

    /// Checks that an answer is one to this question.
    ///
    /// # Errors
    /// [`Error::Stamp`] when the authority refuses, or stamps something else, or answers an earlier question.
    pub fn check(&self, answer: &[u8]) -> Result<Stamp, Error> {
        let stamp = Stamp::parse(answer)?;
        if stamp.sha256 != self.sha256 {
            return Err(wrong("it stamps something else"));
        }
        if stamp.nonce != Some(self.nonce) {
            return Err(wrong("it answers another question"));
        }
        Ok(stamp)
    }
}

impl Stamp {
    /// Reads an authority's answer in DER (§2.4.2).
    ///
    /// # Errors
    /// [`Error::Stamp`] when it is none, or the authority refuses.
    pub fn parse(answer: &[u8]) -> Result<Stamp, Error> {
        if answer.len() > ANSWER_LEN_MAX {
            return Err(wrong("it is too long"));
        }
        let mut response = Fields(Fields(answer).take(SEQUENCE)?);
        // 0 granted, 1 granted with changes; everything else refuses.
        match number(Fields(response.take(SEQUENCE)?).take(INTEGER)?)? {
            0 | 1 => {}
            _ => return Err(wrong("the authority refuses")),
        }
        let mut token = Fields(response.take(SEQUENCE)?);
        if token.take(OID)? != SIGNED_DATA {
            return Err(wrong("it holds no signed data"));
        }
        let mut signed = Fields(Fields(token.take(EXPLICIT_0)?).take(SEQUENCE)?);
        signed.take(INTEGER)?;
        signed.take(SET)?;
        let mut content = Fields(signed.take(SEQUENCE)?);
        if content.take(OID)? != TST_INFO {
            return Err(wrong("what is signed is no time stamp"));
        }
        let octets = Fields(content.take(EXPLICIT_0)?).take(OCTETS)?;
        let mut info = Fields(Fields(octets).take(SEQUENCE)?);
        info.take(INTEGER)?;
        info.take(OID)?;
        let sha256 = imprint(info.take(SEQUENCE)?)?;
        info.take(INTEGER)?;
        let at = std::str::from_utf8(info.take(TIME)?).map_err(|_| wrong("its time is no text"))?.to_owned();
        // What follows may be left out: accuracy, ordering, and then the number of the question.
        let mut nonce = None;
        while let Ok((tag, bytes)) = info.next() {
            if tag == INTEGER {
                nonce = Some(number(bytes)?);
            }
        }
        Ok(Stamp { sha256, nonce, at })
    }
}

/// A MessageImprint: SHA-256, with or without its NULL, and 32 bytes.
fn imprint(bytes: &[u8]) -> Result<[u8; 32], Error> {
    let mut fields = Fields(bytes);
    if Fields(fields.take(SEQUENCE)?).take(OID)? != &SHA256[4..13] {
        return Err(wrong("it is about another kind of digest"));
    }
    fields.take(OCTETS)?.try_into().map_err(|_| wrong("its digest is not 32 bytes"))
}

/// What is left of a row of DER values.
struct Fields<'d>(&'d [u8]);

impl<'d> Fields<'d> {
    /// The next value: its tag and what is in it.
    fn next(&mut self) -> Result<(u8, &'d [u8]), Error> {
        let cut = || wrong("it is cut short");
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>().ok_or_else(cut)?;
        let mut len = usize::from(first);
        if first >= 0x80 {
            let n_bytes = usize::from(first & 0x7F);
            // No length here needs more than four bytes, and one without a length is BER, which DER forbids.
            if n_bytes == 0 || n_bytes > 4 {
                return Err(wrong("it is not written in DER"));
            }
            let bytes = rest.get(..n_bytes).ok_or_else(cut)?;
            len = bytes.iter().fold(0, |len, byte| (len << 8) | usize::from(*byte));
            rest = &rest[n_bytes..];
        }
        let inner = rest.get(..len).ok_or_else(cut)?;
        self.0 = &rest[len..];
        Ok((tag, inner))
    }

    /// What is in the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Result<&'d [u8], Error> {
        match self.next()? {
            (found, inner) if found == tag => Ok(inner),
            _ => Err(wrong("something else stands where it should stand")),
        }
    }
}

/// A value with its tag and length.
fn value(tag: u8, inner: &[u8]) -> Vec<u8> {
    let len = inner.len();
    let mut der = vec![tag];
    match len {
        0..0x80 => der.push(len as u8),
        0x80..0x100 => der.extend([0x81, len as u8]),
        _ => der.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    der.extend(inner);
    der
}

/// An INTEGER that is not below zero: without leading zeros, but with one where the first bit would say *negative*.
fn unsigned(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    let mut inner = Vec::new();
    if bytes[first] >= 0x80 {
        inner.push(0);
    }
    inner.extend(&bytes[first..]);
    value(INTEGER, &inner)
}

fn number(bytes: &[u8]) -> Result<u64, Error> {
    let significant = bytes.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(bytes);
    if significant.is_empty() || significant.len() > 8 || bytes[0] >= 0x80 {
        return Err(wrong("a number in it is none of ours"));
    }
    Ok(significant.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn wrong(wrong: &'static str) -> Error {
    Error::Stamp { wrong }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_question_is_written_as_the_standard_says() {
        // `openssl ts -query -sha256 -cert` of the same digest and number writes these bytes.
        let request = Request { sha256: [0xAB; 32], nonce: 0x8000_0000_0000_0001 };
        let der = request.to_der();
        let expected = [
            &[0x30, 0x44, 0x02, 0x01, 0x01, 0x30, 0x31][..],
            &SHA256,
            &[0x04, 0x20],
            &[0xAB; 32],
            &[0x02, 0x09, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 1, 0x01, 0x01, 0xFF],
        ]
        .concat();
        assert_eq!(der, expected);
        for nonce in [0, 1, 0x7F, 0x80, 0xFF, 0x100, u64::MAX] {
            let request = Request { nonce, ..request.clone() };
            assert_eq!(Request::parse(&request.to_der()).unwrap(), request);
        }
    }

    #[test]
    fn what_openssl_asks_and_answers_is_read() {
        let request = Request::parse(include_bytes!("../testdata/openssl.tsq")).unwrap();
        assert_eq!(request.sha256, <[u8; 32]>::from(Sha256::digest("a checkpoint\n")));
        let answer = include_bytes!("../testdata/openssl.tsr");
        assert_eq!(request.check(answer).unwrap().at, "20261130135813Z");
        let other = Request { nonce: request.nonce ^ 1, ..request };
        assert!(other.check(answer).is_err());
    }

    #[test]
    fn an_answer_is_one_to_its_own_question() {
        let request = Request { sha256: [7; 32], nonce: 99 };
        assert_eq!(request.check(&answer(0, &request)).unwrap().at, "20261124093000Z");
        assert_eq!(request.check(&answer(1, &request)).unwrap().nonce, Some(99));
        let refused = |wrong| Err(Error::Stamp { wrong });
        assert_eq!(request.check(&answer(2, &request)), refused("the authority refuses"));
        let other = Request { sha256: [8; 32], ..request };
        assert_eq!(request.check(&answer(0, &other)), refused("it stamps something else"));
        let earlier = Request { nonce: 98, ..request };
        assert_eq!(request.check(&answer(0, &earlier)), refused("it answers another question"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = answer(0, &Request { sha256: [7; 32], nonce: 99 });
        for place in 0..whole.len() {
            assert!(Stamp::parse(&whole[..place]).is_err());
            for bit in 0..8 {
                let mut altered = whole.clone();
                altered[place] ^= 1 << bit;
                let _ = Stamp::parse(&altered);
            }
        }
        for hostile in
            [&[0x30, 0x80][..], &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &[0x30, 0x88, 1, 1, 1, 1, 1, 1, 1, 1], b"<html>"]
        {
            assert!(Stamp::parse(hostile).is_err());
        }
    }

    /// What an authority answers, without its signature.
    fn answer(status: u8, request: &Request) -> Vec<u8> {
        let imprint = value(SEQUENCE, &[&SHA256[..], &value(OCTETS, &request.sha256)].concat());
        let policy = value(OID, &[0x2A, 0x03]);
        let fields = [
            value(INTEGER, &[1]),
            policy,
            imprint,
            value(INTEGER, &[5]),
            value(TIME, b"20261124093000Z"),
            value(SEQUENCE, &value(INTEGER, &[1])),
            unsigned(request.nonce),
        ];
        let info = value(OCTETS, &value(SEQUENCE, &fields.concat()));
        let content = value(SEQUENCE, &[value(OID, &TST_INFO), value(EXPLICIT_0, &info)].concat());
        let signed = value(SEQUENCE, &[value(INTEGER, &[3]), value(SET, &SHA256), content].concat());
        let token = value(SEQUENCE, &[value(OID, &SIGNED_DATA), value(EXPLICIT_0, &signed)].concat());
        value(SEQUENCE, &[value(SEQUENCE, &value(INTEGER, &[status])), token].concat())
    }
}
