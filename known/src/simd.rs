//! How do we use the wide registers that this processor has?
//!
//! Work is written once, as plain loops over arrays that the compiler turns into vector instructions.
//! [`run`] compiles it once for each instruction set and picks the best at run time; results do not differ.
//! Only what loops cannot say is written by hand. This is the one module of the crate with `unsafe`.
#![allow(unsafe_code)]

/// 32 floats that go through the same steps side by side.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Lanes([f32; Lanes::N]);

impl Lanes {
    /// How many.
    pub(crate) const N: usize = 32;
    pub(crate) const ZERO: Lanes = Lanes([0.0; Lanes::N]);

    // Loops, not closures: a closure may be left out of line, and then runs with the narrowest registers.
    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Lanes) {
        for i in 0..Lanes::N {
            self.0[i] += other.0[i];
        }
    }

    #[inline(always)]
    pub(crate) fn subtract(&mut self, other: &Lanes) {
        for i in 0..Lanes::N {
            self.0[i] -= other.0[i];
        }
    }

    #[inline(always)]
    pub(crate) fn times(mut self, factor: f32) -> Lanes {
        for i in 0..Lanes::N {
            self.0[i] *= factor;
        }
        self
    }

    #[inline(always)]
    pub(crate) fn over(mut self, divisor: f32) -> Lanes {
        for i in 0..Lanes::N {
            self.0[i] /= divisor;
        }
        self
    }
}

/// Something to be done with whatever registers there are.
pub(crate) trait Work {
    /// What comes of it.
    type Output;
    /// Does it; must be `#[inline(always)]`, as everything it calls in a loop, to be compiled for each instruction set.
    fn run<T: Transpose>(self, transpose: T) -> Self::Output;
}

/// Does the work with the widest registers that this processor has.
#[inline]
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx2) = x86::Avx2::detected() {
            if x86::has_avx512() {
                // SAFETY: the processor has these features, as just checked.
                return unsafe { x86::run_avx512(work, avx2) };
            }
            // SAFETY: an `Avx2` exists only where the processor has these features.
            return unsafe { x86::run_avx2(work, avx2) };
        }
    }
    work.run(Plain)
}

/// Asks for the line of the cache in which `slice[index]` lies, without waiting for it. It comes into the second level:
/// that one waits for several times as many lines at once as the first, and lookups were 1.7 times as fast on an EPYC.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see, and an address that is not there is ignored.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(slice.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}

/// Exchanges rows and columns.
pub(crate) trait Transpose: Copy {
    /// Turns an 8×8 block: rows `from_pitch` apart become columns, and rows of the result are `to_pitch` apart.
    fn block(self, from: &[f32], from_pitch: usize, to: &mut [f32], to_pitch: usize);

    /// 32 rows of `pitch` floats become `pitch` columns of 32; `pitch` is a multiple of 8.
    #[inline(always)]
    fn to_columns(self, rows: &[f32], pitch: usize, columns: &mut [Lanes]) {
        for (x, columns) in (0..pitch).step_by(8).zip(columns.as_chunks_mut::<8>().0) {
            for lane in (0..Lanes::N).step_by(8) {
                self.block(&rows[lane * pitch + x..], pitch, &mut flat(columns)[lane..], Lanes::N);
            }
        }
    }

    /// `pitch` columns of 32 become 32 rows of `pitch` floats; `pitch` is a multiple of 8.
    #[inline(always)]
    fn to_rows(self, columns: &[Lanes], rows: &mut [f32], pitch: usize) {
        for (x, columns) in (0..pitch).step_by(8).zip(columns.as_chunks::<8>().0) {
            for lane in (0..Lanes::N).step_by(8) {
                self.block(&flat_ref(columns)[lane..], Lanes::N, &mut rows[lane * pitch + x..], pitch);
            }
        }
    }
}

