//! A layer's weights as the kernels of `kernels/generator.cu` read them.

use candle_core::{Result, Tensor, bail};
use half::bf16;

use crate::form::{Form, Phase};

/// Numbers that a thread copies at a time.
const CHUNK: usize = 8;

/// Chunks of a step.
const STEP: usize = 4;

/// Most numbers between two that a position sees in one row: the kernels keep them in 20 bits.
const FARTHEST: usize = 1 << 20;

/// Where the channels lie that a layer reads of a pixel: parts of so many channels, each padded to [`CHUNK`].
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHUNK)
}

/// Weights, `[channels of all phases][chunks][8]`, and where each chunk of what a position sees lies.
#[derive(Debug)]
pub(super) struct PackedLayer {
    pub(super) form: Form,
    /// The bits of bf16; rows of channels, as many as a multiple of the widest block.
    pub(super) weights: Vec<u16>,
    /// One for each row that is kept.
    pub(super) bias: Vec<f32>,
    /// The row below the position in the upper bits, numbers from its beginning on in the lower 20; -1 where there is
    /// none.
    pub(super) chunks: Vec<i32>,
    /// Output channels of a phase, with those that only fill it up.
    pub(super) width: usize,
    /// Output channels of all phases.
    pub(super) channels: usize,
}

/// What a layer sees of the pixels of its input.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Numbers from one pixel to the next.
    pub(super) pixel: usize,
    /// First of them that the layer reads.
    pub(super) first: usize,
    /// Channels of each part.
    pub(super) parts: Vec<usize>,
}

impl PackedLayer {
    /// Packs weights `[out, in, 4, 4]` or `[in, out, 4, 4]` and a bias `[out]`. Each phase has `width` channels, the rows
    /// of all are filled up to a multiple of `block`.
    ///
    /// # Errors
    /// Where the layer is too wide for the kernels, or the weights cannot be read.
    pub(super) fn new(
        form: Form,
        weight: &Tensor,
        bias: &Tensor,
        seen: &Seen,
        width: usize,
        block: usize,
    ) -> Result<Self> {
        let (_, of_second, ..) = weight.dims4()?;
        let values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
        let at = |output: usize, input: usize, (ky, kx): (usize, usize)| {
            let (a, b) = if form == Form::Convolution { (output, input) } else { (input, output) };
            values[((a * of_second + b) * 4 + ky) * 4 + kx]
        };
        let bias: Vec<f32> = bias.to_vec1()?;
        let phases = if form == Form::Convolution { &Phase::ALL[..1] } else { &Phase::ALL };

        // For each number that a position sees, the place in its window and the input channel; `None` where it is padding.
        let mut numbers: Vec<Option<(usize, usize)>> = Vec::new();
        let mut chunks = Vec::new();
        for row in 0..form.window() {
            if seen.pixel < CHUNK {
                // Pixels so narrow that a chunk holds several: all of a row of the window, one after another.
                for column in 0..form.window() {
                    let channels =
                        (0..seen.pixel).map(|channel| (channel < seen.parts[0]).then_some(channel));
                    numbers.extend(channels.map(|c| c.map(|c| (row * form.window() + column, c))));
                }
                let length = form.window() * seen.pixel;
                chunks.extend((0..length).step_by(CHUNK).map(|from| (row, from)));
                continue;
            }
            for column in 0..form.window() {
                let (mut from, mut before) = (column * seen.pixel + seen.first, 0);
                for &part in &seen.parts {
                    for channel in 0..padded(part) {
                        numbers.push(
                            (channel < part).then_some((row * form.window() + column, before + channel)),
                        );
                    }
                    chunks.extend((0..padded(part)).step_by(CHUNK).map(|channel| (row, from + channel)));
                    from += padded(part);
                    before += part;
                }
            }
        }
        if chunks.iter().any(|&(_, from)| from >= FARTHEST) {
            bail!("a layer of {} channels is too wide for the kernels of the GPU", seen.pixel);
        }
        let mut chunks: Vec<_> = chunks.iter().map(|&(row, from)| (row << 20 | from) as i32).collect();
        chunks.resize(chunks.len().next_multiple_of(STEP), -1);
        numbers.resize(chunks.len() * CHUNK, None);

        let channels = phases.len() * width;
        let mut weights = Vec::with_capacity(channels.next_multiple_of(block) * numbers.len());
        for phase in phases {
            let taps = form.taps(*phase);
            for output in 0..width {
                weights.extend(numbers.iter().map(|number| match number {
                    Some((place, input)) if output < bias.len() => {
                        bf16::from_f32(at(output, *input, taps[*place])).to_bits()
                    }
                    _ => 0,
                }));
            }
        }
        weights.resize(channels.next_multiple_of(block) * numbers.len(), 0);
        let bias = (0..channels).map(|channel| bias.get(channel % width).copied().unwrap_or(0.0)).collect();
        Ok(Self { form, weights, bias, chunks, width, channels })
    }
}
