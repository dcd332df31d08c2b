//! Matrix products on one thread, for callers that share the work out themselves.
//!
//! candle's own product spreads over the whole thread pool and returns a fresh tensor; a convolution wants many small
//! products, each on its own thread and into memory that is still in its cache.

use candle_core::WithDType;

/// The numbers that networks are computed in: f32, and f64 where a test wants to see more digits.
pub(crate) trait Real: WithDType {}
impl Real for f32 {}
impl Real for f64 {}

/// A matrix in a slice: element `(row, column)` lies at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A matrix whose rows are each contiguous and begin `row_stride` elements apart.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Whether every element lies in the slice.
    fn fits(&self) -> bool {
        let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        self.rows == 0
            || self.columns == 0
            || last(self.rows, self.row_stride)
                .zip(last(self.columns, self.column_stride))
                .and_then(|(row, column)| row.checked_add(column))
                .is_some_and(|end| end < self.data.len())
    }
}

/// `out = left x right`, or `out += left x right` with `accumulate`; `out` is dense and row-major.
///
/// The order of additions depends on the shapes alone.
///
/// # Panics
/// If the shapes do not fit each other or a slice is too short.
pub(crate) fn multiply<T: Real>(left: Matrix<T>, right: Matrix<T>, out: &mut [T], accumulate: bool) {
    assert_eq!(left.columns, right.rows, "inner sides of a matrix product");
    assert!(left.fits() && right.fits() && left.rows.checked_mul(right.columns) == Some(out.len()));
    product(left, right, out, accumulate);
}

/// Hands a product, whose shapes have been checked, to `gemm`.
#[allow(unsafe_code)]
fn product<T: Real>(left: Matrix<T>, right: Matrix<T>, out: &mut [T], accumulate: bool) {
    // SAFETY: `multiply` has checked that every element of `left` and `right` lies in its slice and that `out` has
    // exactly as many elements as the product. `out` is borrowed mutably, so it overlaps neither input, and it is
    // dense, so no two elements of the product share a place. `Real` is implemented for f32 and f64 only, both of
    // which `gemm` takes; without `accumulate` it only writes to `out`.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            out.as_mut_ptr(),
            1,
            right.columns as isize,
            accumulate,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            T::one(),
            T::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let number = |i: usize| f64::from((i * 7919 % 1009) as u16) - 500.0;
        for (m, n, k) in [(1, 1, 1), (3, 5, 2), (17, 33, 9), (64, 70, 48), (5, 7, 0)] {
            let stride = k + 3;
            let left: Vec<f64> = (0..=m * stride).map(number).collect();
            let right: Vec<f64> = (0..=n * stride).map(|i| number(i + 31)).collect();
            let mut out = vec![1.0; m * n];
            let (a, b) = (Matrix::new(&left, m, k, stride), Matrix::new(&right, n, k, stride));
            multiply(a, b.transposed(), &mut out, true);
            for (at, value) in out.iter().enumerate() {
                let (row, column) = (at / n, at % n);
                let sum: f64 = (0..k).map(|i| left[row * stride + i] * right[column * stride + i]).sum();
                assert!((value - 1.0 - sum).abs() < 1e-6);
            }
        }
    }

    #[test]
    #[should_panic(expected = "left.fits()")]
    fn a_matrix_beyond_its_slice_is_refused() {
        multiply(Matrix::new(&[1.0_f32; 5], 2, 3, 3), Matrix::new(&[1.0; 6], 3, 2, 2), &mut [0.0; 4], false);
    }
}
