//! The weights of a layer in the order in which a kernel reads them.

use candle_core::Tensor;

use super::canvas::Aligned;
use super::simd::Word;
use crate::form::{Form, Phase};

/// The weights of a layer, `[out, in, 4, 4]` or `[in, out, 4, 4]`, and where its input channels lie.
pub(super) struct Weights {
    values: Vec<f32>,
    dims: [usize; 4],
    pub(super) form: Form,
    /// For each channel that the kernel reads, the input channel there; `None` where there is only padding.
    inputs: Vec<Option<usize>>,
}

impl Weights {
    /// Takes weights whose input channels lie in `parts`, of so many channels each, each padded to `lanes`.
    pub(super) fn new(
        weight: &Tensor,
        form: Form,
        parts: &[usize],
        lanes: usize,
    ) -> candle_core::Result<Self> {
        let (a, b, c, d) = weight.dims4()?;
        let mut inputs = Vec::new();
        let mut first = 0;
        for &count in parts {
            inputs.extend((first..first + count).map(Some));
            inputs.resize(inputs.len().next_multiple_of(lanes), None);
            first += count;
        }
        Ok(Self { values: weight.flatten_all()?.to_vec1()?, dims: [a, b, c, d], form, inputs })
    }

    /// Words a pixel's channels take.
    pub(super) fn words<W: Word>(&self) -> usize {
        self.inputs.len() / W::CHANNELS
    }

    fn at(&self, output: usize, input: usize, (ky, kx): (usize, usize)) -> f32 {
        let [a, b] = match self.form {
            Form::Convolution => [output, input],
            Form::Transposed => [input, output],
        };
        self.values[((a * self.dims[1] + b) * 4 + ky) * 4 + kx]
    }

    /// The words that a kernel reads one after another for some outputs, each the phase it belongs to and its channel,
    /// or nothing: for each word of the window, one word an output.
    pub(super) fn pack<W: Word<Value = f32>>(&self, outputs: &[Option<(Phase, usize)>]) -> Aligned<W> {
        let taps: Vec<_> =
            outputs.iter().map(|output| output.map(|(phase, _)| self.form.taps(phase))).collect();
        let mut words = Vec::new();
        for tap in 0..self.form.window().pow(2) {
            for inputs in self.inputs.chunks(W::CHANNELS) {
                for (output, taps) in outputs.iter().zip(&taps) {
                    let value = |input: &Option<usize>| match (output, taps, input) {
                        (Some((_, output)), Some(taps), Some(input)) => self.at(*output, *input, taps[tap]),
                        _ => 0.0,
                    };
                    words.push(W::of(&inputs.iter().map(value).collect::<Vec<_>>()));
                }
            }
        }
        Aligned::from_words(&words)
    }
}
