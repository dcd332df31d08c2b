//! From premultiplied ARGB to RGB on the background colour.

use crate::pixels::Coverage;

/// Composites `argb` (native-endian premultiplied `u32`s) on `background`.
pub(crate) fn composite(argb: &[u8], background: [u8; 3], rgb: &mut [u8]) -> Coverage {
    let mut alpha = vec![0; argb.len() / 4];
    for ((pixel, out), alpha) in argb.chunks_exact(4).zip(rgb.chunks_exact_mut(3)).zip(&mut alpha) {
        let [a, r, g, b] = u32::from_ne_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]).to_be_bytes();
        *alpha = a;
        for ((out, colour), background) in out.iter_mut().zip([r, g, b]).zip(background) {
            *out = colour.saturating_add(((u32::from(background) * u32::from(255 - a) + 127) / 255) as u8);
        }
    }
    if alpha.iter().all(|&a| a == 255) {
        Coverage::Everything
    } else if alpha.iter().all(|&a| a == 0) {
        Coverage::Nothing
    } else {
        Coverage::Partly(alpha)
    }
}
