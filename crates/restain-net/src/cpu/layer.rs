//! One layer: its work, shared out to threads.

use std::ops::Range;

use rayon::prelude::*;

use super::canvas::{Aligned, Canvas};
use super::kernel::{Call, Kernel, PIXELS, Run, widest_of};
use super::simd::Word;
use super::weights::Weights;
use crate::form::{Form, Phase};
use crate::need::Area;

/// Weights that are used together stay in a core's cache: bytes.
const CACHED: usize = 512 << 10;

/// Pieces a layer's work is cut into, so that every thread has some until the end.
const TASKS: usize = 32;

/// Positions of a piece below which its weights would be fetched for too little.
const POSITIONS: usize = 96;

/// The channels of an image that a layer reads or makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channels {
    /// The first word of a pixel.
    pub(super) word: usize,
    /// How many words.
    pub(super) words: usize,
}

/// Output channels that a kernel makes at once.
struct Panel<W> {
    phase: Phase,
    /// First word of the output's channels.
    word: usize,
    vectors: usize,
    weights: Aligned<W>,
    bias: Aligned<f32>,
}

/// A convolution with its bias and ReLU.
pub(super) struct Layer<K: Kernel> {
    form: Form,
    input: Channels,
    panels: Vec<Panel<K::Word>>,
}

/// The runs of words that a position sees of an image with rows of `row` words and pixels of `pixel` words.
fn runs(form: Form, input: Channels, row: usize, pixel: usize) -> Vec<Run> {
    let window = form.window();
    let mut runs: Vec<Run> = Vec::new();
    for i in 0..window * window {
        let start = i / window * row + i % window * pixel + input.word;
        match runs.last_mut() {
            Some(last) if last.start + last.length == start => last.length += input.words,
            _ => runs.push(Run { start, length: input.words, step: i * input.words }),
        }
    }
    runs
}

/// A pointer that threads share. Each of them writes elsewhere.
struct Shared<T>(*mut T);
#[allow(unsafe_code)]
// SAFETY: whoever dereferences it says why nobody else writes there.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

/// Part `index` of `range` cut into `parts`.
fn part(range: &Range<usize>, index: usize, parts: usize) -> Range<usize> {
    let cut = |i: usize| range.start + range.len() * i / parts;
    cut(index)..cut(index + 1)
}

/// Calls `work` with the rows and columns of each `PIXELS` positions of an area in turn; the last ones may repeat.
fn each_block(area: &Area, mut work: impl FnMut([(usize, usize); PIXELS])) {
    let (columns, count) = (area.columns.len(), area.pixels());
    for first in (0..count).step_by(PIXELS) {
        work(std::array::from_fn(|i| {
            let position = (first + i).min(count - 1);
            (area.rows.start + position / columns, area.columns.start + position % columns)
        }));
    }
}

impl<K: Kernel> Layer<K> {
    /// A layer that reads `input` of each pixel of an image, and writes its channels from word `output` on.
    pub(super) fn new(weights: &Weights, bias: &[f32], input: Channels, output: usize) -> Self {
        let phases = if weights.form == Form::Convolution { &Phase::ALL[..1] } else { &Phase::ALL };
        let vectors = bias.len().div_ceil(K::LANES);
        let mut panels = Vec::new();
        for &phase in phases {
            let mut first = 0;
            while first < vectors {
                // As many as there are registers for, of those left.
                let width = widest_of(K::WIDEST.min(vectors - first)).unwrap_or(1);
                let channels = first * K::LANES..(first + width) * K::LANES;
                let outputs: Vec<_> = channels
                    .clone()
                    .map(|channel| (channel < bias.len()).then_some((phase, channel)))
                    .collect();
                let bias: Vec<_> =
                    channels.map(|channel| bias.get(channel).copied().unwrap_or(0.0)).collect();
                panels.push(Panel {
                    phase,
                    word: output + first * K::LANES / K::Word::CHANNELS,
                    vectors: width,
                    weights: weights.pack(&outputs),
                    bias: Aligned::from_words(&bias),
                });
                first += width;
            }
        }
        Self { form: weights.form, input, panels }
    }

