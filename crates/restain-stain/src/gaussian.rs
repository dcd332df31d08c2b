//! Mean and covariance of feature vectors that come one by one.

use crate::lab;

/// The normal distribution of feature vectors: their mean and covariance.
///
/// ```
/// use restain_stain::gaussian::Gaussian;
///
/// let mut gaussian = Gaussian::new(2);
/// for vector in [[1.0, 0.0], [3.0, 4.0]] {
///     gaussian.add(&vector);
/// }
/// assert_eq!((gaussian.mean(), gaussian.covariance()), (&[2.0, 2.0][..], Some(vec![1.0, 2.0, 2.0, 4.0])));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    vectors: u64,
    mean: Vec<f64>,
    /// The sum of the products of deviations from the mean, row by row.
    products: Vec<f64>,
}

impl Gaussian {
    /// No vectors yet, of `dimension` values each.
    pub fn new(dimension: usize) -> Self {
        Self { vectors: 0, mean: vec![0.0; dimension], products: vec![0.0; dimension * dimension] }
    }

    /// Adds a vector (B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
    /// Technometrics 4 (1962), 419-420: no digits are lost however far the mean is from 0).
    ///
    /// # Panics
    /// If the vector is of another dimension.
    pub fn add(&mut self, vector: &[f64]) {
        assert_eq!(vector.len(), self.dimension(), "a vector of the Gaussian's dimension");
        self.vectors += 1;
        let before: Vec<f64> = vector.iter().zip(&self.mean).map(|(value, mean)| value - mean).collect();
        let count = self.vectors as f64;
        for (mean, deviation) in self.mean.iter_mut().zip(&before) {
            *mean += deviation / count;
        }
        self.add_products(&before, (count - 1.0) / count);
    }

    /// Adds the colours of interleaved RGB pixels, in levels 0..=255.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels, or the dimension not 3.
    pub fn add_rgb(&mut self, rgb: &[u8]) {
        self.add_pixels(rgb, |pixel| pixel.map(f64::from));
    }

    /// Adds the [CIELAB colours](lab::from_srgb) of interleaved sRGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels, or the dimension not 3.
    pub fn add_lab(&mut self, rgb: &[u8]) {
        self.add_pixels(rgb, lab::from_srgb);
    }

    fn add_pixels(&mut self, rgb: &[u8], colour: impl Fn([u8; 3]) -> [f64; 3]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        for &pixel in rgb.as_chunks().0 {
            self.add(&colour(pixel));
        }
    }

    /// Adds what was added elsewhere (T. F. Chan, G. H. Golub and R. J. `LeVeque`, "Algorithms for computing the
    /// sample variance: analysis and recommendations", Amer. Statist. 37 (1983), 242-247).
    ///
    /// # Panics
    /// If the other is of another dimension.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(other.dimension(), self.dimension(), "a Gaussian of the same dimension");
        if other.vectors == 0 {
            return;
        }
        let (here, there) = (self.vectors as f64, other.vectors as f64);
        let apart: Vec<f64> = other.mean.iter().zip(&self.mean).map(|(there, here)| there - here).collect();
        for (mean, apart) in self.mean.iter_mut().zip(&apart) {
            *mean += apart * there / (here + there);
        }
        for (product, more) in self.products.iter_mut().zip(&other.products) {
            *product += more;
        }
        self.add_products(&apart, here * there / (here + there));
        self.vectors += other.vectors;
    }

    fn add_products(&mut self, deviation: &[f64], weight: f64) {
        for (row, a) in self.products.chunks_exact_mut(deviation.len()).zip(deviation) {
            for (product, b) in row.iter_mut().zip(deviation) {
                *product += weight * a * b;
            }
        }
    }

    /// The values of a vector.
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// The mean vector; 0 before the first.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance matrix row by row, divided by the number of vectors, or `None` before the first.
    pub fn covariance(&self) -> Option<Vec<f64>> {
        (self.vectors > 0)
            .then(|| self.products.iter().map(|product| product / self.vectors as f64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In two passes, far from 0, in one piece and in three.
    #[test]
    fn mean_and_covariance_in_any_pieces() {
        let vectors: Vec<[f64; 3]> =
            (0..1000u32).map(|i| [i, i * i % 101, i * 7919 % 103].map(|v| 1e6 + f64::from(v))).collect();
        let n = vectors.len() as f64;
        let mean: [f64; 3] = std::array::from_fn(|c| vectors.iter().map(|v| v[c]).sum::<f64>() / n);
        let fit = |vectors: &[[f64; 3]]| {
            let mut gaussian = Gaussian::new(3);
            for vector in vectors {
                gaussian.add(vector);
            }
            gaussian
        };
        let mut pieces = Gaussian::new(3);
        for piece in [&vectors[..1], &vectors[..0], &vectors[1..700], &vectors[700..]] {
            pieces.merge(&fit(piece));
        }
        for gaussian in [fit(&vectors), pieces] {
            let covariance = gaussian.covariance().expect("vectors");
            for i in 0..3 {
                assert!((gaussian.mean()[i] - mean[i]).abs() < 1e-8);
                for j in 0..3 {
                    let products = vectors.iter().map(|v| (v[i] - mean[i]) * (v[j] - mean[j]));
                    let expected = products.sum::<f64>() / n;
                    assert!((covariance[3 * i + j] - expected).abs() < 1e-7 * expected.abs().max(100.0));
                }
            }
        }
        assert_eq!(Gaussian::new(2).covariance(), None);
    }

    #[test]
    #[should_panic(expected = "dimension")]
    fn a_vector_of_another_dimension_is_a_mistake() {
        Gaussian::new(2).add(&[1.0]);
    }
}
