//! Stain removal (paper, III.B.1): RGB to the two-channel image GM, gray and colour-encoding mask.

mod slide;
mod standard;

pub use slide::Removal;
pub(crate) use slide::weigh;
pub use standard::{Measurement, Standard};

/// A thousand times the luma of ITU-R BT.601-7 (2.5.1), 0.299 R + 0.587 G + 0.114 B: exact in integers.
fn thousandths([r, g, b]: [u8; 3]) -> u32 {
    299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)
}

/// Luma in 0..=255 of an RGB pixel, not rounded to a grey level.
pub(crate) fn luma(pixel: [u8; 3]) -> f64 {
    f64::from(thousandths(pixel)) / 1000.0
}

/// Gray level in 0..=1 of an RGB pixel: the luma of ITU-R BT.601-7 (2.5.1), 0.299 R + 0.587 G + 0.114 B.
///
/// The weighted sum is exact in integers, so black is exactly 0, white exactly 1, and an achromatic pixel `v`
/// exactly `v / 255`.
#[inline]
pub fn gray(pixel: [u8; 3]) -> f32 {
    thousandths(pixel) as f32 / 255_000.0
}

/// Colour-encoding mask of an RGB pixel: 1 where red is strictly the largest channel, else 0.
///
/// The paper encodes "the pixel with the greatest value of the R channel as 1"; a tie is nobody's greatest, so it
/// counts as 0, as do black, white and every gray.
#[inline]
pub fn mask([r, g, b]: [u8; 3]) -> f32 {
    f32::from(u8::from(r > g && r > b))
}

/// How many grey levels red leads from where the soft mask is 0 to where it is 1: 0.12 of their range.
const RAMP: f32 = 30.6;

/// Soft mask of a pixel whose red leads the larger of green and blue by so many grey levels: 0.5 where they are equal, and 1
/// or 0 from 15 levels on.
pub(crate) fn ramp(lead: f32) -> f32 {
    (0.5 + lead / RAMP).clamp(0.0, 1.0)
}

/// Soft mask of an RGB pixel: it rises from 0 to 1 with the lead of red over the larger of green and blue. Where the channels are
/// nearly equal, the paper's [`mask`] says nothing but noise, as its closing remarks have it (V); this one says that it does not
/// know.
#[inline]
pub fn soft_mask([r, g, b]: [u8; 3]) -> f32 {
    ramp(f32::from(i16::from(r) - i16::from(g.max(b))))
}

/// Removes the stain of interleaved RGB pixels: `gm` becomes the planar image GM `[2, H, W]`, gray then mask, both
/// in 0..=1.
///
/// # Panics
/// If `rgb` is not `3 * n` bytes long where `gm` holds `2 * n` values.
pub fn remove_stain(rgb: &[u8], gm: &mut [f32]) {
    remove_with(mask, rgb, gm);
}

/// Removes the stain of interleaved RGB pixels with a mask.
pub(crate) fn remove_with(mask: impl Fn([u8; 3]) -> f32, rgb: &[u8], gm: &mut [f32]) {
    let pixels = rgb.len() / 3;
    assert!(rgb.len() == 3 * pixels && gm.len() == 2 * pixels, "GM holds two values where RGB holds three");
    let (grays, masks) = gm.split_at_mut(pixels);
    for ((pixel, gray_out), mask_out) in rgb.chunks_exact(3).zip(grays).zip(masks) {
        let pixel = [pixel[0], pixel[1], pixel[2]];
        *gray_out = gray(pixel);
        *mask_out = mask(pixel);
    }
}

