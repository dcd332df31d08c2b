//! G on the CPU: a plan made once from a checkpoint.
//!
//! Batch norm is part of the weights, each layer writes its channels where the next one reads them beside the skip
//! connection, images lie in memory channels innermost with their padding around them, and memory is kept from one tile
//! to the next. The same plan runs on four kinds of processor ([`kernel`]), in f32 or in bf16 with sums in f32.
//!
//! Every number of the output is summed in an order that depends on the layer alone, so neither the number of threads
//! nor the size of the tile changes a bit.

mod canvas;
#[allow(
    unsafe_code,
    clippy::inline_always,
    reason = "kernels are made of processor instructions and pointers"
)]
mod kernel;
mod layer;

mod processor;
#[allow(unsafe_code, clippy::inline_always, reason = "processor instructions")]
mod simd;
mod weights;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Result;
use rayon::prelude::*;

use crate::engine::{Engine, Window};
use crate::folded::Folded;
use crate::form::Form;
use crate::generator::{CHANNELS_OUT, DEPTH};
use crate::need::{Area, Need};
use crate::precision::Precision;
use canvas::Canvas;
use kernel::Kernel;
use layer::{Channels, LastLayer, Layer};
use weights::Weights;

pub(crate) use canvas::Aligned;
pub(crate) use kernel::{PIXELS, Run, Runs, Sums};
pub(crate) use processor::Processor;
pub(crate) use simd::Word;

/// Plans G for this machine.
///
/// # Errors
/// If a weight cannot be read.
pub(crate) fn plan(folded: &Folded, precision: Precision) -> Result<Arc<dyn Engine>> {
    let processor = Processor::choose();
    let bf16 = match precision {
        Precision::Auto => processor == Processor::Avx512Bf16,
        Precision::F32 => false,
        Precision::Bf16 => true,
    };
    plan_for(folded, processor, bf16)
}

fn plan_for(folded: &Folded, processor: Processor, bf16: bool) -> Result<Arc<dyn Engine>> {
    assert!(processor.is_here(), "this machine is no {processor:?}"); // what the kernels' soundness rests on
    Ok(match (processor, bf16) {
        #[cfg(target_arch = "x86_64")]
        (Processor::Avx512Bf16, true) => Arc::new(Plan::<simd::Avx512Bf16>::new(folded, "AVX-512 BF16")?),
        #[cfg(target_arch = "x86_64")]
        (Processor::Avx512Bf16 | Processor::Avx512, false) => {
            Arc::new(Plan::<simd::Avx512>::new(folded, "AVX-512, f32")?)
        }
        #[cfg(target_arch = "x86_64")]
        (Processor::Avx2, false) => Arc::new(Plan::<simd::Avx2>::new(folded, "AVX2, f32")?),
        (_, false) => Arc::new(Plan::<simd::Portable<f32>>::new(folded, "portable, f32")?),
        (_, true) => Arc::new(Plan::<simd::PortablePairs>::new(folded, "portable, bf16")?),
    })
}

/// The layers with their weights packed for a kind of kernel.
struct Plan<K: Kernel> {
    name: &'static str,
    /// From the outermost.
    down: Vec<Layer<K>>,
    /// From the outermost.
    up: Vec<Layer<K>>,
    last: LastLayer<K>,
    workspace: Mutex<Workspace<K::Word>>,
}

/// The images between the layers.
struct Workspace<W> {
    /// GM.
    input: Canvas<W>,
    /// At each level from the outermost, the decoder's channels and, behind them, the encoder's; at the bottom the
    /// encoder's alone.
    levels: Vec<Canvas<W>>,
}

