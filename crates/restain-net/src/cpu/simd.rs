//! The instructions that the kernels are made of, one type a kind of processor.
//!
//! Activations and weights lie in memory as words: an f32 is one channel, a [`Pair`] two channels in bf16. A vector
//! multiplies one word of a pixel with a word of weights for each of `LANES` output channels, and adds the products
//! to f32 sums. An f64 is a word too, with sums in f64: tests of gradients need more digits.

use std::marker::PhantomData;
use std::ops::{Add, Mul};

/// What lies in memory: one or two channels of a pixel.
pub(crate) trait Word: Copy + Default + Send + Sync + 'static {
    /// What weights are before they are packed, and what products are summed in.
    type Value: Copy + Default + Send + Sync + 'static;

    /// Channels a word holds.
    const CHANNELS: usize;

    /// The word of `CHANNELS` values, rounded to the nearest.
    fn of(channels: &[Self::Value]) -> Self;
}

impl Word for f32 {
    type Value = f32;
    const CHANNELS: usize = 1;

    fn of(channels: &[f32]) -> Self {
        channels[0]
    }
}

impl Word for f64 {
    type Value = f64;
    const CHANNELS: usize = 1;

    fn of(channels: &[f64]) -> Self {
        channels[0]
    }
}

/// Two channels in bf16, the first in the lower half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Pair(u32);

impl Word for Pair {
    type Value = f32;
    const CHANNELS: usize = 2;

    fn of(channels: &[f32]) -> Self {
        let [low, high] = [0, 1].map(|i| u32::from(half::bf16::from_f32(channels[i]).to_bits()));
        Self(high << 16 | low)
    }
}

impl Pair {
    fn halves(self) -> [f32; 2] {
        [f32::from_bits(self.0 << 16), f32::from_bits(self.0 & 0xffff_0000)]
    }
}

/// A set of instructions.
pub(crate) trait Simd {
    type Word: Word;
    /// `LANES` words of weights, or one word of a pixel in every lane.
    type Vector: Copy;
    /// `LANES` sums.
    type Sums: Copy;

    /// Output channels a vector works on.
    const LANES: usize;
    /// Vectors for each pixel that fit into the registers beside each other.
    const WIDEST: usize;

    /// Reads `LANES` words.
    ///
    /// # Safety
    /// As all functions of this trait: `LANES` values must lie at the pointer (`splat`: one word), and the processor
    /// must have the instructions.
    unsafe fn load(at: *const Self::Word) -> Self::Vector;
    /// One word in every lane.
    unsafe fn splat(at: *const Self::Word) -> Self::Vector;
    /// Begins sums at the given values.
    unsafe fn begin(at: *const Value<Self>) -> Self::Sums;
    /// Adds the products of two vectors.
    unsafe fn add(sums: Self::Sums, weights: Self::Vector, pixel: Self::Vector) -> Self::Sums;
    /// Writes `max(sum, 0)` as `LANES` channels.
    unsafe fn store_relu(sums: Self::Sums, at: *mut Self::Word);
    /// Writes the sums.
    unsafe fn store(sums: Self::Sums, at: *mut Value<Self>);
}

/// What a set of instructions sums in.
pub(crate) type Value<S> = <<S as Simd>::Word as Word>::Value;

/// Plain Rust, for every processor; the compiler makes vectors of it where it can. Words are f32 or f64.
pub(crate) struct Portable<T>(PhantomData<T>);

/// The same in bf16: the twin of the bf16 kernel, and slow.
pub(crate) struct PortablePairs;

const PORTABLE_LANES: usize = 8;

impl<T> Simd for Portable<T>
where
    T: Word<Value = T> + Add<Output = T> + Mul<Output = T> + PartialOrd,
{
    type Word = T;
    type Vector = [T; PORTABLE_LANES];
    type Sums = [T; PORTABLE_LANES];
    const LANES: usize = PORTABLE_LANES;
    const WIDEST: usize = 1;

    #[inline(always)]
    unsafe fn load(at: *const T) -> Self::Vector {
        // SAFETY: the caller's promise; alignment of the array is that of a word.
        unsafe { *at.cast() }
    }

    #[inline(always)]
    unsafe fn splat(at: *const T) -> Self::Vector {
        // SAFETY: the caller's promise.
        [unsafe { *at }; PORTABLE_LANES]
    }

    #[inline(always)]
    unsafe fn begin(at: *const T) -> Self::Sums {
        // SAFETY: the caller's promise.
        unsafe { Self::load(at) }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Sums, weights: Self::Vector, pixel: Self::Vector) -> Self::Sums {
        std::array::from_fn(|lane| sums[lane] + weights[lane] * pixel[lane])
    }

    #[inline(always)]
    unsafe fn store_relu(sums: Self::Sums, at: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { *at.cast() = sums.map(|sum| if sum > T::default() { sum } else { T::default() }) }
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, at: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { *at.cast() = sums }
    }
}

impl Simd for PortablePairs {
    type Word = Pair;
    type Vector = [Pair; PORTABLE_LANES];
    type Sums = [f32; PORTABLE_LANES];
    const LANES: usize = PORTABLE_LANES;
    const WIDEST: usize = 1;

    #[inline(always)]
    unsafe fn load(at: *const Pair) -> Self::Vector {
        // SAFETY: the caller's promise; alignment of the array is that of a word.
        unsafe { *at.cast() }
    }

    #[inline(always)]
    unsafe fn splat(at: *const Pair) -> Self::Vector {
        // SAFETY: the caller's promise.
        [unsafe { *at }; PORTABLE_LANES]
    }

