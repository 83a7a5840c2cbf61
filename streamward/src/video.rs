//! Is this file a video, and which hashes have its frames?
//!
//! Decoding is the work of the program streamward-guard, which runs beside this one and has no network.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use known::vpdq::{self, Feature};

use crate::sibling;

/// What could be read of a video.
pub(crate) struct Frames {
    /// A hash a frame.
    pub(crate) features: Vec<Feature>,
    /// Why the rest could not be read, if there is a rest.
    pub(crate) in_part: Option<String>,
}

/// Has its first bytes looked at, at least 189 of them where there are so many.
pub(crate) fn is_video(head: &[u8]) -> bool {
    let at = |place: usize, bytes: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(bytes));
    let is_still = [&b"heic"[..], b"heix", b"avif", b"mif1"].iter().any(|brand| at(8, brand));
    let is_mp4 = [&b"ftyp"[..], b"moov", b"mdat", b"wide", b"free", b"skip"].iter().any(|kind| at(4, kind));
    let others: [&[u8]; 9] = [
        &[0x1a, 0x45, 0xdf, 0xa3],                         // Matroska and WebM
        &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], // ASF
        &[0, 0, 1, 0xba],                                  // MPEG program stream
        &[0, 0, 1, 0xb3],                                  // MPEG video
        b"OggS",
        b"FLV\x01",
        b"YUV4MPEG2 ",
        b".RMF",
        b"\x06\x0e\x2b\x34", // MXF
    ];
    (is_mp4 && !is_still)
        || (at(0, b"RIFF") && at(8, b"AVI "))
        || (at(0, &[0x47]) && at(188, &[0x47]))
        || others.iter().any(|magic| at(0, magic))
}

/// Hashes the frames of a video, one in each `every_s` seconds or all with 0.
pub(crate) fn frames(file: &Path, every_s: f64) -> Result<Frames> {
    let arguments: [OsString; 5] =
        ["hash".into(), "--every".into(), every_s.to_string().into(), "--".into(), file.into()];
    let (code, output) = sibling::GUARD.output(&arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let in_part = match code {
        0 => None,
        3 => Some(said),
        _ if said.is_empty() => bail!(
            "cannot read the video {}: the program that decodes it ended early\n  to do: check that the file is whole",
            file.display()
        ),
        _ => bail!(said),
    };
    let text =
        String::from_utf8(output.stdout).map_err(|_| anyhow!("streamward-guard printed something else than text"))?;
    Ok(Frames { features: vpdq::parse_text(&text)?, in_part })
}

/// Reads hashes of frames as Meta's tools write them, text or JSON.
pub(crate) fn read_features(file: &Path) -> Result<Frames> {
    let wrong = |what: String| {
        anyhow!(
            "cannot read the hashes of frames in {}: {what}\n  \
             to do: give a file of lines frame,quality,hash,timestamp, or the JSON of the same tools",
            file.display()
        )
    };
    let text = String::from_utf8(crate::hash::read(file)?).map_err(|_| wrong("it is not UTF-8 text".into()))?;
    let features = match text.trim_start().starts_with(['[', '{']) {
        true => vpdq::parse_json(&text),
        false => vpdq::parse_text(&text),
    };
    Ok(Frames { features: features.map_err(|error| wrong(error.to_string()))?, in_part: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos_are_told_from_pictures_and_text() {
        let mut stream = vec![0x47; 200];
        stream[1..188].fill(0);
        for head in [&b"\0\0\0\x20ftypisom"[..], b"RIFF....AVI LIST", &[0x1a, 0x45, 0xdf, 0xa3], b"OggS", &stream] {
            assert!(is_video(head), "{head:?}");
        }
        for head in
            [&b"\0\0\0\x18ftypheic"[..], b"RIFF....WEBPVP8 ", b"\x89PNG\r\n", b"G", b"GIF89a", b"", b"frame,quality"]
        {
            assert!(!is_video(head), "{head:?}");
        }
    }
}
