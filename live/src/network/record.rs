//! What do the parts of a guarded stream say to each other?
//!
//! Records over pipes: a kind, a length, a body. A part that hears anything else stops: a record that was cut off or
//! bent is never guessed at.

use std::io::{self, Read, Write};

/// A body longer than this is no record, bytes: twice what the largest picture takes at any sensible rate.
pub(crate) const BYTES_MAX: usize = 8 << 20;
/// Caps longer than this describe no stream that we take, bytes.
const CAPS_MAX: usize = 4096;
/// A source has one picture, one sound, and little else.
pub(crate) const STREAMS_MAX: u8 = 8;

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Pull to checker: a new connection; nothing of the last one goes on.
    Connected,
    /// Pull to checker: stream `stream` of this connection brings media of this kind.
    Stream { stream: u8, caps: String },
    /// Pull to checker: encoded bytes, with their running time where the protocol knows it.
    Bytes { stream: u8, at_ns: Option<u64>, bytes: Vec<u8> },
    /// Pull to checker: the connection is gone.
    Lost,
    /// Checker to push: tags that follow count their time from the start again.
    Restart,
    /// Checker to push: one FLV tag, and when it was made by the machine's monotonic clock.
    Tag { made_ms: u64, bytes: Vec<u8> },
    /// Checker to push: one FLV tag of the cover, encoded beforehand; an empty one ends them.
    Spare(Vec<u8>),
    /// Keeper to push: show the cover, whatever else comes, until a picture of a restarted checker does.
    Cover,
    /// Any part to the keeper: alive, and how things stand, as JSON.
    Beat(String),
}

impl Record {
    /// Writes the record in one piece.
    ///
    /// # Errors
    /// When the other end is gone.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut whole = vec![0; 5];
        whole[0] = match self {
            Record::Connected => 1,
            Record::Stream { stream, caps } => {
                whole.push(*stream);
                whole.extend_from_slice(caps.as_bytes());
                2
            }
            Record::Bytes { stream, at_ns, bytes } => {
                whole.push(*stream);
                whole.extend_from_slice(&at_ns.unwrap_or(u64::MAX).to_le_bytes());
                whole.extend_from_slice(bytes);
                3
            }
            Record::Lost => 4,
            Record::Restart => 5,
            Record::Tag { made_ms, bytes } => {
                whole.extend_from_slice(&made_ms.to_le_bytes());
                whole.extend_from_slice(bytes);
                6
            }
            Record::Spare(bytes) => {
                whole.extend_from_slice(bytes);
                7
            }
            Record::Cover => 8,
            Record::Beat(text) => {
                whole.extend_from_slice(text.as_bytes());
                9
            }
        };
        let n_bytes = u32::try_from(whole.len() - 5).map_err(io::Error::other)?;
        whole[1..5].copy_from_slice(&n_bytes.to_le_bytes());
        to.write_all(&whole)?;
        to.flush()
    }

    /// Reads the next record; `None` where the pipe ends between two.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for anything that is no record, [`io::ErrorKind::UnexpectedEof`] for half a one.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Record>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let mut n_bytes = [0; 4];
        from.read_exact(&mut n_bytes)?;
        let n_bytes = u32::from_le_bytes(n_bytes) as usize;
        if n_bytes > BYTES_MAX {
            return Err(invalid("a record is too long"));
        }
        let mut body = vec![0; n_bytes];
        from.read_exact(&mut body)?;
        Record::parse(kind[0], body).map(Some)
    }

    fn parse(kind: u8, mut body: Vec<u8>) -> io::Result<Record> {
        match kind {
            1 => empty(&body, Record::Connected),
            2 => {
                let stream = stream(&body)?;
                let caps = text(body.split_off(1))?;
                if caps.len() > CAPS_MAX {
                    return Err(invalid("the description of a stream is too long"));
                }
                Ok(Record::Stream { stream, caps })
            }
            3 => {
                let stream = stream(&body)?;
                let at_ns = number(body.get(1..9))?;
                let bytes = body.split_off(9);
                Ok(Record::Bytes { stream, at_ns: (at_ns != u64::MAX).then_some(at_ns), bytes })
            }
            4 => empty(&body, Record::Lost),
            5 => empty(&body, Record::Restart),
            6 => Ok(Record::Tag { made_ms: number(body.get(..8))?, bytes: body.split_off(8) }),
            7 => Ok(Record::Spare(body)),
            8 => empty(&body, Record::Cover),
            9 => text(body).map(Record::Beat),
            _ => Err(invalid("a record is of no known kind")),
        }
    }
}

fn stream(body: &[u8]) -> io::Result<u8> {
    match body.first() {
        Some(stream) if *stream < STREAMS_MAX => Ok(*stream),
        _ => Err(invalid("a record names a stream that cannot be")),
    }
}

fn number(bytes: Option<&[u8]>) -> io::Result<u64> {
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    bytes.map(u64::from_le_bytes).ok_or_else(|| invalid("a record is too short"))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| invalid("a record is not text"))
}

fn empty(body: &[u8], record: Record) -> io::Result<Record> {
    if body.is_empty() { Ok(record) } else { Err(invalid("a record has a body that it should not")) }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Record> {
        vec![
            Record::Connected,
            Record::Stream { stream: 1, caps: "video/x-flv".into() },
            Record::Bytes { stream: 0, at_ns: None, bytes: vec![1, 2, 3] },
            Record::Bytes { stream: 7, at_ns: Some(5), bytes: vec![] },
            Record::Lost,
            Record::Restart,
            Record::Tag { made_ms: 77, bytes: vec![9; 100] },
            Record::Spare(vec![]),
            Record::Cover,
            Record::Beat("{}".into()),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut pipe = Vec::new();
        all().iter().for_each(|record| record.write(&mut pipe).unwrap());
        let mut from = pipe.as_slice();
        for record in all() {
            assert_eq!(Record::read(&mut from).unwrap(), Some(record));
        }
        assert_eq!(Record::read(&mut from).unwrap(), None);
    }

    #[test]
    fn half_a_record_and_nonsense_are_refused() {
        let mut pipe = Vec::new();
        Record::Tag { made_ms: 1, bytes: vec![5; 10] }.write(&mut pipe).unwrap();
        for n_bytes in 1..pipe.len() {
            assert!(Record::read(&mut &pipe[..n_bytes]).is_err(), "{n_bytes} of {} bytes", pipe.len());
        }
        let too_long = [6, 255, 255, 255, 255];
        let nonsense: [&[u8]; 6] = [
            &[0, 0, 0, 0, 0],
            &[200, 0, 0, 0, 0],
            &too_long,
            &[3, 1, 0, 0, 0, 9],
            &[9, 1, 0, 0, 0, 255],
            &[1, 1, 0, 0, 0, 0],
        ];
        for bytes in nonsense {
            assert!(Record::read(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }
}