impl<K: Kernel> Plan<K> {
    fn new(folded: &Folded, name: &'static str) -> Result<Self> {
        let widths: Vec<usize> = folded.down.iter().map(|(_, bias)| bias.elem_count()).collect();
        let words = |channels: usize| channels.next_multiple_of(K::LANES) / K::Word::CHANNELS;
        // What a layer reads of a level: the encoder's channels behind the decoder's, or all of them.
        let skip = |level: usize| {
            let before = if level + 1 < DEPTH { words(widths[level]) } else { 0 };
            Channels { word: before, words: words(widths[level]) }
        };
        let all = |level: usize| {
            let Channels { word, words } = skip(level);
            Channels { word: 0, words: word + words }
        };

        let mut down = Vec::with_capacity(DEPTH);
        for (level, (weight, bias)) in folded.down.iter().enumerate() {
            let (weights, input) = if level == 0 {
                let weights = Weights::new(weight, Form::Convolution, &[weight.dim(1)?], K::Word::CHANNELS)?;
                let input = Channels { word: 0, words: weights.words::<K::Word>() };
                (weights, input)
            } else {
                (Weights::new(weight, Form::Convolution, &[widths[level - 1]], K::LANES)?, skip(level - 1))
            };
            down.push(Layer::new(&weights, &bias.to_vec1()?, input, skip(level).word));
        }
        let parts = |level: usize| {
            if level + 1 < DEPTH { vec![widths[level], widths[level]] } else { vec![widths[level]] }
        };
        let mut up = Vec::with_capacity(DEPTH - 1);
        // The decoder's layers come from the bottom; that of level i reads level i + 1.
        for (level, (weight, bias)) in folded.up.iter().rev().enumerate() {
            let weights = Weights::new(weight, Form::Transposed, &parts(level + 1), K::LANES)?;
            up.push(Layer::new(&weights, &bias.to_vec1()?, all(level + 1), 0));
        }
        let (weight, bias) = &folded.out;
        let last = LastLayer::new(
            &Weights::new(weight, Form::Transposed, &parts(0), K::LANES)?,
            &bias.to_vec1()?,
            all(0),
        );
        let workspace = Workspace {
            input: Canvas::new(folded.down[0].0.dim(1)?.div_ceil(K::Word::CHANNELS)),
            levels: (0..DEPTH).map(|level| Canvas::new(all(level).words)).collect(),
        };
        Ok(Self { name, down, up, last, workspace: Mutex::new(workspace) })
    }
}

impl<K: Kernel> fmt::Debug for Plan<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<K: Kernel> Engine for Plan<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn workspace(&self, height: usize, width: usize) -> usize {
        let workspace = self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        let level = |(level, canvas): (usize, &Canvas<K::Word>)| {
            canvas.words * (height >> level) * (width >> level) * size_of::<K::Word>()
        };
        [&workspace.input].into_iter().chain(&workspace.levels).enumerate().map(level).sum()
    }

    fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> crate::Result<Vec<Vec<u8>>> {
        let restain = |window: &Window<'_>| {
            let gm = window.pixels.gm(height, width)?;
            Ok(self.restain_one(gm, height, width, &window.core))
        };
        windows.iter().map(restain).collect()
    }
}

impl<K: Kernel> Plan<K> {
    /// The area `core` of the output for GM `[2, height, width]`, as interleaved RGB.
    fn restain_one(&self, gm: &[f32], height: usize, width: usize, core: &Area) -> Vec<u8> {
        // A panic half way leaves nothing that the next tile does not write anew.
        let mut workspace = self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        let Workspace { input, levels } = &mut *workspace;
        input.shape(height, width);
        for (level, canvas) in levels.iter_mut().enumerate() {
            canvas.shape(height >> (level + 1), width >> (level + 1));
        }
        fill(input, gm);
        let need = Need::of(core, height, width);
        for (level, layer) in self.down.iter().enumerate() {
            let (before, after) = levels.split_at_mut(level);
            layer.run(before.last().unwrap_or(input), &mut after[0], &need.down[level]);
        }
        for (level, layer) in self.up.iter().enumerate().rev() {
            let (before, after) = levels.split_at_mut(level + 1);
            layer.run(&after[0], &mut before[level], &need.up[level]);
        }
        self.finish(&levels[0], core)
    }

    /// The last layer, its sigmoid, and the rounding to bytes.
    fn finish(&self, input: &Canvas<K::Word>, core: &Area) -> Vec<u8> {
        let row = CHANNELS_OUT * core.columns.len();
        let mut rgb = vec![0; row * core.rows.len()];
        // A row of corners makes the rows of pixels above and below it, so bands of corners cut the picture.
        let corners = core.rows.start.div_ceil(2)..core.rows.end / 2 + 1;
        let made = |corners: &Range<usize>| {
            let from = (2 * corners.start).saturating_sub(1).max(core.rows.start);
            from..(2 * corners.end - 1).min(core.rows.end)
        };
        let bands: Vec<_> =
            corners.clone().step_by(BAND).map(|at| at..(at + BAND).min(corners.end)).collect();
        let mut rest = &mut rgb[..];
        let mut pieces = Vec::with_capacity(bands.len());
        for band in bands {
            let (piece, after) = rest.split_at_mut(row * made(&band).len());
            pieces.push((band, piece));
            rest = after;
        }
        pieces.into_par_iter().for_each(|(band, piece)| {
            let mut sums = vec![0.0; piece.len()];
            let first = made(&band).start;
            self.last.run(input, core, band, |(y, x), pixel| {
                let at = (y - first) * row + (x - core.columns.start) * CHANNELS_OUT;
                sums[at..at + CHANNELS_OUT].copy_from_slice(pixel);
            });
            for (byte, sum) in piece.iter_mut().zip(&sums) {
                *byte = (sigmoid(*sum) * 255.0 + 0.5) as u8;
            }
        });
        rgb
    }
}