    /// Makes an area of the output.
    pub(super) fn run(&self, input: &Canvas<K::Word>, output: &mut Canvas<K::Word>, area: &Area) {
        let runs = runs(self.form, self.input, input.row(), input.words);
        // Panels whose weights stay in the cache together see the same input, so they share a piece of the work.
        let bytes = |panel: &Panel<K::Word>| size_of::<K::Word>() * panel.weights.len();
        let mut groups: Vec<&[Panel<K::Word>]> = Vec::new();
        let mut rest = &self.panels[..];
        while !rest.is_empty() {
            let mut sum = 0;
            let fits = rest.iter().take_while(|panel| {
                sum += bytes(panel);
                sum <= CACHED
            });
            let (group, after) = rest.split_at(fits.count().max(1));
            groups.push(group);
            rest = after;
        }
        let bands = TASKS.div_ceil(groups.len()).max(area.pixels() / 4096);
        let bands = bands.min(area.pixels().div_ceil(POSITIONS)).clamp(1, area.rows.len().max(1));
        let pointer = Shared(output.as_mut_ptr());
        let output: &Canvas<K::Word> = output;
        (0..groups.len() * bands).into_par_iter().for_each(|task| {
            for panel in groups[task / bands] {
                let positions = self.positions(panel.phase, area);
                let band =
                    Area { rows: part(&positions.rows, task % bands, bands), columns: positions.columns };
                self.convolve(panel, &runs, input, (output, pointer.get()), &band);
            }
        });
    }

    /// The positions that make an area of the output.
    fn positions(&self, phase: Phase, area: &Area) -> Area {
        let along = |range: &Range<usize>, phase: usize| match self.form {
            Form::Convolution => range.clone(),
            // Corner m makes pixel 2m - phase.
            Form::Transposed => (range.start + phase).div_ceil(2)..(range.end + phase).div_ceil(2),
        };
        Area { rows: along(&area.rows, phase.y), columns: along(&area.columns, phase.x) }
    }

    /// Makes the channels of a panel at some positions.
    #[allow(unsafe_code)]
    fn convolve(
        &self,
        panel: &Panel<K::Word>,
        runs: &[Run],
        input: &Canvas<K::Word>,
        (output, pointer): (&Canvas<K::Word>, *mut K::Word),
        band: &Area,
    ) {
        if band.pixels() == 0 {
            return;
        }
        // The pixel of the output a position makes, counted with the zeros around it.
        let place = |(y, x): (usize, usize)| match self.form {
            Form::Convolution => output.at(y + 1, x + 1),
            Form::Transposed => output.at(2 * y + 1 - panel.phase.y, 2 * x + 1 - panel.phase.x),
        };
        let (stride, window) = (self.form.stride(), self.form.window());
        let last = (band.rows.end - 1, band.columns.end - 1);
        let words = panel.vectors * K::LANES / K::Word::CHANNELS;
        let read = input.at(stride * last.0 + window - 1, stride * last.1 + window - 1) + input.words;
        assert!(read <= input.len() && self.input.word + self.input.words <= input.words);
        assert!(place(last) + output.words <= output.len() && panel.word + words <= output.words);
        let length: usize = runs.iter().map(|run| run.length).sum();
        assert!(panel.weights.len() >= length * panel.vectors * K::LANES);
        each_block(band, |positions| {
            let call = Call {
                input: input.as_ptr(),
                pixels: positions.map(|(y, x)| input.at(stride * y, stride * x)),
                runs,
                weights: panel.weights.as_ptr(),
                apart: 1,
                stride: panel.vectors * K::LANES,
                output: pointer,
                places: positions.map(|position| place(position) + panel.word),
            };
            // SAFETY: a `Layer` is made only for the kind of processor that is there (`cpu.rs`). The runs of a
            // position end within the window of input pixels it sees; that of the last position lies in the input,
            // and so do all before it. Likewise the last place is in the output, and the panel's words within a pixel.
            // Weights and bias are as long as the runs and the panel ask for, both asserted above or made so by
            // `new`. No two tasks write the same words: they differ in the panel, whose words or phase are its
            // own, or in the band, whose positions are.
            unsafe { K::relu(panel.vectors, &call, panel.bias.as_ptr()) };
        });
    }
}

