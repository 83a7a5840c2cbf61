//! Do we get the hashes that the original programs give?
//!
//! The vectors lie outside the project, at `../shared/conformance` or where `$STREAMWARD_CONFORMANCE` says;
//! without them this prints what it lacks and checks nothing.
#![allow(clippy::disallowed_methods, reason = "a test reads its vectors")]

use std::path::{Path, PathBuf};

use known::Hash256;
use known::pdq::{self, Rgb};

/// Meta's rule for pictures that went through a decoder, `pdq/README.md`: quality ≥ 80 → distance ≤ 10.
const QUALITY_FIRM: u8 = 80;
const DECODER_DISTANCE_BITS: u32 = 10;

#[test]
fn raw_pixels_have_the_reference_hash_in_every_bit() {
    let Some(folder) = vectors("pdq") else { return };
    let rows = table(&folder.join("raw-vectors.csv"));
    assert!(rows.len() >= 15);
    for row in rows {
        let [file, width, height, hash, quality, ..] = &row[..] else { panic!("{row:?}") };
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
        let found = pdq::hash_rgb(Rgb::new(&bytes, width, height, width * 3).unwrap());
        assert_eq!(found.hash, hash.parse().unwrap(), "{file}");
        assert_eq!(found.quality, quality.parse::<u8>().unwrap(), "{file}");
    }
}

#[test]
fn picture_files_have_the_reference_hash_within_ten_bits() {
    let Some(folder) = vectors("pdq") else { return };
    let rows = table(&folder.join("image-vectors.csv"));
    assert!(rows.len() >= 17);
    for row in rows {
        let [file, hash, quality, ..] = &row[..] else { panic!("{row:?}") };
        let picture = image::open(folder.join(file)).unwrap().to_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let full = Rgb::new(picture.as_raw(), width, height, width * 3).unwrap();
        let found = pdq::hash_rgb(pdq::shrink_rgb(full).as_rgb());
        let expected: Hash256 = hash.parse().unwrap();
        let distance = found.hash.distance_bits(&expected);
        eprintln!("{file}: {distance} bits, quality {} and {quality}", found.quality);
        if quality.parse::<u8>().unwrap() >= QUALITY_FIRM {
            assert!(distance <= DECODER_DISTANCE_BITS, "{file}: {distance}");
        }
    }
}

fn vectors(part: &str) -> Option<PathBuf> {
    let root = std::env::var("STREAMWARD_CONFORMANCE")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    let folder = root.join(part);
    if !folder.is_dir() {
        eprintln!("not checked: the vectors {} are not there", folder.display());
        return None;
    }
    Some(folder)
}

/// The rows of a comma-separated file, without its heading.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("the vectors are readable");
    text.lines().skip(1).map(|line| line.split(',').map(String::from).collect()).collect()
}
