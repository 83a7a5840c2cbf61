//! Do we get the hashes that the original programs give?
//!
//! The vectors lie outside the project, at `../shared/conformance` or where `$STREAMWARD_CONFORMANCE` says;
//! without them this prints what it lacks and checks nothing.
#![allow(clippy::disallowed_methods, reason = "a test reads its vectors")]

use std::path::{Path, PathBuf};

use known::pdq::{self, Rgb};
use known::vpdq::{self, Video};
use known::{Hash256, Index};

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

/// The pairs at distance 32 or less in `lookup/`, and what Meta's brute force and index print for them:
/// these keep earlier needles' matches, so that a needle's count is added again for each needle after it.
const N_LOOKUP_PAIRS: usize = 250;
const N_LOOKUP_PRINTED: usize = 13_875;

#[test]
fn lookups_find_as_many_as_the_reference_by_index_and_by_scan() {
    let Some(folder) = vectors("lookup") else { return };
    let (haystack, needles) = (hashes(&folder.join("haystack.txt")), hashes(&folder.join("needles.txt")));
    assert_eq!((haystack.len(), needles.len()), (1350, 100));
    let pairs = needles.iter().flat_map(|needle| haystack.iter().filter(|hash| hash.distance_bits(needle) <= 32));
    assert_eq!(pairs.count(), N_LOOKUP_PAIRS);
    // So few hashes are scanned; ten thousand more, far from all needles, make it use its tables.
    let scanned = Index::build(haystack.iter().copied()).unwrap();
    let filled: Vec<Hash256> = haystack.iter().copied().chain(random_hashes().take(10_000)).collect();
    let looked_up = Index::build(filled.into_iter()).unwrap();
    for index in [scanned, looked_up] {
        let counts: Vec<usize> = index.query_batch(&needles, 32).iter().map(Vec::len).collect();
        assert_eq!(counts.iter().sum::<usize>(), N_LOOKUP_PAIRS);
        let kept = counts.iter().scan(0, |kept, count| {
            *kept += count;
            Some(*kept)
        });
        assert_eq!(kept.sum::<usize>(), N_LOOKUP_PRINTED);
    }
}

#[test]
fn hashes_of_real_pictures_that_crowd_together_are_all_found() {
    let Some(folder) = vectors("pdq") else { return };
    let mut crowd = Vec::new();
    for row in table(&folder.join("raw-vectors.csv")) {
        let (width, height): (usize, usize) = (row[1].parse().unwrap(), row[2].parse().unwrap());
        let bytes = std::fs::read(folder.join(&row[0])).unwrap();
        // One row less each time: pictures that hardly differ. Flat ones all have one hash.
        for n_cut in 0..40.min(height - 20) {
            crowd.push(pdq::hash_rgb(Rgb::new(&bytes, width, height - n_cut, width * 3).unwrap()).hash);
        }
    }
    let needles: Vec<Hash256> = crowd.iter().step_by(7).copied().collect();
    let hashes: Vec<Hash256> = std::iter::repeat_n(crowd, 10).flatten().chain(random_hashes().take(3000)).collect();
    let index = Index::build(hashes.iter().copied()).unwrap();
    for radius in [0, 15, 31, 60] {
        for (needle, found) in needles.iter().zip(index.query_batch(&needles, radius)) {
            let expected = hashes.iter().filter(|hash| hash.distance_bits(needle) <= radius).count();
            assert_eq!(found.len(), expected, "radius {radius}");
        }
    }
}

#[test]
fn features_of_reference_videos_round_trip_and_tell_the_videos_apart() {
    let Some(folder) = vectors("vpdq/sample-hashes") else { return };
    let video = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let features = vpdq::parse_text(&text).unwrap();
        assert_eq!(vpdq::write_text(&features).trim(), text.trim(), "{name}");
        Video::new(&features, 50)
    };
    let [plain, bar, logo] =
        ["pattern-hd-no-bar.txt", "pattern-sd-grey-bar.txt", "pattern-sd-with-small-logo-bar.txt"].map(video);
    let same = plain.overlap(&plain, 31).unwrap();
    assert_eq!((same.query_percent, same.compared_percent), (100.0, 100.0));
    for other in [bar, logo] {
        let (there, back) = (plain.overlap(&other, 31).unwrap(), other.overlap(&plain, 31).unwrap());
        assert_eq!((there.query_percent, there.compared_percent), (back.compared_percent, back.query_percent));
        eprintln!("{there:?}");
    }
}

fn random_hashes() -> impl Iterator<Item = Hash256> {
    let mut state: u64 = 1;
    std::iter::repeat_with(move || {
        Hash256(std::array::from_fn(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        }))
    })
}

fn hashes(path: &Path) -> Vec<Hash256> {
    let text = std::fs::read_to_string(path).expect("the vectors are readable");
    text.lines().map(|line| line.parse().expect("64 hexadecimal digits")).collect()
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
