//! Matrix products as cuBLAS takes them.
//!
//! Matrices here are row-major: element `(row, column)` lies at `row * stride + column`. cuBLAS is column-major:
//! element `(row, column)` lies at `row + column * leading dimension`. So the same memory is, for cuBLAS, the transposed
//! matrix, with the stride as leading dimension. `out = left x right` is `out^T = right^T x left^T`; hence the right
//! factor is cuBLAS's A, the left one its B, and neither needs to be transposed where it is not here.

use candle_core::{Result, bail};

/// A row-major matrix in a machine's memory, perhaps used transposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    at: *const f32,
    /// As it lies in memory.
    rows: usize,
    columns: usize,
    stride: usize,
    transposed: bool,
}

impl Matrix {
    /// A matrix whose rows begin `stride` numbers apart.
    pub(crate) fn new(at: *const f32, rows: usize, columns: usize, stride: usize) -> Self {
        Self { at, rows, columns, stride, transposed: false }
    }

    /// The same memory with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns as it is used.
    fn shape(&self) -> (usize, usize) {
        if self.transposed { (self.columns, self.rows) } else { (self.rows, self.columns) }
    }
}

/// The arguments of `cublasGemmEx`: `C[m, n] = op(A)[m, k] op(B)[k, n] + beta C`, all column-major.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) transpose_a: bool,
    pub(crate) transpose_b: bool,
    pub(crate) m: i32,
    pub(crate) n: i32,
    pub(crate) k: i32,
    pub(crate) a: *const f32,
    pub(crate) lda: i32,
    pub(crate) b: *const f32,
    pub(crate) ldb: i32,
    pub(crate) beta: f32,
    pub(crate) c: *mut f32,
    pub(crate) ldc: i32,
}

impl Product {
    /// `out = left x right`, or `out += left x right` with `accumulate`; the rows of `out` begin `stride` numbers apart.
    ///
    /// # Errors
    /// If the inner sides differ, a row is longer than its stride, or a side is beyond 2^31.
    pub(crate) fn new(
        left: Matrix,
        right: Matrix,
        out: *mut f32,
        stride: usize,
        accumulate: bool,
    ) -> Result<Self> {
        let ((rows, inner), (inner_of_right, columns)) = (left.shape(), right.shape());
        let fits = left.columns <= left.stride && right.columns <= right.stride && columns <= stride;
        if inner != inner_of_right || !fits {
            bail!("a product that is none: {left:?} x {right:?} into rows {stride} apart")
        }
        let int = |value: usize| match i32::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => bail!("a matrix of 2^31 rows or columns is beyond cuBLAS; use a smaller batch"),
        };
        Ok(Self {
            transpose_a: right.transposed,
            transpose_b: left.transposed,
            m: int(columns)?,
            n: int(rows)?,
            k: int(inner)?,
            a: right.at,
            lda: int(right.stride)?,
            b: left.at,
            ldb: int(left.stride)?,
            beta: if accumulate { 1.0 } else { 0.0 },
            c: out,
            ldc: int(stride)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::super::emulated::{Memory, assert_close, elements, emulate, random};
    use super::*;
    use candle_core::Tensor;

    /// A row-major matrix with a gap after each row, and its memory.
    fn spread(matrix: &Tensor, gap: usize) -> (Memory, usize, usize, usize) {
        let (rows, columns) = matrix.dims2().unwrap();
        let gap = vec![f32::NAN; gap];
        let rows_of: Vec<f32> =
            elements(matrix).chunks(columns).flat_map(|row| [row, &gap].concat()).collect();
        (Memory::of(&rows_of), rows, columns, columns + gap.len())
    }

    #[test]
    fn cublas_is_asked_for_the_product_that_is_meant() {
        for (m, n, k) in [(1, 1, 1), (2, 3, 4), (5, 2, 1), (1, 7, 3), (6, 1, 5)] {
            for transposes in 0..4 {
                let (left_t, right_t) = (transposes & 1 == 1, transposes & 2 == 2);
                let left = random(if left_t { (k, m) } else { (m, k) });
                let right = random(if right_t { (n, k) } else { (k, n) });
                let used = |matrix: &Tensor, transposed: bool| {
                    if transposed { matrix.t().unwrap() } else { matrix.clone() }
                };
                let truth = used(&left, left_t).contiguous().unwrap();
                let truth = truth.matmul(&used(&right, right_t).contiguous().unwrap()).unwrap();
                for accumulate in [false, true] {
                    let start = if accumulate { 1.0_f32 } else { f32::NAN };
                    let gap = 3; // beside the rows of all three
                    let results = emulate(|machine| {
                        let matrix = |(memory, rows, columns, stride): &mut (Memory, _, _, _), transposed| {
                            let matrix = Matrix::new(memory.at(), *rows, *columns, *stride);
                            if transposed { matrix.transposed() } else { matrix }
                        };
                        let (mut left, mut right) = (spread(&left, gap), spread(&right, gap));
                        let (left, right) = (matrix(&mut left, left_t), matrix(&mut right, right_t));
                        let mut out = Memory::of(&vec![start; m * (n + gap)]);
                        let product = Product::new(left, right, out.at(), n + gap, accumulate).unwrap();
                        // SAFETY: the matrices lie in their memory with those strides.
                        unsafe { machine.multiply(&product).unwrap() };
                        vec![out]
                    });
                    let dense: Vec<f32> =
                        results[0].numbers().chunks(n + gap).flat_map(|row| row[..n].to_vec()).collect();
                    let beside = results[0].numbers().chunks(n + gap).flat_map(|row| &row[n..]);
                    assert!(beside.into_iter().all(|&value| value.to_bits() == start.to_bits()));
                    let truth = (&truth + if accumulate { 1.0 } else { 0.0 }).unwrap();
                    assert_close(&Memory::of(&dense), &truth, 1e-6);
                }
            }
        }
    }

    #[test]
    fn what_is_no_product_is_refused() {
        let matrix = |rows, columns, stride| Matrix::new(std::ptr::null(), rows, columns, stride);
        let product = |left, right, stride| Product::new(left, right, std::ptr::null_mut(), stride, false);
        assert!(product(matrix(2, 3, 3), matrix(3, 4, 4), 4).is_ok());
        assert!(product(matrix(2, 3, 3), matrix(2, 4, 4), 4).is_err());
        assert!(product(matrix(2, 3, 2), matrix(3, 4, 4), 4).is_err());
        assert!(product(matrix(2, 3, 3), matrix(3, 4, 4), 3).is_err());
        assert!(product(matrix(2, 3, 3), matrix(3, 1 << 31, 1 << 31), 1 << 31).is_err());
    }
}
