//! Where does chance come from, when none is allowed?
//!
//! From a seed. SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, §5.

/// A sequence of numbers that look random and are the same for the same seed.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` to `high`, both included; the bias of 2⁻⁴⁰ does not matter here.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = u128::from(high.max(low) - low) + 1;
        low + ((u128::from(self.next()) * span) >> 64) as u64
    }

    /// A number from `low` to `high` whose order of magnitude is even: half of them lie below the geometric mean.
    pub(super) fn spread(&mut self, low: u64, high: u64) -> u64 {
        let (mut low, mut high) = (low, high);
        for _ in 0..4 {
            let middle = (low * high).isqrt().clamp(low, high);
            (low, high) = if self.percent(50) { (low, middle) } else { (middle, high) };
        }
        self.between(low, high)
    }

    /// True in `n` of 100 throws.
    pub(super) fn percent(&mut self, n: u64) -> bool {
        self.between(0, 99) < n
    }

    /// One of `choices`, which are not empty.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.between(0, choices.len() as u64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // First outputs of SplitMix64 for seed 1234567, as in the reference code by Vigna.
        let mut dice = Dice::new(1_234_567);
        assert_eq!([dice.next(), dice.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