#[inline(always)]
fn flat(columns: &mut [Lanes; 8]) -> &mut [f32; 8 * Lanes::N] {
    // SAFETY: `Lanes` is `repr(C)` around 32 floats, 128 bytes that are a multiple of its alignment: no padding.
    unsafe { &mut *std::ptr::from_mut(columns).cast() }
}

#[inline(always)]
fn flat_ref(columns: &[Lanes; 8]) -> &[f32; 8 * Lanes::N] {
    // SAFETY: as in `flat`.
    unsafe { &*std::ptr::from_ref(columns).cast() }
}

/// Any processor; the compiler still uses its basic vector instructions, such as NEON.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Transpose for Plain {
    #[inline(always)]
    fn block(self, from: &[f32], from_pitch: usize, to: &mut [f32], to_pitch: usize) {
        for i in 0..8 {
            for j in 0..8 {
                to[j * to_pitch + i] = from[i * from_pitch + j];
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::*;

    use super::{Transpose, Work};

    /// Proof that this processor has AVX2, and counts bits.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    impl Avx2 {
        #[inline]
        pub(super) fn detected() -> Option<Avx2> {
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")).then_some(Avx2(()))
        }
    }

    #[inline]
    pub(super) fn has_avx512() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vpopcntdq")
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) fn run_avx2<W: Work>(work: W, avx2: Avx2) -> W::Output {
        work.run(avx2)
    }

    #[target_feature(enable = "avx2,popcnt,avx512f,avx512vl,avx512bw,avx512dq,avx512vpopcntdq")]
    pub(super) fn run_avx512<W: Work>(work: W, avx2: Avx2) -> W::Output {
        work.run(avx2)
    }

    impl Transpose for Avx2 {
        #[inline(always)]
        fn block(self, from: &[f32], from_pitch: usize, to: &mut [f32], to_pitch: usize) {
            assert!(from.len() >= 7 * from_pitch + 8 && to.len() >= 7 * to_pitch + 8);
            // SAFETY: the eight rows that are read and the eight that are written end inside, as just checked;
            // an `Avx2` exists only where the processor has AVX2.
            unsafe {
                let (from, to) = (from.as_ptr(), to.as_mut_ptr());
                // Rows i and i + 4 side by side, so that no step below crosses the halves of a register.
                let half = |i: usize, x: usize| {
                    let low = _mm256_castps128_ps256(_mm_loadu_ps(from.add(i * from_pitch + x)));
                    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(from.add((i + 4) * from_pitch + x)))
                };
                for x in [0, 4] {
                    let [a, b, c, d] = [half(0, x), half(1, x), half(2, x), half(3, x)];
                    let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                    let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                    let store = |j: usize, row| _mm256_storeu_ps(to.add((x + j) * to_pitch), row);
                    store(0, _mm256_shuffle_ps::<0x44>(ab_low, cd_low));
                    store(1, _mm256_shuffle_ps::<0xee>(ab_low, cd_low));
                    store(2, _mm256_shuffle_ps::<0x44>(ab_high, cd_high));
                    store(3, _mm256_shuffle_ps::<0xee>(ab_high, cd_high));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Turn<'a>(&'a mut Vec<f32>);

    impl Work for Turn<'_> {
        type Output = ();

        #[inline(always)]
        fn run<T: Transpose>(self, transpose: T) {
            let rows: Vec<f32> = (0..32 * 24).map(|i| i as f32).collect();
            let mut columns = [Lanes::ZERO; 24];
            transpose.to_columns(&rows, 24, &mut columns);
            assert_eq!(columns[5].0[31], rows[31 * 24 + 5]);
            self.0.resize(32 * 24, 0.0);
            transpose.to_rows(&columns, self.0, 24);
            assert_eq!(*self.0, rows);
        }
    }

    #[test]
    fn turning_twice_changes_nothing() {
        run(Turn(&mut Vec::new()));
        Turn(&mut Vec::new()).run(Plain);
    }
}
