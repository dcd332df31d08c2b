//! The two forms of a layer, and its weights in the order in which a kernel reads them.

use candle_core::Tensor;

use super::canvas::Aligned;
use super::simd::Word;

/// Which of the two convolutions, k4 s2 p1 both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Each position is a pixel of the output and sees 4x4 pixels of the input.
    Convolution,
    /// Each position is a corner between pixels of the input and sees the 2x2 around it. It makes the four pixels of
    /// the output there, one a phase; [`Phase`] says which.
    Transposed,
}

/// Of the pixels that a transposed convolution makes at a corner, the one to the right (`x` 0) or left (1) of it, and
/// below (`y` 0) or above (1): the corner `m` makes rows `2m` and `2m - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) y: usize,
    pub(super) x: usize,
}

impl Phase {
    /// In the order in which the last layer has them.
    pub(super) const ALL: [Self; 4] =
        [Self { y: 0, x: 0 }, Self { y: 0, x: 1 }, Self { y: 1, x: 0 }, Self { y: 1, x: 1 }];
}

impl Form {
    /// The taps of the kernel that a position's window lies under, row by row.
    fn taps(self, phase: Phase) -> Vec<(usize, usize)> {
        match self {
            Self::Convolution => (0..16).map(|tap| (tap / 4, tap % 4)).collect(),
            // The upper and left pixel of the four has the later tap.
            Self::Transposed => {
                (0..4).map(|i| (3 - 2 * (i / 2) - phase.y, 3 - 2 * (i % 2) - phase.x)).collect()
            }
        }
    }

    /// Side of the window that a position sees, in pixels.
    pub(super) fn window(self) -> usize {
        match self {
            Self::Convolution => 4,
            Self::Transposed => 2,
        }
    }

    /// Pixels of the input from one position to the next.
    pub(super) fn stride(self) -> usize {
        match self {
            Self::Convolution => 2,
            Self::Transposed => 1,
        }
    }
}

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
