//! Stain removal (paper, III.B.1): RGB to the two-channel image GM, gray and colour-encoding mask.

/// Gray level in 0..=1 of an RGB pixel: the luma of ITU-R BT.601-7 (2.5.1), 0.299 R + 0.587 G + 0.114 B.
///
/// The weighted sum is exact in integers, so black is exactly 0, white exactly 1, and an achromatic pixel `v`
/// exactly `v / 255`.
#[inline]
pub fn gray([r, g, b]: [u8; 3]) -> f32 {
    let thousandths = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
    thousandths as f32 / 255_000.0
}

/// Colour-encoding mask of an RGB pixel: 1 where red is strictly the largest channel, else 0.
///
/// The paper encodes "the pixel with the greatest value of the R channel as 1"; a tie is nobody's greatest, so it
/// counts as 0, as do black, white and every gray.
#[inline]
pub fn mask([r, g, b]: [u8; 3]) -> f32 {
    f32::from(u8::from(r > g && r > b))
}

/// Removes the stain of interleaved RGB pixels: `gm` becomes the planar image GM `[2, H, W]`, gray then mask, both
/// in 0..=1.
///
/// # Panics
/// If `rgb` is not `3 * n` bytes long where `gm` holds `2 * n` values.
pub fn remove_stain(rgb: &[u8], gm: &mut [f32]) {
    let pixels = rgb.len() / 3;
    assert!(rgb.len() == 3 * pixels && gm.len() == 2 * pixels, "GM holds two values where RGB holds three");
    let (grays, masks) = gm.split_at_mut(pixels);
    for ((pixel, gray_out), mask_out) in rgb.chunks_exact(3).zip(grays).zip(masks) {
        let pixel = [pixel[0], pixel[1], pixel[2]];
        *gray_out = gray(pixel);
        *mask_out = mask(pixel);
    }
}
