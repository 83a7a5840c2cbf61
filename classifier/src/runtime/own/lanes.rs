//! What can this processor's registers do?
//!
//! [`Lanes`] is a handful of floats that go through one instruction together. [`run`] compiles the work once for each
//! kind and picks what was detected; a [`Kind`] other than the narrowest exists only where it was.
//! This module and the loops built on it are the crate's only ones with `unsafe`: a register is loaded and stored
//! through pointers, whose bounds the loops check once for many loads.
#![allow(unsafe_code)]

/// Some floats side by side.
///
/// Loads and stores need `N` floats at the pointer, of any alignment.
pub(super) trait Lanes: Copy {
    /// How many.
    const N: usize;
    /// The same number in each.
    fn splat(value: f32) -> Self;
    /// Reads them from memory.
    ///
    /// # Safety
    /// `N` floats can be read at `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes them to memory.
    ///
    /// # Safety
    /// `N` floats can be written at `to`.
    unsafe fn store(self, to: *mut f32);
    /// `self + a · b`, rounded once or twice.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// The sum of each pair.
    fn add(self, other: Self) -> Self;
    /// Cut off below `low` and above `high`; what is no number stays none.
    fn clamp(self, low: Self, high: Self) -> Self;
}

/// Work to be done in whatever registers there are. Everything it calls in a loop must be `#[inline(always)]`.
pub(super) trait Work {
    /// Does it, with `ROWS` rows of a product in registers at a time.
    fn run<L: Lanes, const ROWS: usize>(self);
}

/// Which registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Four floats, in whatever the compiler finds; the plain twin of the others.
    Plain,
    /// Eight floats, multiplied and added in one step.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen floats.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Four floats, multiplied and added in one step.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Four floats of WebAssembly.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

impl Kind {
    /// What people call them.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Plain => "plain",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "NEON",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 if cfg!(target_feature = "relaxed-simd") => "relaxed SIMD",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => "SIMD",
        }
    }

    /// How many floats a register holds.
    pub(super) fn n_lanes(self) -> usize {
        match self {
            Kind::Plain => <[f32; 4]>::N,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::Eight::N,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => x86::Sixteen::N,
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => neon::Four::N,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => wasm::Four::N,
        }
    }
}

/// Every kind that this processor has, the widest last.
pub(super) fn available() -> Vec<Kind> {
    #[allow(unused_mut, reason = "WebAssembly without SIMD has no wider one")]
    let mut kinds = vec![Kind::Plain];
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx2") && has!("fma") {
            kinds.push(Kind::Avx2);
            if has!("avx512f") {
                kinds.push(Kind::Avx512);
            }
        }
    }
    #[cfg(target_arch = "aarch64")]
    kinds.push(Kind::Neon);
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    kinds.push(Kind::Simd128);
    kinds
}

/// The widest.
pub(super) fn best() -> Kind {
    available().pop().unwrap_or(Kind::Plain)
}

