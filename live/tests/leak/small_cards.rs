//! How small may a known picture within the picture be, and still be found?
//!
//! The card at 1/2 to 1/8 of each side, in the cells of a grid of that many and at random places, under each setting of
//! regions. Only what a setting promises is asserted; the rest is measured and printed.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::finding::Found;
use guard::{Colour, Format, Policy, Rect, Size, test_card};
use live::picture::Packed;
use live::stream::{Event, Pace, Stream};

use crate::clip::{Content, Recipe, conformance, run, wants_all};
use crate::judges::{noted, real};
use crate::observer::Observer;
use crate::run::{assert_exactly_guarded, guarded, turn};

const SIZE: Size = Size { width: 640, height: 360 };
const SEED: u64 = 20_261_124;

/// Name in the printed table, and the policy's regions.
const SETTINGS: [(&str, &str); 6] = [
    ("whole, trimmed", r#""whole", "trimmed""#),
    ("+ 2x2", r#""whole", "trimmed", "2x2""#),
    ("+ 3x3", r#""whole", "trimmed", "3x3""#),
    ("+ 2x2, 3x3", r#""whole", "trimmed", "2x2", "3x3""#),
    ("+ insets", r#""whole", "trimmed", "insets""#),
    ("+ 2x2, 3x3, insets", r#""whole", "trimmed", "2x2", "3x3", "insets""#),
];

fn policy(regions: &str) -> Policy {
    let (_, text) = Policy::SHIPPED.iter().find(|(name, _)| *name == "test").unwrap();
    Policy::parse(&text.replace(r#""whole", "trimmed""#, regions)).unwrap()
}

#[test]
fn a_card_in_a_cell_of_the_grid_is_found_at_any_place() {
    let _turn = turn();
    let Some(frames) = film() else { return };
    let n_random = if wants_all() { 200 } else { 40 };
    let mut random = Random(SEED);
    eprintln!(
        "seed {SEED}; cards found, {} × {}, film; aligned: every cell, random: {n_random} places",
        SIZE.width, SIZE.height
    );
    let parts = [2, 3, 4, 5, 6, 8];
    let heads = parts.map(|n| format!(" 1/{n} aligned | 1/{n} random |"));
    eprintln!("| regions | looks |{}", heads.concat());
    eprintln!("|---|---|{}", "---|---|".repeat(parts.len()));
    let places: Vec<(usize, Vec<Rect>, Vec<Rect>)> =
        parts.map(|n| (n, cells(n), (0..n_random).map(|_| random.place(n)).collect())).into();
    for (name, regions) in SETTINGS {
        let policy = policy(regions);
        let (n_false, n_looks) = n_found_in(&frames, None, &policy);
        assert_eq!(n_false, 0, "no card is found where there is none");
        let mut row = format!("| {name} | {:.1} |", n_looks as f64 / frames.len() as f64);
        for (n, aligned, at_random) in &places {
            let n_aligned = n_found(&frames, Some(aligned), &policy);
            let n_at_random = n_found(&frames, Some(at_random), &policy);
            row += &format!(" {n_aligned}/{} | {n_at_random}/{} |", aligned.len(), at_random.len());
            let is_promised = regions.contains(&format!("{n}x{n}"));
            assert!(!is_promised || n_aligned == aligned.len(), "{name}: a card in each cell of {n}×{n}: {n_aligned}");
            // By their edges nearly all are found; where the card's own hash survives its size.
            let finds_insets = regions.contains("insets") && *n <= 5;
            assert!(!finds_insets || n_at_random * 5 >= n_random * 4, "{name}: 1/{n} at random: {n_at_random}");
        }
        eprintln!("{row}");
    }
}

/// How far beside its cell may a card lie? Measured, and only the cell itself is promised.
#[test]
fn a_card_beside_its_cell_is_soon_lost() {
    let _turn = turn();
    let Some(frames) = film() else { return };
    eprintln!("cards found, both ways off the cell by so many pixels");
    eprintln!("| card | 0 | 2 | 4 | 6 | 8 | 12 |");
    eprintln!("|---|---|---|---|---|---|---|");
    for (n, regions) in [(2, SETTINGS[1].1), (3, SETTINGS[2].1)] {
        let policy = policy(regions);
        let size = cells(n)[0].size;
        let mut row = format!("| 1/{n}, {} × {} |", size.width, size.height);
        for off_px in [0, 2, 4, 6, 8, 12] {
            let places: Vec<Rect> = cells(n).into_iter().map(|cell| moved(cell, off_px)).collect();
            let found = n_found(&frames, Some(&places), &policy);
            row += &format!(" {found}/{} |", places.len());
            assert!(off_px > 0 || found == places.len(), "in each cell of {n}×{n}: {found} found");
        }
        eprintln!("{row}");
    }
}

#[test]
fn a_card_in_a_quarter_or_a_ninth_of_the_video_is_covered() {
    let _turn = turn();
    for (n, cell, regions) in [(2, 1, SETTINGS[1].1), (3, 4, SETTINGS[2].1)] {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe::new(Content::Pattern, (640, 360), 25, 100).planted(&[20..21, 60..64]);
        let recipe = Recipe { place: Some(cells(n)[cell]), ..recipe };
        let policy = policy(regions);
        let clip = recipe.make(folder.path()).unwrap();
        let observer = Observer::new(&recipe, &clip, &policy);
        let outcome = guarded(&clip, "out.mp4", &policy, Pace::Exact, &observer);
        assert_exactly_guarded(&recipe, &observer, &outcome, 1.0);
    }
}

/// The same at places that no grid has, in film.
#[test]
fn a_card_anywhere_in_the_video_is_covered() {
    let _turn = turn();
    let policy = policy(SETTINGS[4].1);
    for (n, x, y) in [(2, 214, 96), (3, 102, 178), (4, 402, 50)] {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe::new(Content::Film, (640, 360), 25, 100).planted(&[20..21, 60..64]);
        let recipe = Recipe { place: Some(Rect { x, y, size: cells(n)[0].size }), ..recipe };
        let Some(clip) = recipe.make(folder.path()) else { return };
        let observer = Observer::new(&recipe, &clip, &policy);
        let outcome = guarded(&clip, "out.mp4", &policy, Pace::Exact, &observer);
        assert_exactly_guarded(&recipe, &observer, &outcome, 1.0);
    }
}

/// More looks could raise more false alarms: none on any benign clip here.
#[test]
fn no_benign_clip_is_covered_when_insets_are_looked_at() {
    let _turn = turn();
    let policy = policy(SETTINGS[5].1);
    let n_seconds = if wants_all() { 15 } else { 4 };
    for content in [Content::Film, Content::Camera, Content::Street, Content::Pattern, Content::Zoom] {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe::new(content, (640, 360), 25, 25 * n_seconds);
        let Some(clip) = recipe.make(folder.path()) else { return };
        let observer = Observer::new(&recipe, &clip, &policy);
        let outcome = guarded(&clip, "out.y4m", &policy, Pace::Exact, &observer);
        let report = &outcome.report;
        eprintln!("{content:?}: {} frames, {} covered", report.frames, report.covered);
        assert_eq!((report.covered, report.released), (0, report.frames), "{content:?}");
    }
}

/// How many of `frames`, in turn with a card at each of `places`, the judges find a card in.
fn n_found(frames: &[Vec<u8>], places: Option<&[Rect]>, policy: &Policy) -> usize {
    n_found_in(frames, places, policy).0
}

/// The same, and how many looks were taken in all.
fn n_found_in(frames: &[Vec<u8>], places: Option<&[Rect]>, policy: &Policy) -> (usize, usize) {
    let looks = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&looks);
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let noting = Arc::clone(&found);
    let maker = noted(
        real(policy),
        Arc::new(move |id, findings| {
            *counting.lock().unwrap() += findings.len();
            if findings.iter().any(|finding| matches!(finding.found, Found::Match(_))) {
                noting.lock().unwrap().insert(id);
            }
        }),
    );
    let stream: Stream<Packed, ()> = Stream::start(policy.clone(), &maker, Pace::Exact, 2).unwrap();
    let pictures: Vec<Vec<u8>> = match places {
        None => frames.to_vec(),
        Some(places) => places.iter().zip(frames.iter().cycle()).map(|(place, frame)| paste(frame, *place)).collect(),
    };
    let n_pictures = pictures.len();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (index, picture) in pictures.into_iter().enumerate() {
                let packed = Packed::new(Format::I420, Colour::Bt601, SIZE, picture).unwrap();
                stream.push(packed, (), Duration::from_millis(40 * index as u64), &[]);
            }
            stream.end();
        });
        while !matches!(stream.next(), Event::End) {}
    });
    assert_eq!(stream.counts().judged, n_pictures as u64, "the judges were alive");
    (found.lock().unwrap().len(), *looks.lock().unwrap())
}

/// Lays the card over an I420 picture. `place` has even numbers.
fn paste(frame: &[u8], place: Rect) -> Vec<u8> {
    let card = test_card::draw_in(Format::I420, Colour::Bt601, place.size);
    let mut picture = frame.to_vec();
    let (mut into, mut from) = (0, 0);
    for shrink in [1, 2, 2] {
        let (width, height) = (SIZE.width / shrink, SIZE.height / shrink);
        let (card_width, card_height) = (place.size.width / shrink, place.size.height / shrink);
        for y in 0..card_height {
            let row = into + (place.y / shrink + y) * width + place.x / shrink;
            picture[row..row + card_width].copy_from_slice(&card[from + y * card_width..][..card_width]);
        }
        into += width * height;
        from += card_width * card_height;
    }
    picture
}

/// The cells of a grid, sides rounded down to even numbers.
fn cells(n: usize) -> Vec<Rect> {
    let even = |v: usize| v / 2 * 2;
    let (width, height) = (even(SIZE.width / n), even(SIZE.height / n));
    let cell = |i: usize| Rect {
        x: even(i % n * SIZE.width / n),
        y: even(i / n * SIZE.height / n),
        size: Size { width, height },
    };
    (0..n * n).map(cell).collect()
}

/// Moved by `off_px` each way, towards the middle of the picture.
fn moved(cell: Rect, off_px: usize) -> Rect {
    let along = |at: usize, side: usize, whole: usize| {
        if at + side / 2 < whole / 2 { at + off_px } else { at.saturating_sub(off_px) }
    };
    let Size { width, height } = cell.size;
    Rect { x: along(cell.x, width, SIZE.width), y: along(cell.y, height, SIZE.height), size: cell.size }
}

/// Twelve frames of the film, I420.
fn film() -> Option<Vec<Vec<u8>>> {
    let path = conformance("clips/bigbuckbunny.mp4")?;
    let filter = format!("fps=2,scale={}:{},format=yuv420p", SIZE.width, SIZE.height);
    let mut ffmpeg = Command::new("ffmpeg");
    let bytes = run(ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-vf", &filter, "-f", "rawvideo", "-"]));
    Some(bytes.chunks_exact(SIZE.width * SIZE.height * 3 / 2).map(<[u8]>::to_vec).collect())
}

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An even place for a card of 1/`n` of each side.
    fn place(&mut self, n: usize) -> Rect {
        let size = cells(n)[0].size;
        let mut below = |max: usize| (self.next() % (max as u64 + 1)) as usize / 2 * 2;
        Rect { x: below(SIZE.width - size.width), y: below(SIZE.height - size.height), size }
    }
}
