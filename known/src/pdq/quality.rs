//! How much detail does a picture have?

use super::plain::{SIDE, Samples};

/// Sums the steps between neighbouring samples, in percent of full scale, each rounded towards zero;
/// a ninetieth of that, at most 100.
///
/// Source: `pdqImageDomainQualityMetric` in `pdqhashing.cpp`; its constants are heuristic.
pub(super) fn quality(samples: &Samples) -> u8 {
    let mut sum = 0_i64;
    for i in 0..SIDE {
        for j in 0..SIDE {
            if i + 1 < SIDE {
                sum += step(samples[i][j], samples[i + 1][j]);
            }
            if j + 1 < SIDE {
                sum += step(samples[i][j], samples[i][j + 1]);
            }
        }
    }
    (sum / 90).min(100) as u8
}

fn step(u: f32, v: f32) -> i64 {
    i64::from((((u - v) * 100.0 / 255.0) as i32).unsigned_abs())
}
