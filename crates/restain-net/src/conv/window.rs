//! Convolutions with any kernel, stride and padding: their shapes, and where each tap falls.

use std::ops::Range;

use candle_core::{Result, Shape, bail};

/// What a convolution or a pooling sees of each side of an image: `kernel` pixels at every position, positions `stride`
/// pixels apart, the first `padding` pixels outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl Window {
    /// What the convolutions of G and D see: where the sides are even, they halve them.
    pub(crate) const HALVING: Self = Self { kernel: 4, stride: 2, padding: 1 };

    /// How many positions a side of an image has.
    pub(crate) fn positions(self, side: usize) -> usize {
        (side + 2 * self.padding).checked_sub(self.kernel).map_or(0, |room| room / self.stride + 1)
    }

    /// The positions at which a tap falls inside a side of an image, not into its padding, and the pixel that the first
    /// of them sees.
    pub(crate) fn inside(self, tap: usize, side: usize) -> (Range<usize>, usize) {
        let first = self.padding.saturating_sub(tap).div_ceil(self.stride);
        let end = (side + self.padding).saturating_sub(tap).div_ceil(self.stride).min(self.positions(side));
        if first < end { (first..end, first * self.stride + tap - self.padding) } else { (0..0, 0) }
    }

    /// Taps of the kernel, over both sides.
    pub(crate) fn taps(self) -> usize {
        self.kernel * self.kernel
    }
}

/// A convolution of images `[inputs, images, height, width]` to `[outputs, images, rows, columns]`, with weights
/// `[outputs, inputs, kernel, kernel]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sliding {
    pub(crate) window: Window,
    pub(crate) images: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Positions down an image.
    pub(crate) rows: usize,
    /// Positions across an image.
    pub(crate) columns: usize,
}

impl Sliding {
    /// From the shapes of images and weights.
    ///
    /// # Errors
    /// If they do not fit, or an image is smaller than the window.
    pub(crate) fn new(window: Window, image: &Shape, weight: &Shape) -> Result<Self> {
        let (inputs, images, height, width) = image.dims4()?;
        let (outputs, channels, down, across) = weight.dims4()?;
        let kernel = window.kernel;
        if (down, across) != (kernel, kernel) {
            bail!("a {kernel} x {kernel} kernel is needed, the weights are {weight:?}")
        }
        if channels != inputs {
            bail!("the weights take {channels} channels, the image has {inputs}")
        }
        let (rows, columns) = (window.positions(height), window.positions(width));
        let g = Self { window, images, inputs, outputs, height, width, rows, columns };
        if g.input_plane() * g.output_plane() * inputs * outputs == 0 {
            bail!("a convolution of nothing: {g:?}")
        }
        Ok(g)
    }

    /// Whether it is one of those of G and D, to half of each side.
    pub(crate) fn halves(&self) -> bool {
        self.window == Window::HALVING && (self.height, self.width) == (2 * self.rows, 2 * self.columns)
    }

    pub(crate) fn input_shape(&self) -> Shape {
        (self.inputs, self.images, self.height, self.width).into()
    }

    pub(crate) fn output_shape(&self) -> Shape {
        (self.outputs, self.images, self.rows, self.columns).into()
    }

    pub(crate) fn weight_shape(&self) -> Shape {
        (self.outputs, self.inputs, self.window.kernel, self.window.kernel).into()
    }

    /// Pixels of an input channel over the whole batch.
    pub(crate) fn input_plane(&self) -> usize {
        self.images * self.height * self.width
    }

    /// Rows of positions of the whole batch: row `r` is row `r % rows` of image `r / rows`.
    pub(crate) fn all_rows(&self) -> usize {
        self.images * self.rows
    }

    /// Positions of the whole batch, the elements of an output channel.
    pub(crate) fn output_plane(&self) -> usize {
        self.all_rows() * self.columns
    }

    /// How many rows hold about so many positions; at least 1.
    pub(crate) fn rows_of(&self, positions: usize) -> usize {
        (positions / self.columns).clamp(1, self.all_rows())
    }

    /// The rows of positions that see some rows of pixels, both counted over the whole batch.
    pub(crate) fn seeing(&self, pixels: &Range<usize>) -> Range<usize> {
        let Window { kernel, stride, padding } = self.window;
        let (first, last) = (pixels.start, pixels.end - 1);
        let start = (first % self.height + padding + 1).saturating_sub(kernel).div_ceil(stride);
        let end = (last % self.height + padding) / stride + 1;
        let [start, end] = [(first, start), (last, end)]
            .map(|(pixel, row)| pixel / self.height * self.rows + row.min(self.rows));
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: [(usize, usize, usize); 7] =
        [(7, 2, 3), (3, 1, 1), (3, 2, 1), (1, 1, 0), (1, 2, 0), (2, 3, 0), (4, 2, 1)];

    #[test]
    fn taps_fall_where_the_definition_says() {
        for (kernel, stride, padding) in WINDOWS {
            let window = Window { kernel, stride, padding };
            for side in 1..20 {
                // Positions whose window ends within the padding.
                let ends = (0..side + padding).filter(|at| at * stride + kernel <= side + 2 * padding);
                assert_eq!(window.positions(side), ends.count(), "{window:?} on {side}");
                for tap in 0..kernel {
                    let pixel = |at: usize| (at * stride + tap).checked_sub(padding).filter(|x| *x < side);
                    let expected: Vec<_> =
                        (0..window.positions(side)).filter(|at| pixel(*at).is_some()).collect();
                    let (positions, first) = window.inside(tap, side);
                    assert_eq!(positions.clone().collect::<Vec<_>>(), expected, "{window:?} on {side}");
                    assert!(positions.is_empty() || pixel(positions.start) == Some(first));
                }
            }
        }
    }

    #[test]
    fn rows_are_seen_where_a_tap_says() {
        for (kernel, stride, padding) in WINDOWS {
            for height in kernel.saturating_sub(2 * padding).max(1)..12 {
                let window = Window { kernel, stride, padding };
                let shapes = ((1, 3, height, 8).into(), (1, 1, kernel, kernel).into());
                let g = Sliding::new(window, &shapes.0, &shapes.1).unwrap();
                let sees = |row: usize, pixel: usize| {
                    row / g.rows == pixel / height
                        && (0..kernel).any(|tap| row % g.rows * stride + tap == pixel % height + padding)
                };
                for start in 0..3 * height {
                    for end in start + 1..=3 * height {
                        let seeing = g.seeing(&(start..end));
                        // None is missing, and the outermost do see some.
                        for row in 0..g.all_rows() {
                            let sees = (start..end).any(|pixel| sees(row, pixel));
                            let outermost = row == seeing.start || row + 1 == seeing.end;
                            assert!(seeing.contains(&row) || !sees, "{g:?}, {start}..{end}");
                            assert!(!(seeing.contains(&row) && outermost) || sees, "{g:?}, {start}..{end}");
                        }
                    }
                }
            }
        }
    }
}