    #[inline(always)]
    unsafe fn begin(at: *const f32) -> Self::Sums {
        // SAFETY: the caller's promise.
        unsafe { *at.cast() }
    }

    #[inline(always)]
    unsafe fn add(sums: Self::Sums, weights: Self::Vector, pixel: Self::Vector) -> Self::Sums {
        std::array::from_fn(|lane| {
            let ([w0, w1], [x0, x1]) = (weights[lane].halves(), pixel[lane].halves());
            sums[lane] + w1 * x1 + w0 * x0
        })
    }

    #[inline(always)]
    unsafe fn store_relu(sums: Self::Sums, at: *mut Pair) {
        let sums = sums.map(|sum| sum.max(0.0));
        let pairs: [Pair; PORTABLE_LANES / 2] = std::array::from_fn(|i| Pair::of(&sums[2 * i..]));
        // SAFETY: the caller's promise.
        unsafe { *at.cast() = pairs }
    }

    #[inline(always)]
    unsafe fn store(sums: Self::Sums, at: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { *at.cast() = sums }
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512, Avx512Bf16};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256bh, __m512, __m512bh, __m512i, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_max_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_cvtneps_pbh, _mm512_dpbf16_ps,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    use std::mem::transmute;

    use super::{Pair, Simd};

    /// AVX2 and FMA: sixteen registers of eight lanes.
    pub(crate) struct Avx2;

    /// AVX-512: thirty-two registers of sixteen lanes.
    pub(crate) struct Avx512;

    /// AVX-512 with products of bf16 pairs.
    pub(crate) struct Avx512Bf16;

    // SAFETY of all the following: each function calls one or two instructions that the caller promises the
    // processor has, and reads or writes what the caller promises is there; unaligned forms are used throughout.

    impl Simd for Avx2 {
        type Word = f32;
        type Vector = __m256;
        type Sums = __m256;
        const LANES: usize = 8;
        const WIDEST: usize = 2;

        #[inline(always)]
        unsafe fn load(at: *const f32) -> __m256 {
            unsafe { _mm256_loadu_ps(at) }
        }

        #[inline(always)]
        unsafe fn splat(at: *const f32) -> __m256 {
            unsafe { _mm256_broadcast_ss(&*at) }
        }

        #[inline(always)]
        unsafe fn begin(at: *const f32) -> __m256 {
            unsafe { _mm256_loadu_ps(at) }
        }

        #[inline(always)]
        unsafe fn add(sums: __m256, weights: __m256, pixel: __m256) -> __m256 {
            unsafe { _mm256_fmadd_ps(weights, pixel, sums) }
        }

        #[inline(always)]
        unsafe fn store_relu(sums: __m256, at: *mut f32) {
            unsafe { _mm256_storeu_ps(at, _mm256_max_ps(sums, _mm256_setzero_ps())) }
        }

        #[inline(always)]
        unsafe fn store(sums: __m256, at: *mut f32) {
            unsafe { _mm256_storeu_ps(at, sums) }
        }
    }

    impl Simd for Avx512 {
        type Word = f32;
        type Vector = __m512;
        type Sums = __m512;
        const LANES: usize = 16;
        const WIDEST: usize = 4;

        #[inline(always)]
        unsafe fn load(at: *const f32) -> __m512 {
            unsafe { _mm512_loadu_ps(at) }
        }

        #[inline(always)]
        unsafe fn splat(at: *const f32) -> __m512 {
            unsafe { _mm512_set1_ps(*at) }
        }

        #[inline(always)]
        unsafe fn begin(at: *const f32) -> __m512 {
            unsafe { _mm512_loadu_ps(at) }
        }

        #[inline(always)]
        unsafe fn add(sums: __m512, weights: __m512, pixel: __m512) -> __m512 {
            unsafe { _mm512_fmadd_ps(weights, pixel, sums) }
        }

        #[inline(always)]
        unsafe fn store_relu(sums: __m512, at: *mut f32) {
            unsafe { _mm512_storeu_ps(at, _mm512_max_ps(sums, _mm512_setzero_ps())) }
        }

        #[inline(always)]
        unsafe fn store(sums: __m512, at: *mut f32) {
            unsafe { _mm512_storeu_ps(at, sums) }
        }
    }

    impl Simd for Avx512Bf16 {
        type Word = Pair;
        type Vector = __m512bh;
        type Sums = __m512;
        const LANES: usize = 16;
        const WIDEST: usize = 4;

        #[inline(always)]
        unsafe fn load(at: *const Pair) -> __m512bh {
            unsafe { transmute::<__m512i, __m512bh>(_mm512_loadu_si512(at.cast())) }
        }

        #[inline(always)]
        unsafe fn splat(at: *const Pair) -> __m512bh {
            unsafe { transmute::<__m512i, __m512bh>(_mm512_set1_epi32((*at).0.cast_signed())) }
        }

        #[inline(always)]
        unsafe fn begin(at: *const f32) -> __m512 {
            unsafe { _mm512_loadu_ps(at) }
        }

        #[inline(always)]
        unsafe fn add(sums: __m512, weights: __m512bh, pixel: __m512bh) -> __m512 {
            unsafe { _mm512_dpbf16_ps(sums, weights, pixel) }
        }

        #[inline(always)]
        unsafe fn store_relu(sums: __m512, at: *mut Pair) {
            unsafe {
                let pairs = _mm512_cvtneps_pbh(_mm512_max_ps(sums, _mm512_setzero_ps()));
                at.cast::<__m256bh>().write_unaligned(pairs);
            }
        }

        #[inline(always)]
        unsafe fn store(sums: __m512, at: *mut f32) {
            unsafe { _mm512_storeu_ps(at, sums) }
        }
    }
}
