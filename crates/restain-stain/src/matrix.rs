//! Matrices of three rows and columns, as rows.

pub(crate) type Matrix = [[f64; 3]; 3];

pub(crate) const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn apply(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| dot(row, vector))
}

fn cross(u: [f64; 3], v: [f64; 3]) -> [f64; 3] {
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

pub(crate) fn determinant([a, b, c]: &Matrix) -> f64 {
    dot(*a, cross(*b, *c))
}

/// The inverse by cofactors, or `None` of a singular matrix.
pub(crate) fn inverse(matrix: &Matrix) -> Option<Matrix> {
    let [a, b, c] = *matrix;
    let columns = [cross(b, c), cross(c, a), cross(a, b)];
    let determinant = determinant(matrix);
    (determinant.abs() > f64::MIN_POSITIVE)
        .then(|| std::array::from_fn(|i| std::array::from_fn(|j| columns[j][i] / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inverse of this one is in whole numbers.
    #[test]
    fn the_inverse() {
        let matrix = [[1.0, 2.0, 3.0], [0.0, 1.0, 4.0], [5.0, 6.0, 0.0]];
        let expected = [[-24.0, 18.0, 5.0], [20.0, -15.0, -4.0], [-5.0, 4.0, 1.0]];
        assert_eq!(inverse(&matrix), Some(expected));
        assert_eq!(inverse(&[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 0.0]]), None);
        assert_eq!(Some(apply(&matrix, [1.0, 10.0, 100.0])), Some([321.0, 410.0, 65.0]));
    }
}