/// Gives interleaved RGB pixels these grays, 0..=1, by adding the same number of levels to all channels of a pixel: gray
/// changes as Y of ITU-R BT.601-7 (2.5.1) does where both colour differences stay as they are, to half a level. Channels end
/// at 0 and 255, where more of it may be missing.
///
/// # Panics
/// If there are not three bytes for each gray.
pub fn keep_gray(grays: &[f32], rgb: &mut [u8]) {
    assert!(rgb.len() == 3 * grays.len(), "a pixel is a gray and three bytes");
    for (pixel, gray) in rgb.as_chunks_mut().0.iter_mut().zip(grays) {
        // Positive before it is cut off, so that this rounds to the nearest.
        let level = 255.0 * gray - thousandths(*pixel) as f32 / 1000.0;
        let missing = (level + 256.5) as i32 - 256;
        *pixel = pixel.map(|value| (i32::from(value) + missing).clamp(0, 255) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values() {
        let cases: [([u8; 3], f32, f32); 14] = [
            ([0, 0, 0], 0.0, 0.0),
            ([255, 255, 255], 1.0, 0.0),
            ([51, 51, 51], 0.2, 0.0),
            ([255, 0, 0], 0.299, 1.0),
            ([0, 255, 0], 0.587, 0.0),
            ([0, 0, 255], 0.114, 0.0),
            // Red is the largest, by one level and by all of them.
            ([101, 100, 100], (101.0 * 299.0 + 100.0 * 701.0) / 255_000.0, 1.0),
            ([1, 0, 0], 299.0 / 255_000.0, 1.0),
            // Ties: red with green, red with blue, green with blue above red, all.
            ([200, 200, 10], (200.0 * 886.0 + 1140.0) / 255_000.0, 0.0),
            ([200, 10, 200], (200.0 * 413.0 + 5870.0) / 255_000.0, 0.0),
            ([10, 200, 200], (2990.0 + 200.0 * 701.0) / 255_000.0, 0.0),
            ([77, 77, 77], 77.0 / 255.0, 0.0),
            // Red is second.
            ([100, 101, 0], (29_900.0 + 101.0 * 587.0) / 255_000.0, 0.0),
            ([100, 0, 101], (29_900.0 + 101.0 * 114.0) / 255_000.0, 0.0),
        ];
        let rgb: Vec<u8> = cases.iter().flat_map(|case| case.0).collect();
        let mut gm = vec![f32::NAN; 2 * cases.len()];
        remove_stain(&rgb, &mut gm);
        let (grays, masks) = gm.split_at(cases.len());
        for (i, (pixel, gray, mask)) in cases.into_iter().enumerate() {
            assert_eq!(
                (grays[i].to_bits(), masks[i].to_bits()),
                (gray.to_bits(), mask.to_bits()),
                "{pixel:?}"
            );
        }
    }

    #[test]
    fn gray_is_the_luma_and_never_leaves_0_to_1() {
        for r in 0..=255u8 {
            for g in 0..=255u8 {
                for b in (0..=255u8).step_by(3) {
                    let luma = (0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)) / 255.0;
                    let gray = gray([r, g, b]);
                    assert!((f64::from(gray) - luma).abs() < 6e-8, "{r} {g} {b}: {gray} for {luma}");
                    assert!((0.0..=1.0).contains(&gray));
                    let lead = i16::from(r) - i16::from(g.max(b));
                    assert_eq!(mask([r, g, b]) > 0.5, lead >= 1, "{r} {g} {b}");
                }
            }
        }
    }

    #[test]
    fn every_achromatic_pixel_is_its_own_gray() {
        for v in 0..=255u8 {
            assert_eq!(gray([v; 3]).to_bits(), (f32::from(v) / 255.0).to_bits(), "{v}");
        }
    }

    #[test]
    fn channels_are_planar_in_the_order_of_the_pixels() {
        let rgb: Vec<u8> = (0..3 * 1000).map(|i| ((i * 7919) >> 3) as u8).collect();
        let mut gm = vec![f32::NAN; 2000];
        remove_stain(&rgb, &mut gm);
        for (i, pixel) in rgb.chunks(3).enumerate() {
            let pixel = [pixel[0], pixel[1], pixel[2]];
            assert_eq!(
                (gm[i].to_bits(), gm[1000 + i].to_bits()),
                (gray(pixel).to_bits(), mask(pixel).to_bits())
            );
        }
        remove_stain(&[], &mut []);
    }

    /// By hand, and for every gray and many colours: half a level where no channel ends, and colour differences kept.
    #[test]
    fn gray_is_kept_by_a_shift_of_all_channels() {
        let mut rgb = [100, 150, 200, 10, 240, 250, 7, 7, 7];
        keep_gray(&[0.5, 1.0, 0.0], &mut rgb);
        // Lumas 140.75, 172.37 and 7: 13.25 too many, 82.63 too few, and all of it.
        assert_eq!(rgb, [87, 137, 187, 93, 255, 255, 0, 0, 0]);
        for level in 0..=510u16 {
            let wanted = f32::from(level) / 510.0;
            for colour in [[90, 130, 170], [200, 40, 90], [128; 3], [0, 255, 13]] {
                let mut pixel = colour;
                keep_gray(&[wanted], &mut pixel);
                if pixel.iter().all(|value| (1..255).contains(value)) {
                    assert!((gray(pixel) - wanted).abs() <= 0.5001 / 255.0, "{colour:?} to {wanted}");
                    let differences =
                        |[r, g, b]: [u8; 3]| [i16::from(r) - i16::from(g), i16::from(b) - i16::from(g)];
                    assert_eq!(differences(pixel), differences(colour));
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "GM holds two values where RGB holds three")]
    fn a_buffer_of_another_size_is_a_mistake() {
        remove_stain(&[0; 6], &mut [0.0; 3]);
    }
}
