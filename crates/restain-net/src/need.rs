//! Which pixels of each image are needed, so that a core of the output comes out right.
//!
//! A tile's window is larger than its core by a halo, which only the deep layers need whole: the last ones see a few
//! pixels beyond the core. So each layer works on what the layers after it will read, and on nothing else.

use std::ops::Range;

use crate::generator::DEPTH;

/// Rows and columns of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Rows, counted from the top.
    pub rows: Range<usize>,
    /// Columns, counted from the left.
    pub columns: Range<usize>,
}

impl Area {
    /// All of an image.
    pub fn whole(height: usize, width: usize) -> Self {
        Self { rows: 0..height, columns: 0..width }
    }

    /// Pixels of the area.
    pub fn pixels(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn map(&self, (height, width): (usize, usize), f: impl Fn(&Range<usize>, usize) -> Range<usize>) -> Self {
        Self { rows: f(&self.rows, height), columns: f(&self.columns, width) }
    }

    /// What a convolution k4 s2 p1 sees of its input, `size`, to make this area of its output: from row 2i - 1 to
    /// row 2i + 2 for row i.
    fn before_convolution(&self, size: (usize, usize)) -> Self {
        self.map(size, |range, end| (2 * range.start).saturating_sub(1)..(2 * range.end + 1).min(end))
    }

    /// What a transposed convolution k4 s2 p1 sees of its input: rows i - 1 and i for row 2i, i and i + 1 for 2i + 1.
    fn before_transposed(&self, size: (usize, usize)) -> Self {
        self.map(size, |range, end| range.start.saturating_sub(1) / 2..(range.end / 2 + 1).min(end))
    }

    /// The smallest area that holds both.
    pub(crate) fn join(&self, other: &Self) -> Self {
        let join = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Self { rows: join(&self.rows, &other.rows), columns: join(&self.columns, &other.columns) }
    }
}

/// The areas that each layer is to make.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// Of the encoder's layers, from the outermost.
    pub(crate) down: [Area; DEPTH],
    /// Of the decoder's layers but the last, from the outermost.
    pub(crate) up: [Area; DEPTH - 1],
}

impl Need {
    /// For the area `core` of an output of `height` x `width` pixels.
    pub(crate) fn of(core: &Area, height: usize, width: usize) -> Self {
        let size = |level: usize| (height >> (level + 1), width >> (level + 1));
        // What the decoder reads at each level, from the outermost to the bottom.
        let mut read: [Area; DEPTH] = std::array::from_fn(|_| core.clone());
        read[0] = core.before_transposed(size(0));
        for level in 1..DEPTH {
            read[level] = read[level - 1].before_transposed(size(level));
        }
        // The encoder makes what the decoder reads and what its own next layer does.
        let mut down = read.clone();
        for level in (0..DEPTH - 1).rev() {
            down[level] = read[level].join(&down[level + 1].before_convolution(size(level)));
        }
        let up = std::array::from_fn(|level| read[level].clone());
        Self { down, up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receptive::field;

    /// The encoder's first layer must make what the receptive field says, and the bottom what lies between.
    #[test]
    fn needs_follow_the_receptive_field() {
        let side = 1024;
        for core in [256..512, 300..301, 511..770, 0..1024] {
            let area = Area { rows: core.clone(), columns: 0..side };
            let need = Need::of(&area, side, side);
            let first = (core.start as i64..core.end as i64).map(|row| field(row).0).min().unwrap();
            let last = (core.start as i64..core.end as i64).map(|row| field(row).1).max().unwrap();
            let seen = need.down[0].before_convolution((side, side));
            assert_eq!(seen.rows, first.max(0) as usize..(last + 1).min(side as i64) as usize);
            assert_eq!(seen.columns, 0..side);
            for level in 0..DEPTH - 1 {
                assert!(need.up[level].rows.start >= need.down[level].rows.start);
                assert!(need.up[level].rows.end <= need.down[level].rows.end);
            }
        }
    }
}
