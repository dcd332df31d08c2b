//! Symmetric matrices, square and row by row.

/// The eigenvalues of a symmetric matrix of `n` rows, and its eigenvectors of length 1 in the rows of the second.
///
/// By cyclic Jacobi rotations (G. H. Golub and C. F. Van Loan, "Matrix computations", 4th edition, 2013, 8.5), which
/// take some ten sweeps of 6 n^3 operations: slower than tridiagonal methods, but short and accurate to the last
/// digits.
pub(crate) fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    const SWEEPS: usize = 50;
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let scale: f64 = a.iter().map(|v| v * v).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..n).flat_map(|i| (i + 1..n).map(move |j| i * n + j)).map(|at| a[at] * a[at]).sum();
        if off <= scale * f64::EPSILON * f64::EPSILON {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = a[p * n + q];
                if apq == 0.0 {
                    continue;
                }
                let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                let s = t * c;
                rotate_columns(&mut a, n, (p, q), (c, s));
                rotate_rows(&mut a, n, (p, q), (c, s));
                rotate_rows(&mut vectors, n, (p, q), (c, s));
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

fn rotate_columns(a: &mut [f64], n: usize, (p, q): (usize, usize), (c, s): (f64, f64)) {
    for row in a.chunks_exact_mut(n) {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
}

fn rotate_rows(a: &mut [f64], n: usize, (p, q): (usize, usize), (c, s): (f64, f64)) {
    let (head, tail) = a.split_at_mut(q * n);
    for (x, y) in head[p * n..][..n].iter_mut().zip(&mut tail[..n]) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second difference of n places has the eigenvalues 2 - 2 cos(k pi / (n + 1)).
    #[test]
    fn the_second_difference() {
        let n = 12usize;
        let matrix: Vec<f64> = (0..n * n)
            .map(|i| [2.0, -1.0].get((i / n).abs_diff(i % n)).copied().unwrap_or_default())
            .collect();
        let (values, vectors) = eigen(&matrix, n);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        for (k, value) in sorted.iter().enumerate() {
            let expected = 2.0 - 2.0 * ((k + 1) as f64 * std::f64::consts::PI / (n + 1) as f64).cos();
            assert!((value - expected).abs() < 1e-13, "{value} for {expected}");
        }
        for (value, vector) in values.iter().zip(vectors.chunks(n)) {
            for (row, component) in matrix.chunks(n).zip(vector) {
                let product: f64 = row.iter().zip(vector).map(|(a, b)| a * b).sum();
                assert!((product - value * component).abs() < 1e-13);
            }
            assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-13);
        }
    }

    #[test]
    fn what_needs_no_rotation() {
        assert_eq!(eigen(&[3.0, 0.0, 0.0, 3.0], 2), (vec![3.0; 2], vec![1.0, 0.0, 0.0, 1.0]));
        assert_eq!(eigen(&[0.0; 4], 2).0, [0.0; 2]);
        // Equal diagonals turn by 45 degrees.
        let (mut values, _) = eigen(&[1.0, 1.0, 1.0, 1.0], 2);
        values.sort_by(f64::total_cmp);
        assert!(values[0].abs() < 1e-15 && (values[1] - 2.0).abs() < 1e-15);
    }
}
