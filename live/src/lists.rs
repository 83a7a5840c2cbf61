//! Which lists of known material does the guard compare with?

use std::path::Path;
use std::sync::Arc;

use known::{Hash256, List};

use crate::Error;

pub use known::list::TEST_CARD;

/// A list of known material larger than this is not read into memory by the guard, bytes.
pub const BYTES_MAX: u64 = 2 << 30;

/// A list, loaded whole or not at all.
pub struct KnownList {
    name: Arc<str>,
    list: List,
}

impl KnownList {
    /// Loads the list at the path `name`, or the built-in one if it is [`TEST_CARD`].
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read, [`Error::List`] when any line of it is wrong.
    pub fn load(name: &str) -> Result<KnownList, Error> {
        if name == TEST_CARD {
            let list = List::test_card();
            return Ok(KnownList { name: list.name().into(), list });
        }
        let text = crate::read::text(Path::new(name), BYTES_MAX)?;
        let list = List::parse(&text).map_err(|source| Error::List { path: name.into(), source })?;
        Ok(KnownList { name: list.name().into(), list })
    }

    /// What the list is called.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The list itself.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// The nearest entry within the radius: its id and distance.
    pub fn nearest(&self, hash: &Hash256, distance_bits_max: u32) -> Option<(Arc<str>, u32)> {
        let found = self.list.nearest(hash, distance_bits_max)?;
        Some((found.entry.id.as_ref().into(), found.distance_bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::{Colour, Format, Frame, Size, test_card};

    fn distance(width: usize, height: usize, edit: impl Fn(u8) -> u8) -> (u32, u8) {
        let size = Size { width, height };
        let data: Vec<u8> = test_card::draw_in(Format::I420, Colour::Bt601, size).into_iter().map(edit).collect();
        let frame = Frame::packed(Format::I420, Colour::Bt601, size, &data).unwrap();
        let pdq = crate::hash::pdq(&frame);
        let known = KnownList::load(TEST_CARD).unwrap();
        (known.nearest(&pdq.hash, 256).unwrap().1, pdq.quality)
    }

    #[test]
    fn the_test_card_is_known_at_every_size() {
        for (width, height) in
            [(160, 90), (320, 180), (426, 240), (641, 359), (640, 480), (1280, 720), (1920, 1080), (720, 1280)]
        {
            let (distance_bits, quality) = distance(width, height, |v| v);
            assert!(distance_bits <= 20 && quality >= 80, "{width}×{height}: {distance_bits} bits, quality {quality}");
        }
    }

    #[test]
    fn the_test_card_is_known_darker_and_brighter() {
        for edit in [|v: u8| v / 2, |v: u8| v.saturating_add(40), |v: u8| v / 4 * 3 + 20] {
            let (distance_bits, quality) = distance(640, 360, edit);
            assert!(distance_bits <= 20 && quality >= 80, "{distance_bits} bits, quality {quality}");
        }
    }
}
