//! `streamward selftest`: does this installation know and cover the safety test card?

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use guard::Size;
use known::List;
use known::pdq::{DISTANCE_BITS_MAX, QUALITY_MIN};

use crate::picture::{Picture, hashes_to_look_up};
use crate::{sibling, testcard};

/// Checks that the safety test card is known and covered, here and now.
#[derive(Args)]
pub(crate) struct Arguments {}

/// Sizes at which the card is drawn, written and read again.
const SIZES: [(usize, usize); 4] = [(320, 180), (640, 480), (1280, 720), (1920, 1080)];

/// 0 when both work, 3 when something does not, 2 when the guard cannot be run.
pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    let is_known = knows_the_card();
    let guard = sibling::GUARD.run(&["selftest"])?;
    Ok(ExitCode::from(if guard == 0 && !is_known { 3 } else { guard }))
}

/// Takes the card the way of every picture file: written, unpacked, hashed, looked up.
fn knows_the_card() -> bool {
    let list = List::test_card();
    let distances: Vec<Option<u32>> =
        SIZES.iter().map(|&(width, height)| distance_bits(&list, &testcard::png(Size { width, height }))).collect();
    let n_known = distances.iter().flatten().count();
    // A list that knows everything would pass too, so a picture that is not on it must stay unknown.
    let is_other_unknown = distance_bits(&list, &other()).is_none();
    let is_right = n_known == SIZES.len() && is_other_unknown;
    println!(
        "sizes {}, card known {n_known}, at most {} bits apart, another picture unknown {}: {}",
        SIZES.len(),
        distances.iter().flatten().max().unwrap_or(&0),
        u8::from(is_other_unknown),
        if is_right { "matching works" } else { "MATCHING DOES NOT WORK" }
    );
    is_right
}

fn distance_bits(list: &List, file: &[u8]) -> Option<u32> {
    let picture = Picture::decode(file).ok()?;
    let hashes = hashes_to_look_up(&picture, QUALITY_MIN);
    hashes.iter().filter_map(|hash| list.nearest(hash, DISTANCE_BITS_MAX)).map(|found| found.distance_bits).min()
}

/// The card without its right half and upside down: as much detail, and another picture.
fn other() -> Vec<u8> {
    let card = image::load_from_memory(&testcard::png(Size { width: 640, height: 360 })).expect("we wrote it");
    let mut bytes = std::io::Cursor::new(Vec::new());
    let half = card.crop_imm(0, 0, 320, 360).rotate180();
    half.write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}
