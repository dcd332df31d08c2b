//! The kernel: all products for a few pixels and a few dozen output channels, in registers from the first to the last.
//!
//! Both convolutions of G see, for each of their positions, a few runs of words in the input: the same runs at every
//! position, only moved. So one kernel serves all layers.

use super::processor::Processor;
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512, Avx512Bf16};
use super::simd::{Portable, PortablePairs, Simd, Value, Word};

/// Pixels a kernel works on at a time: six by four vectors, the weights and a pixel fill 32 registers, six by two 16.
pub(crate) const PIXELS: usize = 6;

/// Words of the input that lie one after another, or equally far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// First word, counted from that of the position.
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// The step of the weights that the first word is multiplied with.
    pub(crate) step: usize,
}

/// What a kernel is to do. The pixels may repeat.
pub(super) struct Call<'a, W, O> {
    pub(super) input: *const W,
    /// Word of the input at which each pixel's runs begin to count.
    pub(super) pixels: [usize; PIXELS],
    pub(super) runs: &'a [Run],
    /// Words of the input from one word of a run to the next.
    pub(super) apart: usize,
    /// `vectors x LANES` words at each step that a word of the runs is multiplied with.
    pub(super) weights: *const W,
    /// Words of the weights from one step to the next.
    pub(super) stride: usize,
    pub(super) output: *mut O,
    /// Element of the output at which each pixel's channels begin.
    pub(super) places: [usize; PIXELS],
}

/// A kind of processor with its kernel for sums.
pub(crate) trait Summing: Send + Sync + 'static {
    type Word: Word;
    /// Output channels of a vector.
    const LANES: usize;
    /// Most vectors a call may have: 1, 2 or 4.
    const WIDEST: usize;

    /// Adds the products to the sums in the output, `vectors x LANES` a pixel.
    ///
    /// # Safety
    /// The processor is of this kind. All words that the runs of all pixels name lie in the input, the words of their
    /// steps in the weights, and `vectors x LANES` channels at each place of the output, which no other thread touches
    /// meanwhile. `vectors` is 1, 2 or 4 and at most `WIDEST`.
    unsafe fn add(vectors: usize, call: &Call<Self::Word, <Self::Word as Word>::Value>);
}

/// A kind of processor with its kernels for inference.
pub(crate) trait Kernel: Summing<Word: Word<Value = f32>> {
    /// Convolves and writes `max(sum, 0)` as `vectors x LANES` channels a pixel, with sums that begin at `bias`.
    ///
    /// # Safety
    /// As [`Summing::add`]; the bias is `vectors x LANES` long.
    unsafe fn relu(vectors: usize, call: &Call<Self::Word, Self::Word>, bias: *const f32);
}

