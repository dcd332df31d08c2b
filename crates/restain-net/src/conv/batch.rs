//! A batch in memory as the kernels read it: channels innermost, zeros around each image.

use rayon::prelude::*;

use super::window::Window;
use crate::cpu::Aligned;
use crate::transpose::transpose;
use crate::values::Real;

/// Images `[height + 2 p][width + 2 p][channels]` one below the other, with padding p. Each shares its rows of zeros with
/// the next. Rows are filled up to a multiple of the stride, so that positions of all rows lie equally far apart.
pub(crate) struct Batch<T> {
    memory: Aligned<T>,
    /// Words of a row, with the zeros at both its ends.
    row: usize,
}

impl<T: Real> Batch<T> {
    /// Turns a batch `[channels, images, height, width]` round. Behind it lie zeros that fill a vector of `lanes`.
    pub(crate) fn new(
        values: &[T],
        [channels, images, height, width]: [usize; 4],
        window: Window,
        lanes: usize,
    ) -> Self {
        let padding = window.padding;
        let row = (width + 2 * padding).next_multiple_of(window.stride) * channels;
        let length = row * (images * (height + padding) + padding);
        let mut memory = Aligned::zeros(length + lanes);
        let plane = images * height * width;
        memory.words_mut()[..length].par_chunks_exact_mut(row).enumerate().for_each(|(at, line)| {
            let (image, y) = (at / (height + padding), at % (height + padding));
            if y < padding || image == images {
                return; // zeros
            }
            let from = (image * height + y - padding) * width;
            let line = &mut line[padding * channels..][..width * channels];
            transpose(&values[from..], (channels, width, plane), line, channels);
        });
        Self { memory, row }
    }

    pub(crate) fn words(&self) -> &[T] {
        self.memory.words()
    }

    /// Words of a row, with the zeros at both its ends.
    pub(crate) fn row(&self) -> usize {
        self.row
    }
}