/// The last layer: no ReLU, its few channels of all four phases side by side in one vector or more.
pub(super) struct LastLayer<K: Kernel> {
    input: Channels,
    channels: usize,
    /// One vector each.
    panels: Vec<Panel<K::Word>>,
}

impl<K: Kernel> LastLayer<K> {
    pub(super) fn new(weights: &Weights, bias: &[f32], input: Channels) -> Self {
        let channels = bias.len();
        let outputs: Vec<_> = Phase::ALL
            .iter()
            .flat_map(|phase| (0..channels).map(move |channel| Some((*phase, channel))))
            .collect();
        let panels = outputs.chunks(K::LANES).map(|outputs| {
            let mut outputs = outputs.to_vec();
            outputs.resize(K::LANES, None);
            let bias: Vec<_> =
                outputs.iter().map(|output| output.map_or(0.0, |(_, channel)| bias[channel])).collect();
            Panel {
                phase: Phase::default(),
                word: 0,
                vectors: 1,
                weights: weights.pack(&outputs),
                bias: Aligned::from_words(&bias),
            }
        });
        Self { input, channels, panels: panels.collect() }
    }

    /// Hands the sums of an area of the output to `finish`, row by row of corners: pixel, and its channels.
    ///
    /// `rows` are the rows of corners; those of the output that they make are `2 * start - 1 .. 2 * end - 1`.
    #[allow(unsafe_code)]
    pub(super) fn run(
        &self,
        input: &Canvas<K::Word>,
        area: &Area,
        rows: Range<usize>,
        mut finish: impl FnMut((usize, usize), &[f32]),
    ) {
        let columns = area.columns.start.div_ceil(2)..area.columns.end / 2 + 1;
        let corners = Area { rows, columns };
        if corners.pixels() == 0 {
            return;
        }
        let runs = runs(Form::Transposed, self.input, input.row(), input.words);
        let read = input.at(corners.rows.end, corners.columns.end) + input.words;
        assert!(read <= input.len() && self.input.word + self.input.words <= input.words);
        let length: usize = runs.iter().map(|run| run.length).sum();
        let lanes = self.panels.len() * K::LANES;
        let mut sums = vec![0.0; PIXELS * lanes];
        let mut seen = None;
        each_block(&corners, |positions| {
            for (sums, panel) in sums.chunks_exact_mut(K::LANES).zip(self.panels.iter().cycle()) {
                sums.copy_from_slice(&panel.bias.words()[..K::LANES]);
            }
            for (i, panel) in self.panels.iter().enumerate() {
                assert!(panel.weights.len() >= length * K::LANES);
                let call = Call {
                    input: input.as_ptr(),
                    pixels: positions.map(|(y, x)| input.at(y, x)),
                    runs: &runs,
                    weights: panel.weights.as_ptr(),
                    apart: 1,
                    stride: K::LANES,
                    output: sums.as_mut_ptr(),
                    places: std::array::from_fn(|pixel| pixel * lanes + i * K::LANES),
                };
                // SAFETY: as in `Layer::convolve`; the sums are this function's own and hold all lanes of all pixels.
                unsafe { K::add(1, &call) };
            }
            for ((y, x), sums) in positions.into_iter().zip(sums.chunks_exact(lanes)) {
                if seen == Some((y, x)) {
                    continue; // the last ones may repeat
                }
                seen = Some((y, x));
                for (phase, sums) in Phase::ALL.iter().zip(sums.chunks_exact(self.channels)) {
                    let (Some(row), Some(column)) =
                        ((2 * y).checked_sub(phase.y), (2 * x).checked_sub(phase.x))
                    else {
                        continue;
                    };
                    if area.rows.contains(&row) && area.columns.contains(&column) {
                        finish((row, column), sums);
                    }
                }
            }
        });
    }
}
