//! Where in this frame does another picture lie?
//!
//! A participant in a call, a window, a thumbnail: a hash of the whole frame does not see it, and a hash of a part of
//! the frame bears to be off by about one hundredth of its sides, so that a grid of places would need more than
//! 100,000 of them. But such a picture ends in four straight edges. This file looks for steps of luma that run
//! straight along columns and rows, and for rectangles that four of them enclose; a border of the frame counts as an
//! edge, so that a quarter of a call grid is found too. `docs/decisions/0005-insets-by-their-edges.md` says why.
//!
//! It sees pictures with edges only: one that fades into its surroundings is not found.
//! Constants without another source are ours, chosen on the film of the demo and on drawn content.

mod edges;
mod lines;
mod reduced;

use edges::Edges;
use lines::{Line, lines};
use reduced::Reduced;

use crate::{Frame, Rect, Size};

/// At most this many insets are looked at in a frame, the likeliest ones.
pub const INSETS_MAX: usize = 32;

/// A side of an inset is at least this part of the frame's.
pub const SIDE_SHARE_MIN: usize = 12;

/// A wider or higher shape is a line of text or a bar, not a picture.
const ASPECT_MAX: usize = 4;

/// How much of its length one side must step visibly, and all of them together on average.
const SIDE_SEEN_MIN: f32 = 0.35;
const SEEN_MIN: f32 = 0.65;

/// Finds the rectangles in which other pictures may lie, the likeliest first, at most [`INSETS_MAX`].
///
/// Reads luma, or green in formats without it. Precise to about one pixel.
pub fn find(frame: &Frame) -> Vec<Rect> {
    let Some(reduced) = Reduced::of(frame) else { return Vec::new() };
    let (upright, level) = (Edges::of(reduced.columns()), Edges::of(&reduced.rows()));
    let mut candidates = enclosed(reduced.size(), &upright, &level);
    candidates.sort_by(|a, b| b.likelihood.total_cmp(&a.likelihood));
    candidates.truncate(INSETS_MAX);
    candidates.iter().map(|candidate| reduced.refined(candidate.rect, candidate.is_border)).collect()
}

/// A rectangle of the reduced picture.
struct Candidate {
    rect: Rect,
    /// Left, right, top, bottom: is this side the frame's own border?
    is_border: [bool; 4],
    likelihood: f32,
}

fn enclosed(size: Size, upright: &Edges, level: &Edges) -> Vec<Candidate> {
    let (columns, rows) = (lines(upright), lines(level));
    let least = Size { width: size.width / SIDE_SHARE_MIN, height: size.height / SIDE_SHARE_MIN };
    let mut candidates = Vec::new();
    for (index, left) in columns.iter().enumerate() {
        for right in columns[index + 1..].iter().filter(|right| right.at - left.at >= least.width) {
            let between: Vec<&Line> = rows.iter().filter(|row| row.joins(left, right)).collect();
            for (index, top) in between.iter().enumerate() {
                for bottom in between[index + 1..].iter().filter(|bottom| bottom.at - top.at >= least.height) {
                    candidates.extend(candidate([left, right, top, bottom], (upright, level), size));
                }
            }
        }
    }
    candidates
}

