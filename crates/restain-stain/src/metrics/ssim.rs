//! Structural similarity, streaming by rows.

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::removal::luma;

/// Side of the window, in pixels.
const WINDOW: usize = 11;
/// Standard deviation of the window's Gaussian, in pixels.
const SIGMA: f64 = 1.5;
/// (K1 L)^2 and (K2 L)^2, which keep the quotients stable where the images are dark or flat.
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
/// Rows filtered at once, in parallel: so many are in memory besides the window's.
const ROWS: usize = 16;
/// Values summed side by side, so that the compiler uses vectors.
const LANES: usize = 4;

/// Mean structural similarity (SSIM) of two images that come row by row.
///
/// Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from error visibility to
/// structural similarity", IEEE Trans. Image Process. 13 (2004), 600-612: a Gaussian window of 11 x 11 with sigma
/// 1.5, K1 = 0.01, K2 = 0.03 and L = 255 on the luma of ITU-R BT.601 in 0..=255, not rounded, averaged over all
/// windows that lie wholly inside the images.
///
/// The result is the same to the last bit however the rows are grouped and however many threads share the work. Some
/// 26 rows of the images are in memory, 32 bytes a pixel.
///
/// ```
/// use restain_stain::metrics::Ssim;
///
/// let mut ssim = Ssim::new(20);
/// for row in [[200; 60], [90; 60]].iter().cycle().take(15) {
///     ssim.push_rows(row, row);
/// }
/// assert_eq!(ssim.mean(), Some(1.0));
/// ```
#[derive(Debug, Clone)]
pub struct Ssim {
    width: usize,
    weights: [f64; WINDOW],
    /// The latest rows, filtered horizontally; never more than [`WINDOW`] - 1 between two calls.
    rows: VecDeque<Moments>,
    sum: f64,
    windows: u64,
}

/// Of one row: for each window in it, the weighted means of a, of b, of a^2 + b^2 and of a b.
type Moments = [Vec<f64>; 4];

impl Ssim {
    /// For images of `width` pixels.
    pub fn new(width: usize) -> Self {
        Self { width, weights: gaussian(), rows: VecDeque::new(), sum: 0.0, windows: 0 }
    }

    /// The next rows of both images, as many at once as convenient, interleaved RGB.
    ///
    /// # Panics
    /// If the slices differ in length or do not hold whole rows.
    pub fn push_rows(&mut self, a: &[u8], b: &[u8]) {
        let row = 3 * self.width;
        assert!(a.len() == b.len() && a.len().is_multiple_of(row), "the same whole rows of each image");
        if self.width < WINDOW {
            return;
        }
        for (a, b) in a.chunks(ROWS * row).zip(b.chunks(ROWS * row)) {
            let filtered =
                a.par_chunks(row).zip(b.par_chunks(row)).map(|(a, b)| moments(a, b, &self.weights));
            self.rows.extend(filtered.collect::<Vec<_>>());
            let complete = (self.rows.len() + 1).saturating_sub(WINDOW);
            let rows: &[Moments] = self.rows.make_contiguous();
            let sums = rows.par_windows(WINDOW).map(|rows| similarities(rows, &self.weights));
            // Added in their order, so that the sum does not depend on the threads.
            self.sum = sums.collect::<Vec<_>>().iter().fold(self.sum, |sum, row| sum + row);
            self.windows += (complete * (self.width + 1 - WINDOW)) as u64;
            self.rows.drain(..complete);
        }
    }

    /// The mean over all windows so far, at most 1, or `None` where the images are smaller than a window.
    pub fn mean(&self) -> Option<f64> {
        (self.windows > 0).then(|| self.sum / self.windows as f64)
    }
}

/// The window in one direction, normalised to 1; the window itself is its product with itself.
fn gaussian() -> [f64; WINDOW] {
    let middle = (WINDOW / 2) as f64;
    let weights: [f64; WINDOW] =
        std::array::from_fn(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

fn moments(a: &[u8], b: &[u8], weights: &[f64; WINDOW]) -> Moments {
    let gray = |rgb: &[u8]| -> Vec<f64> { rgb.as_chunks().0.iter().map(|&pixel| luma(pixel)).collect() };
    let (a, b) = (gray(a), gray(b));
    let squares: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * a + b * b).collect();
    let products: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
    [a, b, squares, products].map(|row| {
        let mut means = vec![0.0; row.len() + 1 - WINDOW];
        weigh(&mut means, weights, |k| &row[k..]);
        means
    })
}

/// The sum of the similarities of the windows whose rows are given.
fn similarities(rows: &[Moments], weights: &[f64; WINDOW]) -> f64 {
    const BLOCK: usize = 512;
    let width = rows[0][0].len();
    let mut sum = 0.0;
    for start in (0..width).step_by(BLOCK) {
        let mut blocks = [[0.0; BLOCK]; 4];
        let length = BLOCK.min(width - start);
        for (moment, block) in blocks.iter_mut().enumerate() {
            weigh(&mut block[..length], weights, |k| &rows[k][moment][start..]);
        }
        let [a, b, squares, products] = &blocks;
        let mut values = [0.0; BLOCK];
        for i in 0..BLOCK {
            let (product, power) = (a[i] * b[i], a[i] * a[i] + b[i] * b[i]);
            let luminance_and_structure = (2.0 * product + C1) * (2.0 * (products[i] - product) + C2);
            values[i] = luminance_and_structure / ((power + C1) * (squares[i] - power + C2));
        }
        sum += values[..length].iter().sum::<f64>();
    }
    sum
}

/// `out[i]` becomes the sum over k of `weights[k] * line(k)[i]`, where every line is at least as long as `out`.
fn weigh<'a>(out: &mut [f64], weights: &[f64; WINDOW], line: impl Fn(usize) -> &'a [f64]) {
    let lines: [&[f64]; WINDOW] = std::array::from_fn(|k| &line(k)[..out.len()]);
    let blocks = lines.map(|line| line.as_chunks::<LANES>().0);
    let (out_blocks, rest) = out.as_chunks_mut::<LANES>();
    for (i, out) in out_blocks.iter_mut().enumerate() {
        let mut sums = [0.0; LANES];
        for (block, weight) in blocks.iter().zip(weights) {
            for (sum, value) in sums.iter_mut().zip(&block[i]) {
                *sum += weight * value;
            }
        }
        *out = sums;
    }
    let start = out_blocks.len() * LANES;
    for (i, out) in rest.iter_mut().enumerate() {
        *out = lines.iter().zip(weights).map(|(line, weight)| weight * line[start + i]).sum();
    }
}
