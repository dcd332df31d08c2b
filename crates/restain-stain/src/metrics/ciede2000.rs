//! The colour difference CIEDE2000, of two colours and of two images.

use rayon::prelude::*;

use crate::lab;

/// Pixels of one task of rayon.
const PIXELS: usize = 1 << 12;
/// The smallest step of the sum: a power of two well below what a double keeps of a difference of 100.
const STEP: f64 = 1.0 / (1u64 << 40) as f64;

/// The colour difference CIEDE2000 of two CIELAB colours, at least 0, with the parametric factors kL = kC = kH = 1.
///
/// G. Sharma, W. Wu and E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary
/// test data, and mathematical observations", Color Res. Appl. 30 (2005), 21-30, equations 2 to 22.
pub fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    // c^7 / (c^7 + 25^7), under a root.
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25.0f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(f64::midpoint(a1.hypot(b1), a2.hypot(b2))));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));

    // The difference of hues the short way round, and the hue in the middle of that way.
    let gray = c1 * c2 == 0.0;
    let turn = h2 - h1;
    let turn = if gray {
        0.0
    } else if turn > 180.0 {
        turn - 360.0
    } else if turn < -180.0 {
        turn + 360.0
    } else {
        turn
    };
    let h = if gray {
        h1 + h2
    } else if (h1 - h2).abs() <= 180.0 {
        f64::midpoint(h1, h2)
    } else if h1 + h2 < 360.0 {
        f64::midpoint(h1 + h2, 360.0)
    } else {
        f64::midpoint(h1 + h2, -360.0)
    };
    let (l, c) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));

    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let middle = (l - 50.0).powi(2);
    let lightness = (l2 - l1) / (1.0 + 0.015 * middle / (20.0 + middle).sqrt());
    let chroma = (c2 - c1) / (1.0 + 0.045 * c);
    let hue = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin() / (1.0 + 0.015 * c * t);
    let rotation = -(60.0 * (-((h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin() * 2.0 * seventh(c);
    (lightness * lightness + chroma * chroma + hue * hue + rotation * chroma * hue).max(0.0).sqrt()
}

/// The hue angle in degrees, 0..360; 0 of a gray.
fn hue(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
}

/// The mean [CIEDE2000](ciede2000) between two sRGB images; pixels may come in any pieces and any order.
///
/// The sum is kept in whole steps of 2^-40, so the result is the same to the last bit for any pieces and any number
/// of threads.
///
/// ```
/// use restain_stain::metrics::ColourDifference;
///
/// let mut difference = ColourDifference::new();
/// difference.add(&[10, 20, 30, 255, 255, 255], &[10, 20, 30, 0, 0, 0]);
/// assert_eq!(difference.mean(), Some(50.0));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColourDifference {
    pixels: u64,
    steps: u128,
}

impl ColourDifference {
    /// No pixels yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares interleaved sRGB pixels of one image with those of the other at the same places.
    ///
    /// # Panics
    /// If the slices differ in length or do not hold whole pixels.
    pub fn add(&mut self, a: &[u8], b: &[u8]) {
        assert!(
            a.len() == b.len() && a.len().is_multiple_of(3),
            "the same whole number of pixels of each image"
        );
        let pixels = a.as_chunks::<3>().0.par_chunks(PIXELS).zip(b.as_chunks::<3>().0.par_chunks(PIXELS));
        self.steps += pixels
            .map(|(a, b)| {
                let pairs = a.iter().zip(b).filter(|(a, b)| a != b);
                pairs
                    .map(|(&a, &b)| (ciede2000(lab::from_srgb(a), lab::from_srgb(b)) / STEP) as u128)
                    .sum::<u128>()
            })
            .sum::<u128>();
        self.pixels += a.len() as u64 / 3;
    }

    /// Adds what was compared elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.steps += other.steps;
    }

    /// The mean colour difference, about 0..=120, or `None` before the first pixel.
    pub fn mean(&self) -> Option<f64> {
        (self.pixels > 0).then(|| self.steps as f64 * STEP / self.pixels as f64)
    }
}
