//! Does a JPEG file go to its end?
//!
//! Decoders fill in what a file that was cut short does not hold, and say nothing. The picture then has another hash
//! than the whole one, and would be looked up in vain.
//! Source: ITU-T T.81 annex B: segments begin with 0xFF and a code; inside a scan, 0xFF stands before 0x00 or a restart.

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Whether the marker that ends the picture is there; true also for what is no JPEG.
pub(super) fn is_whole(file: &[u8]) -> bool {
    if !file.starts_with(&[0xff, START]) {
        return true;
    }
    let mut at = 2;
    while let Some(code) = marker(file, &mut at) {
        match code {
            END => return true,
            // These stand alone.
            0x01 | 0xd0..=START => {}
            _ => {
                let Some(&[high, low]) = file.get(at..at + 2) else { return false };
                at += usize::from(u16::from_be_bytes([high, low]));
                if code == SCAN {
                    at = end_of_scan(file, at);
                }
            }
        }
    }
    false
}

/// The next marker's code, and `at` behind it; bytes before it that are no marker are passed over.
fn marker(file: &[u8], at: &mut usize) -> Option<u8> {
    let mut rest = file.get(*at..)?.iter();
    rest.position(|byte| *byte == 0xff)?;
    let code = *rest.find(|byte| **byte != 0xff)?;
    *at = file.len() - rest.len();
    Some(code)
}

/// Where the first marker after the scan's data begins.
fn end_of_scan(file: &[u8], from: usize) -> usize {
    let data = file.get(from..).unwrap_or_default();
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    data.windows(2).position(is_marker).map_or(file.len(), |n| from + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_is_seen_and_whole_files_are_whole() {
        for file in [
            &include_bytes!("../../testdata/rgb.jpg")[..],
            include_bytes!("../../testdata/progressive.jpg"),
            include_bytes!("../../testdata/cmyk.jpg"),
        ] {
            assert!(is_whole(file));
            assert!(is_whole(&[file, b"what a camera adds"].concat()));
            for n_bytes in 2..file.len() {
                assert!(!is_whole(&file[..n_bytes]), "{n_bytes} of {}", file.len());
            }
        }
        assert!(is_whole(b"\x89PNG") && is_whole(b""));
        assert!(!is_whole(&[0xff, START, 0xff, 0xe0, 0xff, 0xff]), "a segment longer than the file");
    }
}
