//! What does each thing cost, and where was that measured?

/// How long something takes: half of the time at most `p50_us`, in 99 of 100 at most `p99_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// The middle, microseconds.
    pub(crate) p50_us: u64,
    /// The ninety-ninth of a hundred, microseconds.
    pub(crate) p99_us: u64,
}

/// What things cost in a world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Costs {
    /// From a write until the bus has it, replicated.
    pub(crate) write: Spread,
    /// From there until its writer, or somebody who watches, has heard of it.
    pub(crate) tell: Spread,
    /// What the bus delivers a second, all receivers together.
    pub(crate) messages_per_s: f64,
    /// To open a link: TCP, mutual TLS, and its first message.
    pub(crate) open: Spread,
    /// From the end of a process until its links are seen broken.
    pub(crate) reset: Spread,
    /// Over an open link and through the judge's pipes and back, beside the judging.
    pub(crate) pass: Spread,
    /// A process that judges is seated after this, on one core.
    pub(crate) seat_us: u64,
    /// Judging of one frame, on one core.
    pub(crate) judge_us: u64,
    /// Cores of a worker.
    pub(crate) n_cores: usize,
    /// One frame on the network, bits.
    pub(crate) frame_bits: u64,
    /// What a worker's port carries, bits a second.
    pub(crate) port_bits_per_s: u64,
    /// Width × height × frames a second of each stream.
    pub(crate) pixels_per_s: u64,
    /// What a worker says that it can carry, pixels a second.
    pub(crate) capacity: u64,
}

/// A random number in 0..1. Source: xorshift64*, Vigna 2016.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Equal seeds roll equally.
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        (self.roll() * n as f64) as u64
    }

    /// How long it takes this time: straight lines between half of the middle, the middle, the ninety-ninth of a hundred
    /// and twice that.
    pub(crate) fn draw_us(&mut self, spread: Spread) -> u64 {
        let (p50, p99) = (spread.p50_us as f64, spread.p99_us as f64);
        let between = |from: f64, to: f64, share: f64| from + (to - from) * share;
        let us = match self.roll() {
            u if u < 0.5 => between(p50 / 2.0, p50, u / 0.5),
            u if u < 0.99 => between(p50, p99, (u - 0.5) / 0.49),
            u => between(p99, p99 * 2.0, (u - 0.99) / 0.01),
        };
        us as u64
    }
}
