//! Images in memory while G runs.

use rayon::prelude::*;

use super::simd::Word;

/// Words that fill a cache line, or two of f64: what starts a vector of memory on a 64-byte boundary.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line<W>([W; WORDS]);

/// Words of a line: of four bytes, as many as fill 64.
const WORDS: usize = 16;

/// Words in memory from a 64-byte boundary on.
#[derive(Clone, Default)]
pub(crate) struct Aligned<W>(Vec<Line<W>>);

impl<W: Word> Aligned<W> {
    pub(super) fn from_words(words: &[W]) -> Self {
        let mut aligned = Self::zeros(words.len());
        aligned.words_mut()[..words.len()].copy_from_slice(words);
        aligned
    }

    /// So many zeros, and those that fill the last line.
    pub(crate) fn zeros(words: usize) -> Self {
        Self(vec![Line::default(); words.div_ceil(WORDS)])
    }

    /// Makes room for so many words; what is there keeps its place.
    pub(crate) fn grow(&mut self, words: usize) {
        let lines = words.div_ceil(WORDS);
        if lines > self.0.len() {
            self.0.reserve_exact(lines - self.0.len());
            self.0.resize(lines, Line::default());
        }
    }

    /// How many words there are, those that fill the last line too.
    pub(super) fn len(&self) -> usize {
        WORDS * self.0.len()
    }

    pub(super) fn as_ptr(&self) -> *const W {
        self.0.as_ptr().cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut W {
        self.0.as_mut_ptr().cast()
    }

    #[allow(unsafe_code)]
    pub(crate) fn words(&self) -> &[W] {
        // SAFETY: as in `words_mut`; shared as long as the result.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    #[allow(unsafe_code)]
    pub(crate) fn words_mut(&mut self) -> &mut [W] {
        // SAFETY: a line is `WORDS` words and nothing else, so the lines are as many words without gaps;
        // they are borrowed mutably as long as the result.
        const { assert!(size_of::<Line<W>>() == WORDS * size_of::<W>()) };
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), self.len()) }
    }
}

/// An image `[height + 2][width + 2][words]`: its channels side by side, and a pixel of zeros around it, as a
/// convolution with padding 1 sees it.
#[derive(Clone, Default)]
pub(super) struct Canvas<W> {
    memory: Aligned<W>,
    /// Words of a pixel.
    pub(super) words: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl<W: Word> Canvas<W> {
    pub(super) fn new(words: usize) -> Self {
        Self { memory: Aligned::default(), words, height: 0, width: 0 }
    }

    /// Gives it another size. The zeros around it are there; inside lies anything.
    pub(super) fn shape(&mut self, height: usize, width: usize) {
        if (height, width) == (self.height, self.width) {
            return;
        }
        (self.height, self.width) = (height, width);
        let (row, words) = (self.row(), self.words);
        self.memory.grow(self.len());
        let length = self.len();
        let rows = self.memory.words_mut()[..length].chunks_exact_mut(row);
        for (y, row) in rows.enumerate() {
            let inside = if y == 0 || y == height + 1 { row.len() } else { words };
            row[..inside].fill(W::default());
            let right = row.len() - words;
            row[right..].fill(W::default());
        }
    }

    /// Words of a row, with the zeros at both its ends.
    pub(super) fn row(&self) -> usize {
        (self.width + 2) * self.words
    }

    /// Words of the whole image, with the zeros around it.
    pub(super) fn len(&self) -> usize {
        self.row() * (self.height + 2)
    }

    /// The first word of a pixel, counted with the zeros: `(1, 1)` is the image's first.
    pub(super) fn at(&self, y: usize, x: usize) -> usize {
        y * self.row() + x * self.words
    }

    pub(super) fn as_ptr(&self) -> *const W {
        self.memory.as_ptr()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut W {
        self.memory.as_mut_ptr()
    }

    /// The rows of the image, without the zeros.
    pub(super) fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [W]> {
        let (row, words, length) = (self.row(), self.words, self.len());
        let inside = &mut self.memory.words_mut()[row..length - row];
        inside.par_chunks_exact_mut(row).map(move |line| &mut line[words..row - words])
    }
}
