//! What is in one FLV tag, as far as it must be known to send it on?
//!
//! Its kind, its time, and whether a player can begin with it. The picture and the sound inside stay encoded.
//! Source: Adobe Flash Video File Format Specification, version 10.1, annex E.4.

/// The 9 bytes that begin an FLV stream with sound and picture, and the length of the tag before the first: none.
pub(crate) const FLV_HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];
/// Kind, length, time, stream.
const HEAD: usize = 11;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) kind: Kind,
    /// Its time, milliseconds.
    pub(crate) at_ms: u32,
    bytes: Vec<u8>,
}

/// What a tag is to a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Facts about the stream.
    Script,
    /// What a decoder of the sound needs first.
    SoundHeader,
    /// Sound.
    Sound,
    /// What a decoder of the picture needs first.
    PictureHeader,
    /// A picture that needs no other.
    Key,
    /// A picture that needs those before it.
    Delta,
}

impl Tag {
    /// Reads one whole tag; `None` for anything else, an FLV header among it.
    pub(crate) fn parse(bytes: Vec<u8>) -> Option<Tag> {
        let n_body = usize::from(*bytes.get(1)?) << 16 | usize::from(*bytes.get(2)?) << 8 | usize::from(*bytes.get(3)?);
        if bytes.len() != HEAD + n_body + 4 {
            return None;
        }
        let body = &bytes[HEAD..HEAD + n_body];
        let is_header = body.get(1) == Some(&0);
        let kind = match (bytes[0], body.first()?) {
            (18, _) => Kind::Script,
            (8, sound) if sound >> 4 == 10 && is_header => Kind::SoundHeader,
            (8, _) => Kind::Sound,
            (9, picture) if picture & 15 == 7 && is_header => Kind::PictureHeader,
            (9, picture) if picture >> 4 == 1 => Kind::Key,
            (9, _) => Kind::Delta,
            _ => return None,
        };
        // The highest byte of the time comes last.
        let at_ms = u32::from_be_bytes([bytes[7], bytes[4], bytes[5], bytes[6]]);
        Some(Tag { kind, at_ms, bytes })
    }

    /// The tag's bytes with another time.
    pub(crate) fn at(&self, at_ms: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let [high, rest @ ..] = at_ms.to_be_bytes();
        bytes[4..7].copy_from_slice(&rest);
        bytes[7] = high;
        bytes
    }

    /// Whether it must come before others, whatever its time.
    pub(crate) fn is_header(&self) -> bool {
        matches!(self.kind, Kind::Script | Kind::SoundHeader | Kind::PictureHeader)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tag as a muxer makes it, with a body of two bytes that say its kind.
    pub(crate) fn tag(kind: Kind, at_ms: u32) -> Tag {
        let (number, body) = match kind {
            Kind::Script => (18, [2, 0]),
            Kind::SoundHeader => (8, [0xaf, 0]),
            Kind::Sound => (8, [0xaf, 1]),
            Kind::PictureHeader => (9, [0x17, 0]),
            Kind::Key => (9, [0x17, 1]),
            Kind::Delta => (9, [0x27, 1]),
        };
        let mut bytes = vec![number, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, body[0], body[1], 0, 0, 0, 13];
        let [high, rest @ ..] = at_ms.to_be_bytes();
        bytes[4..7].copy_from_slice(&rest);
        bytes[7] = high;
        Tag::parse(bytes).unwrap()
    }

    #[test]
    fn a_tag_is_read_and_moved_in_time() {
        for kind in [Kind::Script, Kind::SoundHeader, Kind::Sound, Kind::PictureHeader, Kind::Key, Kind::Delta] {
            let read = tag(kind, 0x0102_0304);
            assert_eq!((read.kind, read.at_ms), (kind, 0x0102_0304));
            let moved = Tag::parse(read.at(0xfffe_fdfc)).unwrap();
            assert_eq!((moved.kind, moved.at_ms), (kind, 0xfffe_fdfc));
        }
    }

    #[test]
    fn what_is_no_whole_tag_is_refused() {
        let whole = tag(Kind::Key, 5).bytes;
        for n_bytes in 0..whole.len() {
            assert_eq!(Tag::parse(whole[..n_bytes].to_vec()), None);
        }
        assert_eq!(Tag::parse(FLV_HEADER.to_vec()), None);
        assert_eq!(Tag::parse([&whole[..], &[0]].concat()), None);
        let unknown = [&[5][..], &whole[1..]].concat();
        assert_eq!(Tag::parse(unknown), None);
    }
}