fn candidate(
    [left, right, top, bottom]: [&Line; 4],
    (upright, level): (&Edges, &Edges),
    whole: Size,
) -> Option<Candidate> {
    let size = Size { width: right.at - left.at, height: bottom.at - top.at };
    if size.width > ASPECT_MAX * size.height || size.height > ASPECT_MAX * size.width {
        return None;
    }
    let (across, down) = (left.at..right.at, top.at..bottom.at);
    let sides = [(upright, left, &down), (upright, right, &down), (level, top, &across), (level, bottom, &across)];
    let (mut seen, mut ends, mut n_sides) = (0.0, 0.0, 0.0);
    for (edges, line, span) in sides.iter().filter(|(_, line, _)| !line.is_border) {
        let share = edges.share(line.at, span);
        if share < SIDE_SEEN_MIN {
            return None;
        }
        seen += share;
        ends += edges.ends(line.at, span);
        n_sides += 1.0;
    }
    if n_sides == 0.0 || seen / n_sides < SEEN_MIN {
        return None;
    }
    // Sides that stop at the corners tell a picture from the lines inside one; a large picture hides more than a
    // small one, and the frame's own border says little.
    let area = (size.width * size.height) as f32 / (whole.width * whole.height) as f32;
    let likelihood = (seen + ends) / n_sides - 0.1 * (4.0 - n_sides) + area.sqrt();
    let rect = Rect { x: left.at, y: top.at, size };
    Some(Candidate { rect, is_border: [left, right, top, bottom].map(|line| line.is_border), likelihood })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, Format, test_card};
    use proptest::prelude::*;

    /// A picture with soft waves, of shades that no patch of the card has, and the card in it.
    fn planted(format: Format, size: Size, place: Rect) -> Vec<u8> {
        let rgb = test_card::draw(place.size);
        let inside = |x: usize, y: usize| {
            let (x, y) = (x.wrapping_sub(place.x), y.wrapping_sub(place.y));
            (x < place.size.width && y < place.size.height).then(|| &rgb[(y * place.size.width + x) * 3..][..3])
        };
        let wave = |x: usize, y: usize| 185.0 + 10.0 * ((x as f32 / 37.0).sin() + (y as f32 / 23.0).cos());
        let n_bytes = format.bytes_a_pixel();
        let pixels = (0..size.width * size.height).map(|i| (i % size.width, i / size.width));
        pixels
            .flat_map(|(x, y)| {
                let value = inside(x, y).map_or(wave(x, y) as u8, |rgb| rgb[1]);
                std::iter::repeat_n(value, n_bytes)
            })
            .collect()
    }

    fn found(format: Format, size: Size, data: &[u8]) -> Vec<Rect> {
        find(&Frame::packed(format, Colour::Bt601Full, size, data).unwrap())
    }

    fn is_near(a: Rect, b: Rect) -> bool {
        let near = |a: usize, b: usize| a.abs_diff(b) <= 2;
        near(a.x, b.x)
            && near(a.y, b.y)
            && near(a.x + a.size.width, b.x + b.size.width)
            && near(a.y + a.size.height, b.y + b.size.height)
    }

    #[test]
    fn a_picture_in_the_picture_is_found_at_any_place_and_size() {
        for (width, height) in [(640, 360), (1280, 720), (641, 359), (360, 640), (1921, 1081)] {
            let size = Size { width, height };
            for part in [2, 3, 4] {
                for (x, y) in [(0, 0), (1, 2), (3, 1), (2, 2), (5, 4)] {
                    let inner = Size { width: width / part, height: height / part };
                    let place =
                        Rect { x: (width - inner.width) * x / 5, y: (height - inner.height) * y / 4, size: inner };
                    let rects = found(Format::Gray8, size, &planted(Format::Gray8, size, place));
                    assert!(rects.iter().any(|rect| is_near(*rect, place)), "{size:?} {place:?}: {rects:?}");
                    assert!(rects.len() <= INSETS_MAX);
                }
            }
        }
    }

    #[test]
    fn every_format_gives_the_same_rectangles() {
        let size = Size { width: 320, height: 240 };
        let place = Rect { x: 100, y: 60, size: Size { width: 120, height: 90 } };
        let expected = found(Format::Gray8, size, &planted(Format::Gray8, size, place));
        assert!(!expected.is_empty());
        for format in [Format::Rgb, Format::Rgba, Format::Bgrx] {
            assert_eq!(found(format, size, &planted(format, size, place)), expected, "{format:?}");
        }
    }

    #[test]
    fn a_quarter_of_a_call_grid_is_found_between_the_borders() {
        let size = Size { width: 640, height: 360 };
        let place = Rect { x: 320, y: 0, size: Size { width: 320, height: 180 } };
        let rects = found(Format::Gray8, size, &planted(Format::Gray8, size, place));
        assert!(rects.iter().any(|rect| is_near(*rect, place)), "{rects:?}");
    }

    #[test]
    fn where_nothing_steps_nothing_is_found() {
        let size = Size { width: 640, height: 360 };
        let outside = Rect { x: 640, y: 360, size: Size { width: 1, height: 1 } };
        assert_eq!(found(Format::Gray8, size, &planted(Format::Gray8, size, outside)), []);
        assert_eq!(found(Format::Gray8, size, &vec![90; 640 * 360]), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn rectangles_lie_inside_any_picture(
            width in 1usize..400, height in 1usize..400, seed in any::<u32>(), coarse in 1usize..60,
        ) {
            let size = Size { width, height };
            let data: Vec<u8> = (0..width * height)
                .map(|i| {
                    let (x, y) = (i % width / coarse, i / width / coarse);
                    ((x * 7 + y * 13) as u32).wrapping_mul(seed | 1).to_le_bytes()[2]
                })
                .collect();
            for rect in found(Format::Gray8, size, &data) {
                prop_assert!(rect.size.width > 0 && rect.size.height > 0);
                prop_assert!(rect.x + rect.size.width <= width && rect.y + rect.size.height <= height);
            }
        }
    }
}
