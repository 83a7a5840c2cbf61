//! Which random numbers does a replicate get?
//!
//! Every stream is keyed by (seed, purpose, replicate, stratum), so it does not matter which thread draws it, in which
//! order, or what else is drawn. Within a stream the n-th number is a mix of its key plus n steps: a counter, no state
//! to share.

/// A stream of random numbers that follows from its key alone.
///
/// # Source
/// SplitMix64: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", fig. 17; the constants are theirs.
#[derive(Clone, Debug)]
pub struct Chance {
    counter: u64,
}

impl Chance {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The stream for this key.
    pub fn new(seed: u64, purpose: Purpose, replicate: u64, key: u64) -> Chance {
        let words = [purpose as u64, replicate, key];
        let counter = words.iter().fold(mix(seed ^ Self::STEP), |state, &word| mix(state.wrapping_add(mix(word))));
        Chance { counter }
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(Self::STEP);
        mix(self.counter)
    }

    /// A whole number in `0..n`; `n` above 0. Its bias is below n / 2^64.
    #[inline]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0`, never 0.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// What a stream is for: streams of different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Drawing PSUs.
    Resample = 1,
    /// Drawing SSUs within a PSU.
    ResampleWithin = 2,
    /// Drawing a factor of adjustment.
    Adjust = 3,
    /// Making up a survey.
    Simulate = 4,
    /// Walking through a posterior.
    Sample = 5,
}

/// A label as a key: FNV-1a, 64 bits, so that a stratum keeps its numbers when others come or go.
///
/// # Source
/// Fowler, Noll and Vo; offset basis and prime from draft-eastlake-fnv §5.
pub fn key(label: &str) -> u64 {
    label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_key_and_nothing_else() {
        let draw = |seed, replicate, stratum| Chance::new(seed, Purpose::Resample, replicate, stratum).bits();
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        let others = [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 3, 2)];
        assert!(others.iter().all(|&other| other != draw(1, 2, 3)));
    }

    #[test]
    fn draws_below_n_are_even() {
        let mut counts = [0u32; 7];
        for replicate in 0..7000 {
            counts[Chance::new(5, Purpose::Resample, replicate, 1).below(7)] += 1;
        }
        let chi2: f64 = counts.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        // 22.46 is the 0.999 quantile of chi-squared with 6 degrees of freedom.
        assert!(chi2 < 22.46, "{chi2}");
    }
}
