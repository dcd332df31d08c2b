//! sRGB to CIELAB under the illuminant D65.

use std::sync::LazyLock;

/// Linear light to CIE XYZ: the primaries and the white of IEC 61966-2-1:1999 to 7 digits, as B. Lindbloom gives
/// them.
const XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];

/// The linear light, 0..=1, of each sRGB level (IEC 61966-2-1:1999).
static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let v = level as f64 / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
});

/// CIELAB of an sRGB pixel: L* in 0..=100, a* and b* about -110..=110 (CIE 15:2004, 8.2.1).
///
/// The white point is that of the sRGB primaries themselves, X = 0.95047, Y = 1, Z = 1.08883, which is D65, so every
/// gray has a* = b* = 0.
///
/// ```
/// let [l, a, b] = restain_stain::lab::from_srgb([255, 0, 0]);
/// assert!((l - 53.24).abs() < 0.01 && (a - 80.09).abs() < 0.01 && (b - 67.20).abs() < 0.01);
/// ```
pub fn from_srgb(pixel: [u8; 3]) -> [f64; 3] {
    let linear = pixel.map(|level| LINEAR[usize::from(level)]);
    let [x, y, z] = XYZ.map(|row| {
        let white: f64 = row.iter().sum();
        let relative = row.iter().zip(&linear).map(|(weight, light)| weight * light).sum::<f64>() / white;
        // CIE 15:2004, 8.2.1.1: the cube root above (6/29)^3, its tangent's line below.
        if relative > (6.0f64 / 29.0).powi(3) {
            relative.cbrt()
        } else {
            (841.0 / 108.0) * relative + 4.0 / 29.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(pixel: [u8; 3], lab: [f64; 3]) {
        for (value, expected) in from_srgb(pixel).into_iter().zip(lab) {
            assert!((value - expected).abs() < 0.006, "{pixel:?}: {value} for {expected}");
        }
    }

    /// The values of B. Lindbloom's calculator (sRGB, D65), to two decimals.
    #[test]
    fn the_published_values_of_the_primaries() {
        assert_close([255, 0, 0], [53.24, 80.09, 67.20]);
        assert_close([0, 255, 0], [87.73, -86.18, 83.18]);
        assert_close([0, 0, 255], [32.30, 79.19, -107.86]);
        assert_close([255, 255, 0], [97.14, -21.55, 94.48]);
        assert_close([255, 255, 255], [100.0, 0.0, 0.0]);
        assert_close([0, 0, 0], [0.0, 0.0, 0.0]);
    }

    /// L* of a gray is 116 (Y)^(1/3) - 16 above the linear part, and 24389/27 Y in it.
    #[test]
    fn grays_have_no_colour() {
        for level in 0..=255u8 {
            let [l, a, b] = from_srgb([level; 3]);
            let v = f64::from(level) / 255.0;
            let y = if v > 0.04045 { ((v + 0.055) / 1.055).powf(2.4) } else { v / 12.92 };
            let lightness =
                if y > 216.0 / 24389.0 { 116.0 * y.powf(1.0 / 3.0) - 16.0 } else { 24389.0 / 27.0 * y };
            assert!((l - lightness).abs() < 1e-9 && a.abs() < 1e-9 && b.abs() < 1e-9, "{level}: {l} {a} {b}");
        }
    }
}
