//! Matrix products on one thread, for callers that share the work out themselves, on the kernels of inference.
//!
//! A convolution wants many small products, each on its own thread and with memory that is still in its cache. The left
//! matrix stands where pixels do in inference, the right one where weights do: neither is packed.

use crate::cpu::{PIXELS, Run, Runs, Sums};
use crate::values::Real;

/// Inner side of a product that is made at a time: so much of four vectors of the right matrix stays in a core's cache.
const DEPTH: usize = 1024;

/// A matrix in a slice: element `(row, column)` lies at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

/// `out += left x right`; `right` and `out` have rows of `stride` elements, of which as many whole vectors are used as
/// hold `columns`.
///
/// The order of additions depends on the inner side alone.
///
/// # Panics
/// If a slice is too short.
pub(crate) fn multiply<T: Real>(
    sums: &Sums<T>,
    left: Matrix<T>,
    right: &[T],
    columns: usize,
    stride: usize,
    out: &mut [T],
) {
    for first in (0..left.columns).step_by(DEPTH) {
        let length = DEPTH.min(left.columns - first);
        let runs = Runs::new(vec![Run { start: 0, length, step: 0 }], left.column_stride);
        let data = &left.data[first * left.column_stride..];
        for (vector, vectors) in sums.widths(columns.div_ceil(sums.lanes)) {
            let column = vector * sums.lanes;
            for row in (0..left.rows).step_by(PIXELS) {
                let rows: [_; PIXELS] = std::array::from_fn(|i| (row + i).min(left.rows - 1));
                sums.add(
                    vectors,
                    (data, rows.map(|row| row * left.row_stride), &runs),
                    (&right[first * stride + column..], stride),
                    (out, rows.map(|row| row * stride + column)),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let sums = f64::sums();
        let number = |i: usize| f64::from((i * 7919 % 1009) as u16) - 500.0;
        for (m, n, k) in [(1_usize, 1_usize, 1), (3, 5, 2), (17, 33, 9), (64, 70, 1500), (5, 7, 0)] {
            let stride = n.next_multiple_of(sums.lanes) + sums.lanes;
            let left: Vec<f64> = (0..2 * m * k).map(number).collect();
            let right: Vec<f64> = (0..k * stride).map(|i| number(i + 31)).collect();
            for (row_stride, column_stride) in [(2 * k, 2), (1, m)] {
                let mut out = vec![1.0; m * stride];
                let matrix = Matrix { data: &left, rows: m, columns: k, row_stride, column_stride };
                multiply(&sums, matrix, &right, n, stride, &mut out);
                for (row, column) in (0..m * n).map(|at| (at / n, at % n)) {
                    let element = |i: usize| left[row * row_stride + i * column_stride];
                    let sum: f64 = (0..k).map(|i| element(i) * right[i * stride + column]).sum();
                    assert!((out[row * stride + column] - 1.0 - sum).abs() < 1e-6);
                }
            }
        }
    }
}