/// Does the work in registers of this kind.
///
/// How many rows are in registers at a time: as many as fit beside two registers of weights and one of input, of 16
/// registers (32 with AVX-512 and NEON).
pub(super) fn run(kind: Kind, work: impl Work) {
    match kind {
        Kind::Plain => work.run::<[f32; 4], 4>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kind` other than `Plain` comes only from `available`, which has found these features.
        Kind::Avx2 => unsafe { x86::run_avx2(work) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kind::Avx512 => unsafe { x86::run_avx512(work) },
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => work.run::<neon::Four, 8>(),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Kind::Simd128 => work.run::<wasm::Four, 6>(),
    }
}

impl Lanes for [f32; 4] {
    const N: usize = 4;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: four floats can be read, as the caller promises.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: four floats can be written, as the caller promises.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self) };
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        [0, 1, 2, 3].map(|i| self[i] + a[i] * b[i])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        [0, 1, 2, 3].map(|i| self[i] + other[i])
    }

    #[inline(always)]
    fn clamp(self, low: Self, high: Self) -> Self {
        [0, 1, 2, 3].map(|i| cut(self[i], low[i], high[i]))
    }
}

/// As [`Lanes::clamp`], for one number.
#[inline(always)]
pub(super) fn cut(value: f32, low: f32, high: f32) -> f32 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Writes out what a register of one processor can do, from its own names for it.
#[allow(unused_macros, reason = "a processor without registers of its own has none")]
macro_rules! lanes {
    ($name:ident($register:ty) of $n:literal {
        splat($value:ident) $splat:expr;
        load($from:ident) $load:expr;
        store($to:ident, $stored:ident) $store:expr;
        add_product($sum:ident, $a:ident, $b:ident) $add_product:expr;
        add($one:ident, $other:ident) $add:expr;
        clamp($number:ident, $low:ident, $high:ident) $clamp:expr;
    }) => {
        /// A register; made only in code that runs where it was detected.
        #[derive(Clone, Copy)]
        pub(super) struct $name($register);

        #[allow(unused_unsafe, reason = "some of these instructions are safe on some processors")]
        impl Lanes for $name {
            const N: usize = $n;

            #[inline(always)]
            fn splat($value: f32) -> Self {
                // SAFETY: these instructions are there, as the type says.
                $name(unsafe { $splat })
            }

            #[inline(always)]
            unsafe fn load($from: *const f32) -> Self {
                // SAFETY: as above, and the floats can be read, as the caller promises.
                $name(unsafe { $load })
            }

            #[inline(always)]
            unsafe fn store(self, $to: *mut f32) {
                let $stored = self.0;
                // SAFETY: as above, and the floats can be written, as the caller promises.
                unsafe { $store };
            }

            #[inline(always)]
            fn add_product(self, a: Self, b: Self) -> Self {
                let ($sum, $a, $b) = (self.0, a.0, b.0);
                // SAFETY: these instructions are there, as the type says.
                $name(unsafe { $add_product })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                let ($one, $other) = (self.0, other.0);
                // SAFETY: as above.
                $name(unsafe { $add })
            }

            #[inline(always)]
            fn clamp(self, low: Self, high: Self) -> Self {
                let ($number, $low, $high) = (self.0, low.0, high.0);
                // SAFETY: as above.
                $name(unsafe { $clamp })
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Lanes, Work};

    lanes!(Eight(__m256) of 8 {
        splat(value) _mm256_set1_ps(value);
        load(from) _mm256_loadu_ps(from);
        store(to, value) _mm256_storeu_ps(to, value);
        add_product(sum, a, b) _mm256_fmadd_ps(a, b, sum);
        add(one, other) _mm256_add_ps(one, other);
        clamp(value, low, high) _mm256_min_ps(high, _mm256_max_ps(low, value));
    });

    lanes!(Sixteen(__m512) of 16 {
        splat(value) _mm512_set1_ps(value);
        load(from) _mm512_loadu_ps(from);
        store(to, value) _mm512_storeu_ps(to, value);
        add_product(sum, a, b) _mm512_fmadd_ps(a, b, sum);
        add(one, other) _mm512_add_ps(one, other);
        clamp(value, low, high) _mm512_min_ps(high, _mm512_max_ps(low, value));
    });

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_avx2(work: impl Work) {
        work.run::<Eight, 6>();
    }

    #[target_feature(enable = "avx2,fma,avx512f")]
    pub(super) fn run_avx512(work: impl Work) {
        work.run::<Sixteen, 12>();
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    use super::Lanes;

    lanes!(Four(float32x4_t) of 4 {
        splat(value) vdupq_n_f32(value);
        load(from) vld1q_f32(from);
        store(to, value) vst1q_f32(to, value);
        add_product(sum, a, b) vfmaq_f32(sum, a, b);
        add(one, other) vaddq_f32(one, other);
        clamp(value, low, high) vminq_f32(vmaxq_f32(value, low), high);
    });
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use std::arch::wasm32::*;

    use super::Lanes;

    #[cfg(target_feature = "relaxed-simd")]
    #[inline(always)]
    fn add_product(sum: v128, a: v128, b: v128) -> v128 {
        f32x4_relaxed_madd(a, b, sum)
    }

    #[cfg(not(target_feature = "relaxed-simd"))]
    #[inline(always)]
    fn add_product(sum: v128, a: v128, b: v128) -> v128 {
        f32x4_add(sum, f32x4_mul(a, b))
    }

    lanes!(Four(v128) of 4 {
        splat(value) f32x4_splat(value);
        load(from) v128_load(from.cast());
        store(to, value) v128_store(to.cast(), value);
        add_product(sum, a, b) add_product(sum, a, b);
        add(one, other) f32x4_add(one, other);
        clamp(value, low, high) f32x4_pmin(f32x4_pmax(value, low), high);
    });
}
