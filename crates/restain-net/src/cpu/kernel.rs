//! The kernel: all products for a few pixels and a few dozen output channels, in registers from the first to the last.
//!
//! Both convolutions of G see, for each of their positions, a few runs of words in the input: the same runs at every
//! position, only moved. So one kernel serves all layers.

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512, Avx512Bf16};
use super::simd::{Portable, PortablePairs, Simd, Word};

/// Pixels a kernel works on at a time: six by four vectors, the weights and a pixel fill 32 registers, six by two 16.
pub(super) const PIXELS: usize = 6;

/// Words of the input that lie one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First word, counted from that of the position.
    pub(super) start: usize,
    pub(super) length: usize,
}

/// What a kernel is to do. The pixels may repeat.
pub(super) struct Call<'a, W, O> {
    pub(super) input: *const W,
    /// Word of the input at which each pixel's runs begin to count.
    pub(super) pixels: [usize; PIXELS],
    pub(super) runs: &'a [Run],
    /// `vectors x LANES` words for each word of the runs.
    pub(super) weights: *const W,
    /// `vectors x LANES` sums to begin with.
    pub(super) bias: *const f32,
    pub(super) output: *mut O,
    /// Element of the output at which each pixel's channels begin.
    pub(super) places: [usize; PIXELS],
}

/// A kind of processor with its kernels.
pub(crate) trait Kernel: Send + Sync + 'static {
    type Word: Word;
    /// Output channels of a vector.
    const LANES: usize;
    /// Most vectors a call may have: 1, 2 or 4.
    const WIDEST: usize;

    /// Convolves and writes `max(sum, 0)` as `vectors x LANES` channels a pixel.
    ///
    /// # Safety
    /// The processor is of this kind. All words that the runs of all pixels name lie in the input, the weights and the
    /// bias are as long as [`Call`] says, and `vectors x LANES` channels lie at each place of the output, which no
    /// other thread touches meanwhile. `vectors` is 1, 2 or 4 and at most `WIDEST`.
    unsafe fn relu(vectors: usize, call: &Call<Self::Word, Self::Word>);

    /// Convolves and writes the sums of one vector, `LANES` a pixel.
    ///
    /// # Safety
    /// As [`Kernel::relu`].
    unsafe fn sums(call: &Call<Self::Word, f32>);
}

/// The kernel for `N` vectors; `finish` gets pixel, vector and sums.
///
/// # Safety
/// As [`Kernel::relu`].
#[inline(always)]
unsafe fn convolve<S: Simd, O, const N: usize>(
    call: &Call<S::Word, O>,
    finish: impl Fn(usize, usize, S::Sums),
) {
    // SAFETY: every pointer below is one that the caller has promised: `weights` moves on by N vectors for each word of
    // the runs, which is how long they are.
    unsafe {
        let begin: [S::Sums; N] = std::array::from_fn(|v| S::begin(call.bias.add(v * S::LANES)));
        let mut sums = [begin; PIXELS];
        let mut weights = call.weights;
        for run in call.runs {
            let pixels = call.pixels.map(|pixel| call.input.add(pixel + run.start));
            for word in 0..run.length {
                let w: [S::Vector; N] = std::array::from_fn(|v| S::load(weights.add(v * S::LANES)));
                weights = weights.add(N * S::LANES);
                for (sums, pixel) in sums.iter_mut().zip(pixels) {
                    let x = S::splat(pixel.add(word));
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = S::add(*sum, w, x);
                    }
                }
            }
        }
        for (pixel, sums) in sums.into_iter().enumerate() {
            for (v, sums) in sums.into_iter().enumerate() {
                finish(pixel, v, sums);
            }
        }
    }
}

/// Writes [`Kernel`] for a set of instructions: each instance of the kernel is a function that may use them.
macro_rules! kernel {
    ($simd:ty, $($vectors:literal)*, $(#[$features:meta])?) => {
        impl Kernel for $simd {
            type Word = <$simd as Simd>::Word;
            const LANES: usize = <$simd as Simd>::LANES;
            const WIDEST: usize = <$simd as Simd>::WIDEST;

            unsafe fn relu(vectors: usize, call: &Call<Self::Word, Self::Word>) {
                $(#[$features])?
                unsafe fn run<const N: usize>(
                    call: &Call<<$simd as Simd>::Word, <$simd as Simd>::Word>,
                ) {
                    let words = <$simd as Simd>::LANES / <$simd as Simd>::Word::CHANNELS;
                    // SAFETY: the caller's promise.
                    unsafe {
                        convolve::<$simd, _, N>(call, |pixel, v, sums| {
                            <$simd>::store_relu(sums, call.output.add(call.places[pixel] + v * words));
                        });
                    }
                }
                // SAFETY: the caller's promise.
                unsafe {
                    match vectors {
                        $($vectors => run::<$vectors>(call),)*
                        _ => unreachable!("a kernel of {vectors} vectors"),
                    }
                }
            }

            unsafe fn sums(call: &Call<Self::Word, f32>) {
                $(#[$features])?
                unsafe fn run(call: &Call<<$simd as Simd>::Word, f32>) {
                    // SAFETY: the caller's promise.
                    unsafe {
                        convolve::<$simd, _, 1>(call, |pixel, _, sums| {
                            <$simd>::store(sums, call.output.add(call.places[pixel]));
                        });
                    }
                }
                // SAFETY: the caller's promise.
                unsafe { run(call) }
            }
        }
    };
}

kernel!(Portable, 1,);
kernel!(PortablePairs, 1,);
#[cfg(target_arch = "x86_64")]
kernel!(Avx2, 1 2, #[target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "x86_64")]
kernel!(Avx512, 1 2 4, #[target_feature(enable = "avx512f")]);
#[cfg(target_arch = "x86_64")]
kernel!(Avx512Bf16, 1 2 4, #[target_feature(enable = "avx512f,avx512bf16,avx512vl,avx512bw")]);
