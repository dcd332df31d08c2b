//! Differences pixel by pixel, in exact integer sums.

/// Bytes compared in 32-bit sums before they are added up: `BLOCK * 255^2` stays below `2^32`.
const BLOCK: usize = 3 << 14;

/// Sums over the differences between two images; pixels may come in any pieces and any order.
///
/// ```
/// use restain_stain::metrics::Difference;
///
/// let mut difference = Difference::new();
/// difference.add(&[10, 20, 30], &[10, 20, 33]);
/// difference.add(&[7, 7, 7], &[7, 7, 7]);
/// assert_eq!((difference.largest(), difference.mean(), difference.share()), (3, Some(0.5), Some(0.5)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    pixels: u64,
    differing: u64,
    absolute: u64,
    squares: u64,
    largest: u8,
}

impl Difference {
    /// No pixels yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares interleaved RGB pixels of one image with those of the other at the same places.
    ///
    /// # Panics
    /// If the slices differ in length or do not hold whole pixels.
    pub fn add(&mut self, a: &[u8], b: &[u8]) {
        assert!(
            a.len() == b.len() && a.len().is_multiple_of(3),
            "the same whole number of pixels of each image"
        );
        for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
            let (mut absolute, mut squares, mut largest) = (0u32, 0u32, 0);
            for (&a, &b) in a.iter().zip(b) {
                let distance = a.abs_diff(b);
                absolute += u32::from(distance);
                squares += u32::from(distance) * u32::from(distance);
                largest = distance.max(largest);
            }
            self.absolute += u64::from(absolute);
            self.squares += u64::from(squares);
            self.largest = self.largest.max(largest);
            let pairs = a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0);
            self.differing += pairs.filter(|(a, b)| a != b).count() as u64;
        }
        self.pixels += a.len() as u64 / 3;
    }

    /// Adds what was compared elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.differing += other.differing;
        self.absolute += other.absolute;
        self.squares += other.squares;
        self.largest = self.largest.max(other.largest);
    }

    /// How many pixels were compared.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// The largest absolute difference of a channel, in grey levels 0..=255.
    pub fn largest(&self) -> u8 {
        self.largest
    }

    /// The mean absolute difference over all channels, in grey levels, or `None` before the first pixel.
    pub fn mean(&self) -> Option<f64> {
        self.per_sample(self.absolute)
    }

    /// The share of pixels that differ in any channel, 0..=1, or `None` before the first pixel.
    pub fn share(&self) -> Option<f64> {
        (self.pixels > 0).then(|| self.differing as f64 / self.pixels as f64)
    }

    /// Peak signal-to-noise ratio in dB over all channels, `10 log10(255^2 / MSE)`: infinite for equal images,
    /// `None` before the first pixel.
    pub fn psnr(&self) -> Option<f64> {
        self.per_sample(self.squares).map(|mse| 10.0 * (255.0 * 255.0 / mse).log10())
    }

    fn per_sample(&self, sum: u64) -> Option<f64> {
        (self.pixels > 0).then(|| sum as f64 / (3.0 * self.pixels as f64))
    }
}
