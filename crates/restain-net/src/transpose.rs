//! Rows and columns exchanged.

/// Side of the blocks that are exchanged in registers.
const BLOCK: usize = 4;

/// Writes a matrix of `rows` and `columns`, whose rows begin `stride` elements apart, column by column: each a row of
/// `to`, `to_stride` elements apart.
#[inline]
pub(crate) fn transpose<T: Copy>(
    from: &[T],
    (rows, columns, stride): (usize, usize, usize),
    to: &mut [T],
    to_stride: usize,
) {
    let whole = rows / BLOCK * BLOCK;
    for row in (0..whole).step_by(BLOCK) {
        let lines: [&[T]; BLOCK] = std::array::from_fn(|i| &from[(row + i) * stride..][..columns]);
        let blocks = lines.map(|line| line.as_chunks::<BLOCK>().0);
        for at in 0..columns / BLOCK {
            let block = blocks.map(|blocks| blocks[at]);
            for i in 0..BLOCK {
                let values = block.map(|line| line[i]);
                to[(at * BLOCK + i) * to_stride + row..][..BLOCK].copy_from_slice(&values);
            }
        }
        for column in columns / BLOCK * BLOCK..columns {
            to[column * to_stride + row..][..BLOCK].copy_from_slice(&lines.map(|line| line[column]));
        }
    }
    for row in whole..rows {
        for (column, value) in from[row * stride..][..columns].iter().enumerate() {
            to[column * to_stride + row] = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_finds_its_place() {
        for (rows, columns) in [(1, 1), (4, 4), (3, 9), (8, 5), (13, 16), (0, 3), (3, 0)] {
            let (stride, to_stride) = (columns + 2, rows + 1);
            let from: Vec<_> = (0..rows * stride).collect();
            let mut to = vec![usize::MAX; columns * to_stride];
            transpose(&from, (rows, columns, stride), &mut to, to_stride);
            for (at, value) in to.into_iter().enumerate() {
                let (column, row) = (at / to_stride, at % to_stride);
                assert_eq!(value, if row < rows { row * stride + column } else { usize::MAX });
            }
        }
    }
}
