//! A batch in memory as the kernels read it: channels innermost, zeros around each image.

use rayon::prelude::*;

use crate::cpu::Aligned;
use crate::transpose::transpose;
use crate::values::Real;

/// Images `[height + 2][width + 2][channels]` one below the other. Each shares a row of zeros with the next.
pub(crate) struct Batch<T> {
    memory: Aligned<T>,
    /// Words of a row, with the zeros at both its ends.
    row: usize,
}

impl<T: Real> Batch<T> {
    /// Turns a batch `[channels, images, height, width]` round. Behind it lie zeros that fill a vector of `lanes`.
    pub(crate) fn new(values: &[T], [channels, images, height, width]: [usize; 4], lanes: usize) -> Self {
        let row = (width + 2) * channels;
        let length = row * (images * (height + 1) + 1);
        let mut memory = Aligned::zeros(length + lanes);
        let plane = images * height * width;
        memory.words_mut()[..length].par_chunks_exact_mut(row).enumerate().for_each(|(at, line)| {
            let (image, y) = (at / (height + 1), at % (height + 1));
            if y == 0 {
                return; // zeros
            }
            let from = (image * height + y - 1) * width;
            let line = &mut line[channels..row - channels];
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
