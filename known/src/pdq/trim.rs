//! Which part of a picture is left when its flat bars are taken off?
//!
//! A picture shown in another shape gets bars above and below, or left and right, and PDQ does not survive them:
//! bars of 5 % of the side moved our nine benign photos by 66 bits, far over the 31 that still match.
//! A bar is an edge row (or column) whose samples all lie close to each other and to those of the rows outside it.

use super::{Luma, Rect};

/// Steps of luma that recompression leaves in a flat bar.
const TOLERANCE: u8 = 12;
/// Out of this many samples of a row, one may stray: a bar may carry noise, not a caption.
const STRAY_SHARE: usize = 50;
/// A trimmed picture keeps at least this share of each side, else nothing is cut: a dark scene is not a bar.
const KEPT_SHARE: usize = 4;

/// Finds the part of a picture inside its flat bars, of any one colour.
///
/// Returns the whole picture when it has none, and when less than a quarter of a side would be left.
pub fn trim(luma: Luma<'_, u8>) -> Rect {
    let (width, height) = (luma.width(), luma.height());
    let whole = Rect { x: 0, y: 0, width, height };
    if width == 0 || height == 0 {
        return whole;
    }
    let top = bar(height, |y| Line::of(luma.row(y).iter().copied()));
    let bottom = bar(height, |y| Line::of(luma.row(height - 1 - y).iter().copied()));
    if top + bottom >= height {
        return whole;
    }
    let rows = top..height - bottom;
    let column = |x: usize| Line::of(rows.clone().map(|y| luma.row(y)[x]));
    let left = bar(width, column);
    let right = bar(width, |x| column(width - 1 - x));
    let rect = Rect {
        x: left,
        y: top,
        width: width.saturating_sub(left + right),
        height: height.saturating_sub(top + bottom),
    };
    match rect.width * KEPT_SHARE >= width && rect.height * KEPT_SHARE >= height {
        true => rect,
        false => whole,
    }
}

/// Counts how many lines from the edge inwards are flat and like the first.
fn bar(n_lines: usize, line: impl Fn(usize) -> Line) -> usize {
    let edge = line(0);
    (0..n_lines).take_while(|&i| line(i).is_flat_like(&edge)).count()
}

/// A row or column of samples, counted by value.
struct Line {
    n_samples: usize,
    counts: [u32; 256],
}

impl Line {
    fn of(samples: impl Iterator<Item = u8>) -> Line {
        let mut line = Line { n_samples: 0, counts: [0; 256] };
        for sample in samples {
            line.counts[usize::from(sample)] += 1;
            line.n_samples += 1;
        }
        line
    }

    fn is_flat_like(&self, edge: &Line) -> bool {
        let level = edge.median();
        let near = level.saturating_sub(TOLERANCE)..=level.saturating_add(TOLERANCE);
        let n_near: u32 = self.counts[usize::from(*near.start())..=usize::from(*near.end())].iter().sum();
        (self.n_samples - n_near as usize) * STRAY_SHARE <= self.n_samples
    }

    fn median(&self) -> u8 {
        let mut n_below = 0;
        let is_half = |&(_, count): &(usize, &u32)| {
            n_below += *count as usize;
            n_below * 2 >= self.n_samples
        };
        self.counts.iter().enumerate().find(is_half).map_or(0, |(value, _)| value as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdq::hash_luma;

    const WIDTH: usize = 160;
    const HEIGHT: usize = 120;

    /// Texture inside `rect`, `bar` around it, with one step of noise.
    fn picture(rect: Rect, bar: u8) -> Vec<u8> {
        let inside = |x: usize, y: usize| {
            (rect.x..rect.x + rect.width).contains(&x) && (rect.y..rect.y + rect.height).contains(&y)
        };
        (0..WIDTH * HEIGHT)
            .map(|i| match (i % WIDTH, i / WIDTH) {
                (x, y) if inside(x, y) => texture(x - rect.x, y - rect.y),
                (x, y) => bar + (x * 7 + y * 3) as u8 % 2,
            })
            .collect()
    }

    fn texture(x: usize, y: usize) -> u8 {
        (60 + (x * x / 9 + y * 13) % 180) as u8
    }

    #[test]
    fn bars_of_any_colour_are_taken_off() {
        for bar in [0, 16, 128, 254] {
            for rect in [
                Rect { x: 0, y: 20, width: WIDTH, height: 80 },
                Rect { x: 30, y: 0, width: 100, height: HEIGHT },
                Rect { x: 31, y: 17, width: 97, height: 83 },
            ] {
                let data = picture(rect, bar);
                assert_eq!(trim(Luma::new(&data, WIDTH, HEIGHT, WIDTH).unwrap()), rect, "bar {bar}");
            }
        }
    }

    #[test]
    fn a_flat_picture_and_a_picture_without_bars_stay_whole() {
        let whole = Rect { x: 0, y: 0, width: WIDTH, height: HEIGHT };
        for data in [vec![0; WIDTH * HEIGHT], picture(whole, 0)] {
            assert_eq!(trim(Luma::new(&data, WIDTH, HEIGHT, WIDTH).unwrap()), whole);
        }
        assert_eq!(trim(Luma::new(&[], 0, 0, 0).unwrap()), Rect { x: 0, y: 0, width: 0, height: 0 });
    }

    #[test]
    fn a_trimmed_letterbox_has_the_hash_of_its_picture() {
        let rect = Rect { x: 0, y: 14, width: WIDTH, height: 90 };
        let data = picture(rect, 0);
        let boxed = Luma::new(&data, WIDTH, HEIGHT, WIDTH).unwrap();
        let alone: Vec<u8> = (0..WIDTH * 90).map(|i| texture(i % WIDTH, i / WIDTH)).collect();
        let expected = hash_luma(Luma::new(&alone, WIDTH, 90, WIDTH).unwrap());
        assert_eq!(hash_luma(boxed.crop(trim(boxed))), expected);
        assert!(hash_luma(boxed).hash.distance_bits(&expected.hash) > 31);
    }
}
