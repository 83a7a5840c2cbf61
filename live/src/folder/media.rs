//! Do the first bytes of a file say that it is a picture or a video?

/// How it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// A still, or a few of them one after the other.
    Still,
    /// A container of streams, by the GStreamer element that takes it apart.
    Film(&'static str),
    /// A kind that nothing here decodes, and so stays shut.
    Unknown,
}

/// Bytes that are looked at.
pub(crate) const N_BYTES: usize = 400;

/// `None` for everything else, which is no business of the guard's. Sources: the magic numbers of the formats' own
/// specifications, as collected in `file`'s magic and in the WHATWG MIME Sniffing Standard §6.
pub(crate) fn of(bytes: &[u8]) -> Option<Media> {
    let has = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let riff = |kind: &[u8]| has(0, b"RIFF") && has(8, kind);
    let is_still = has(0, b"\xff\xd8\xff")
        || has(0, b"\x89PNG\r\n\x1a\n")
        || has(0, b"GIF87a")
        || has(0, b"GIF89a")
        || riff(b"WEBP")
        || (has(0, b"BM") && has(6, &[0, 0, 0, 0]))
        || has(0, b"II*\0")
        || has(0, b"MM\0*");
    if is_still {
        return Some(Media::Still);
    }
    let is_unknown = has(0, b"\xff\x0a")
        || has(0, b"\0\0\0\x0cJXL ")
        || has(0, b"\0\0\0\x0cjP  ")
        || has(0, b"8BPS")
        || has(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")
        || has(0, b".RMF");
    if is_unknown {
        return Some(Media::Unknown);
    }
    if has(4, b"ftyp") {
        let is_picture = [&b"avif"[..], b"avis", b"heic", b"heix", b"mif1", b"msf1"].iter().any(|kind| has(8, kind));
        return Some(if is_picture { Media::Unknown } else { Media::Film("qtdemux") });
    }
    if [&b"moov"[..], b"mdat", b"wide", b"free", b"skip", b"pnot"].iter().any(|kind| has(4, kind)) {
        return Some(Media::Film("qtdemux"));
    }
    let is_ts = |at: usize| [0, 1].iter().all(|n| has(at + n * 188, b"\x47"));
    let films: [(bool, &str); 7] = [
        (has(0, b"\x1a\x45\xdf\xa3"), "matroskademux"),
        (riff(b"AVI "), "avidemux"),
        (has(0, b"FLV\x01"), "flvdemux"),
        (has(0, b"OggS"), "oggdemux"),
        (has(0, b"\0\0\x01\xba"), "mpegpsdemux"),
        (has(0, b"\x47") && is_ts(0), "tsdemux"),
        // The packets of a disc have four bytes before each.
        (has(4, b"\x47") && has(196, b"\x47"), "tsdemux"),
    ];
    if let Some((_, demux)) = films.iter().find(|(is_it, _)| *is_it) {
        return Some(Media::Film(demux));
    }
    // Pictures without a container: MPEG-1 and 2, H.264, raw frames.
    let is_bare =
        has(0, b"\0\0\x01\xb3") || has(0, b"\0\0\0\x01\x67") || has(0, b"\0\0\x01\x67") || has(0, b"YUV4MPEG2");
    is_bare.then_some(Media::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_videos_are_known_by_their_first_bytes() {
        let ts: Vec<u8> = [[0x47; 1].to_vec(), vec![0; 187]].concat().repeat(2);
        let cases: [(&[u8], Option<Media>); 10] = [
            (b"\xff\xd8\xff\xe0", Some(Media::Still)),
            (b"\x89PNG\r\n\x1a\n....", Some(Media::Still)),
            (b"RIFF....WEBPVP8 ", Some(Media::Still)),
            (b"RIFF....AVI LIST", Some(Media::Film("avidemux"))),
            (b"\0\0\0\x20ftypisom", Some(Media::Film("qtdemux"))),
            (b"\0\0\0\x20ftypheic", Some(Media::Unknown)),
            (&ts, Some(Media::Film("tsdemux"))),
            (b"RIFF....WAVEfmt ", None),
            (b"a letter", None),
            (b"", None),
        ];
        for (bytes, media) in cases {
            assert_eq!(of(bytes), media, "{bytes:?}");
        }
    }
}
