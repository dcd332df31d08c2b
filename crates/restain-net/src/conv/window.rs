//! Convolutions with any kernel, stride and padding: their shapes, and where each tap falls.

use std::ops::Range;

/// What a convolution or a pooling sees of each side of an image: `kernel` pixels at every position, positions `stride`
/// pixels apart, the first `padding` pixels outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl Window {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_fall_where_the_definition_says() {
        for (kernel, stride, padding) in [(7, 2, 3), (3, 1, 1), (3, 2, 1), (1, 1, 0), (1, 2, 0), (4, 2, 1)] {
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
}