/// Rows of corners that a thread makes at a time.
const BAND: usize = 8;

/// Lays GM `[2, height, width]` out with its channels side by side.
fn fill<W: Word<Value = f32>>(input: &mut Canvas<W>, gm: &[f32]) {
    let (width, words) = (input.width, input.words);
    let (gray, mask) = gm.split_at(gm.len() / 2);
    let rows = gray.par_chunks_exact(width).zip(mask.par_chunks_exact(width));
    input.rows_mut().zip(rows).for_each(|(line, (gray, mask))| {
        for ((pixel, gray), mask) in line.chunks_exact_mut(words).zip(gray).zip(mask) {
            let channels = [*gray, *mask];
            for (word, channels) in pixel.iter_mut().zip(channels.chunks(W::CHANNELS)) {
                *word = W::of(channels);
            }
        }
    });
}

/// `1 / (1 + e^-x)` to about 1e-7, in operations that a compiler makes vectors of.
fn sigmoid(x: f32) -> f32 {
    // e^-x = 2^t, and 2^t = 2^whole * 2^part with |part| <= 1/2, by Taylor's series of e^(part ln 2).
    let t = (-x * std::f32::consts::LOG2_E).clamp(-126.0, 126.0);
    let whole = (t + 12_582_912.0) - 12_582_912.0; // 1.5 * 2^23: rounds to the nearest whole number
    let y = (t - whole) * std::f32::consts::LN_2;
    let power = 1.0
        + y * (1.0 + y * (1.0 / 2.0 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0 + y / 720.0)))));
    let scale = f32::from_bits(((whole as i32 + 127) << 23).cast_unsigned());
    1.0 / (1.0 + power * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;
    use crate::testing::{difference, gm, random, shipped, twin};

    /// The whole of an image.
    fn restain(engine: &dyn Engine, gm: &[f32], height: usize, width: usize) -> Vec<u8> {
        let window = Window { pixels: Pixels::Gm(gm), core: Area::whole(height, width) };
        engine.restain(&[window], height, width).unwrap().remove(0)
    }

    /// Each kind of processor that is here, in both precisions; widths that fill vectors, and others.
    #[test]
    fn every_kernel_makes_what_candle_makes() {
        // Random weights magnify what bf16 rounds, far more than trained ones; a wrong weight shows all the same.
        for (checkpoint, height, width, in_bf16) in vec![
            (shipped(), 192, 256, (3, 0.3)),
            (random(3), 128, 64, (20, 1.0)),
            (random(20), 64, 192, (20, 1.0)),
        ] {
            let (gm, folded) = (gm(height, width), Folded::new(&checkpoint).unwrap());
            let twin = twin(&checkpoint, &gm, height, width);
            assert!(
                twin.iter().max().unwrap() - twin.iter().min().unwrap() > 100,
                "a picture without contrast"
            );
            for processor in Processor::ALL.into_iter().filter(|processor| processor.is_here()) {
                for bf16 in [false, true] {
                    let generator = plan_for(&folded, processor, bf16).unwrap();
                    let rgb = restain(&*generator, &gm, height, width);
                    let (largest, mean) = difference(&rgb, &twin);
                    let (most, on_average) = if bf16 { in_bf16 } else { (1, 0.01) };
                    println!(
                        "{}, {height} x {width}: {largest} at most, {mean:.4} on average",
                        generator.name()
                    );
                    assert!(largest <= most && mean <= on_average, "{}: {largest}, {mean}", generator.name());
                }
            }
        }
    }

    /// Tiles of other sizes between leave nothing behind in the memory that is kept.
    #[test]
    fn a_tile_does_not_depend_on_those_before_it() {
        let generator = plan(&Folded::new(&shipped()).unwrap(), Precision::Auto).unwrap();
        let run = |height, width| restain(&*generator, &gm(height, width), height, width);
        let first = run(128, 192);
        for (height, width) in [(256, 256), (64, 64), (192, 128)] {
            run(height, width);
            assert!(run(128, 192) == first, "after {height} x {width}");
        }
    }

    #[test]
    fn the_sigmoid_is_exact_to_a_ten_millionth() {
        for i in -4000..=4000 {
            let x = i as f32 / 40.0;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() < 1.5e-7, "{x}");
        }
        assert!(sigmoid(f32::INFINITY) > 0.999 && sigmoid(f32::NEG_INFINITY) < 0.001);
    }
}
