//! How are numbers and names taken from a binary file, lowest byte first and never past a limit?

use std::io::Read;

use crate::Error;

/// Longest name or word that is kept, in bytes.
const WORD_BYTES_MAX: usize = 1 << 20;

/// Bytes that come in, of a file that says it is of `format`.
pub(super) struct Bytes<R> {
    input: R,
    format: &'static str,
}

impl<R: Read> Bytes<R> {
    pub(super) fn new(input: R, format: &'static str) -> Bytes<R> {
        Bytes { input, format }
    }

    /// What is wrong with the file.
    pub(super) fn fault(&self, what: impl Into<String>) -> Error {
        Error::Binary { format: self.format, what: what.into() }
    }

    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.fault("it was cut short"),
            _ => self.fault(error.to_string()),
        })
    }

    /// As [`Bytes::fill`], but false where the file ends before the first byte.
    pub(super) fn fill_or_end(&mut self, buffer: &mut [u8]) -> Result<bool, Error> {
        let (first, rest) = buffer.split_at_mut(1);
        loop {
            match self.input.read(first) {
                Ok(0) => return Ok(false),
                Ok(_) => return self.fill(rest).map(|()| true),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(error.to_string())),
            }
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes).map(|()| bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    /// `n_bytes` as they stand.
    pub(super) fn word(&mut self, n_bytes: usize) -> Result<Vec<u8>, Error> {
        if n_bytes > WORD_BYTES_MAX {
            return Err(self.fault(format!("it announces a word of {n_bytes} bytes")));
        }
        let mut word = vec![0; n_bytes];
        self.fill(&mut word)?;
        Ok(word)
    }

    /// A name of `n_bytes`, ended by a zero byte or padded with spaces.
    pub(super) fn name(&mut self, n_bytes: usize) -> Result<String, Error> {
        self.word(n_bytes).map(|word| String::from_utf8_lossy(until_zero(&word)).trim_end().to_owned())
    }

    pub(super) fn skip(&mut self, n_bytes: u64) -> Result<(), Error> {
        match std::io::copy(&mut (&mut self.input).take(n_bytes), &mut std::io::sink()) {
            Ok(n_read) if n_read == n_bytes => Ok(()),
            Ok(_) => Err(self.fault("it was cut short")),
            Err(error) => Err(self.fault(error.to_string())),
        }
    }
}

pub(super) fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}
