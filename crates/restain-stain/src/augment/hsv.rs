//! A linear change of hue, saturation and value: the paper's `Enhance_our`.

use rand::Rng;
use serde::{Deserialize, Serialize};

/// How far [`HsvChange`]s may go.
///
/// The paper speaks of "the linear transformation of the HSV space" (IV.D.2) and gives neither form nor ranges. Here
/// hue is shifted, as it is an angle, and saturation and value are scaled and shifted; the default ranges are chosen
/// so that cells stay red or blue: 10 degrees, 0.7 to 1.3 times, and 0.1 more or less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HsvRanges {
    /// The largest shift of hue in degrees, either way.
    pub hue: f64,
    /// How far the factors of saturation and value may be from 1, either way.
    pub scale: f64,
    /// The largest shift of saturation and of value, which are in 0..=1, either way.
    pub shift: f64,
}

impl Default for HsvRanges {
    fn default() -> Self {
        Self { hue: 10.0, scale: 0.3, shift: 0.1 }
    }
}

impl HsvRanges {
    /// A change for one picture, each number uniform in its range.
    ///
    /// # Panics
    /// If a range is negative or not finite.
    pub fn draw(&self, rng: &mut impl Rng) -> HsvChange {
        let mut within = |range: f64| rng.random_range(-range..=range);
        HsvChange {
            hue: within(self.hue),
            saturation: [1.0 + within(self.scale), within(self.shift)],
            value: [1.0 + within(self.scale), within(self.shift)],
        }
    }
}

/// A linear change of hue, saturation and value of a whole picture.
///
/// ```
/// use restain_stain::augment::HsvChange;
///
/// let mut rgb = [200, 100, 100];
/// HsvChange { hue: 120.0, saturation: [1.0, 0.0], value: [0.5, 0.0] }.apply(&mut rgb);
/// assert_eq!(rgb, [50, 100, 50]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HsvChange {
    /// Degrees added to the hue.
    pub hue: f64,
    /// Factor and summand of the saturation, which is then clipped to 0..=1; grays have no hue and stay gray.
    pub saturation: [f64; 2],
    /// Factor and summand of the value, which is then clipped to 0..=1.
    pub value: [f64; 2],
}

impl HsvChange {
    /// Changes interleaved RGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn apply(&self, rgb: &mut [u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        let linear = |[factor, summand]: [f64; 2], x: f64| (factor * x + summand).clamp(0.0, 1.0);
        for pixel in rgb.as_chunks_mut::<3>().0 {
            let [hue, saturation, value] = to_hsv(*pixel);
            let saturation = if saturation > 0.0 { linear(self.saturation, saturation) } else { 0.0 };
            *pixel = from_hsv([hue + self.hue, saturation, linear(self.value, value)]);
        }
    }
}

/// Hue in degrees 0..360, 0 of a gray, saturation and value in 0..=1 (A. R. Smith, "Color gamut transform pairs",
/// Comput. Graph. 12(3) (1978), 12-19).
fn to_hsv(pixel: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = pixel.map(f64::from);
    let (largest, smallest) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = largest - smallest;
    if chroma == 0.0 {
        return [0.0, 0.0, largest / 255.0];
    }
    let sixth = if r >= largest {
        (g - b) / chroma
    } else if g >= largest {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    [(60.0 * sixth).rem_euclid(360.0), chroma / largest, largest / 255.0]
}

/// The pixel of a hue in any degrees, and saturation and value in 0..=1.
fn from_hsv([hue, saturation, value]: [f64; 3]) -> [u8; 3] {
    // Each channel is full within 60 degrees of its own hue, and falls to nothing over the next 60.
    [0.0, 120.0, 240.0].map(|own| {
        let away = (hue - own + 180.0).rem_euclid(360.0) - 180.0;
        let share = (2.0 - away.abs() / 60.0).clamp(0.0, 1.0);
        (255.0 * value * (1.0 - saturation * (1.0 - share))).round() as u8
    })
}