/// The kernel for `N` vectors; `begin` and `finish` get pixel and vector.
///
/// # Safety
/// As [`Summing::add`].
#[inline(always)]
unsafe fn convolve<S: Simd, O, const N: usize>(
    call: &Call<S::Word, O>,
    begin: impl Fn(usize, usize) -> S::Sums,
    finish: impl Fn(usize, usize, S::Sums),
) {
    // SAFETY: every pointer below is one that the caller has promised: a step of the weights is N vectors.
    unsafe {
        let mut sums: [[S::Sums; N]; PIXELS] =
            std::array::from_fn(|pixel| std::array::from_fn(|v| begin(pixel, v)));
        for run in call.runs {
            let pixels = call.pixels.map(|pixel| call.input.add(pixel + run.start));
            let mut weights = call.weights.add(run.step * call.stride);
            for word in 0..run.length {
                let w: [S::Vector; N] = std::array::from_fn(|v| S::load(weights.add(v * S::LANES)));
                weights = weights.wrapping_add(call.stride); // past the end after the last word
                for (sums, pixel) in sums.iter_mut().zip(pixels) {
                    let x = S::splat(pixel.add(word * call.apart));
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

/// Writes [`Summing`], and [`Kernel`] where it is named, for a set of instructions: each instance of the kernel is a
/// function that may use them.
macro_rules! kernel {
    ($simd:ty, $($vectors:literal)*, $(#[$features:meta])?) => {
        kernel!(sums $simd, $($vectors)*, $(#[$features])?);

        impl Kernel for $simd {
            unsafe fn relu(vectors: usize, call: &Call<Self::Word, Self::Word>, bias: *const f32) {
                $(#[$features])?
                unsafe fn run<const N: usize>(
                    call: &Call<<$simd as Simd>::Word, <$simd as Simd>::Word>,
                    bias: *const f32,
                ) {
                    let words = <$simd as Simd>::LANES / <$simd as Simd>::Word::CHANNELS;
                    // SAFETY: the caller's promise.
                    unsafe {
                        convolve::<$simd, _, N>(
                            call,
                            |_, v| <$simd>::begin(bias.add(v * <$simd as Simd>::LANES)),
                            |pixel, v, sums| {
                                <$simd>::store_relu(sums, call.output.add(call.places[pixel] + v * words));
                            },
                        );
                    }
                }
                // SAFETY: the caller's promise.
                unsafe {
                    match vectors {
                        $($vectors => run::<$vectors>(call, bias),)*
                        _ => unreachable!("a kernel of {vectors} vectors"),
                    }
                }
            }
        }
    };
    (sums $simd:ty, $($vectors:literal)*, $(#[$features:meta])?) => {
        impl Summing for $simd {
            type Word = <$simd as Simd>::Word;
            const LANES: usize = <$simd as Simd>::LANES;
            const WIDEST: usize = <$simd as Simd>::WIDEST;

            unsafe fn add(vectors: usize, call: &Call<Self::Word, Value<$simd>>) {
                $(#[$features])?
                unsafe fn run<const N: usize>(call: &Call<<$simd as Simd>::Word, Value<$simd>>) {
                    let lanes = <$simd as Simd>::LANES;
                    // SAFETY: the caller's promise.
                    unsafe {
                        let at = |pixel: usize, v: usize| call.output.add(call.places[pixel] + v * lanes);
                        convolve::<$simd, _, N>(
                            call,
                            |pixel, v| <$simd>::begin(at(pixel, v)),
                            |pixel, v, sums| <$simd>::store(sums, at(pixel, v)),
                        );
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
        }
    };
}

kernel!(Portable<f32>, 1,);
kernel!(sums Portable<f64>, 1,);
kernel!(PortablePairs, 1,);
#[cfg(target_arch = "x86_64")]
kernel!(Avx2, 1 2, #[target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "x86_64")]
kernel!(Avx512, 1 2 4, #[target_feature(enable = "avx512f")]);
#[cfg(target_arch = "x86_64")]
kernel!(Avx512Bf16, 1 2 4, #[target_feature(enable = "avx512f,avx512bf16,avx512vl,avx512bw")]);

/// The kernel for sums of a kind of processor that is here, on slices.
#[derive(Clone, Copy)]
pub(crate) struct Sums<T> {
    /// Output channels of a vector.
    pub(crate) lanes: usize,
    /// Most vectors at a time.
    widest: usize,
    add: unsafe fn(usize, &Call<T, T>),
}

/// Runs of words `apart` from each other, and how far they reach.
pub(crate) struct Runs {
    each: Vec<Run>,
    apart: usize,
    words: usize,
    steps: usize,
}

impl Runs {
    pub(crate) fn new(runs: Vec<Run>, apart: usize) -> Self {
        let filled = || runs.iter().filter(|run| run.length > 0);
        let words = filled().map(|run| run.start + (run.length - 1) * apart + 1).max().unwrap_or(0);
        let steps = filled().map(|run| run.step + run.length).max().unwrap_or(0);
        Self { each: runs, apart, words, steps }
    }
}

impl Sums<f32> {
    /// The kernel of a kind of processor.
    ///
    /// # Panics
    /// If this machine's is another.
    pub(crate) fn of(processor: Processor) -> Self {
        assert!(processor.is_here(), "this machine is no {processor:?}");
        match processor {
            #[cfg(target_arch = "x86_64")]
            Processor::Avx512Bf16 | Processor::Avx512 => Self::made_of::<Avx512>(),
            #[cfg(target_arch = "x86_64")]
            Processor::Avx2 => Self::made_of::<Avx2>(),
            _ => Self::made_of::<Portable<f32>>(),
        }
    }
}

impl Sums<f64> {
    /// The kernel for every processor.
    pub(crate) fn portable() -> Self {
        Self::made_of::<Portable<f64>>()
    }
}

impl<T: Word<Value = T>> Sums<T> {
    fn made_of<K: Summing<Word = T>>() -> Self {
        Self { lanes: K::LANES, widest: K::WIDEST, add: K::add }
    }

    /// Cuts a number of vectors into the widths that calls take: first vector and width of each.
    pub(crate) fn widths(&self, vectors: usize) -> impl Iterator<Item = (usize, usize)> {
        let widest = self.widest;
        let mut first = 0;
        std::iter::from_fn(move || {
            let width = widest_of(widest.min(vectors - first))?;
            first += width;
            Some((first - width, width))
        })
    }

    /// Adds to `vectors x lanes` sums at each of the `places` of `output` the products of a pixel's words with the
    /// steps of the weights.
    ///
    /// A pixel's runs begin to count at its word of `input`, the steps at the weights' first word, each `stride` words
    /// after the one before. Where places repeat their pixels do.
    ///
    /// # Panics
    /// If anything reaches beyond its slice.
    pub(crate) fn add(
        &self,
        vectors: usize,
        (input, pixels, runs): (&[T], [usize; PIXELS], &Runs),
        (weights, stride): (&[T], usize),
        (output, places): (&mut [T], [usize; PIXELS]),
    ) {
        let channels = vectors * self.lanes;
        let within = |starts: [usize; PIXELS], length: usize, whole: usize| {
            whole >= length && starts.iter().all(|start| *start <= whole - length)
        };
        assert!(widest_of(vectors) == Some(vectors) && vectors <= self.widest);
        assert!(within(pixels, runs.words, input.len()) && within(places, channels, output.len()));
        assert!(runs.steps == 0 || (runs.steps - 1) * stride + channels <= weights.len());
        let call = Call {
            input: input.as_ptr(),
            pixels,
            runs: &runs.each,
            apart: runs.apart,
            weights: weights.as_ptr(),
            stride,
            output: output.as_mut_ptr(),
            places,
        };
        // SAFETY: `of` and `portable` make this only of kernels that the processor has. The assertions are what the
        // kernel asks for: every run of every pixel ends within the input, the last step's vectors within the weights,
        // the channels of every place within the output, which is borrowed mutably.
        unsafe { (self.add)(vectors, &call) };
    }
}

/// The widest call of at most so many vectors; none for none.
pub(super) fn widest_of(vectors: usize) -> Option<usize> {
    [4, 2, 1].into_iter().find(|width| *width <= vectors)
}
