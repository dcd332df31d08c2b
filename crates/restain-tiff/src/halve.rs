//! Halving: each pixel of a coarser level is the rounded mean of the 2 x 2 pixels below it.

/// Halves the upper left `2 width` x `2 height` pixels of `fine` into the `width` x `height` pixels of `coarse`
/// that begin `at` its `(x, y)`; both are square tiles of side `tile`, interleaved RGB.
///
/// Each output byte is `(a + b + c + d + 2) / 4`. A picture whose edge pixels are repeated beyond an odd edge thus
/// gets the rounded mean of the pixels that exist.
pub(crate) fn halve(
    fine: &[u8],
    coarse: &mut [u8],
    tile: usize,
    at: (usize, usize),
    (width, height): (usize, usize),
) {
    let stride = 3 * tile;
    let coarse_rows = coarse.chunks_exact_mut(stride).skip(at.1).take(height);
    for (rows, out) in fine.chunks_exact(2 * stride).zip(coarse_rows) {
        let (upper, lower) = rows.split_at(stride);
        halve_row(&upper[..6 * width], &lower[..6 * width], &mut out[3 * at.0..][..3 * width]);
    }
}

/// Halves two rows of `2 n` pixels into one of `n`.
fn halve_row(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    for ((a, b), out) in upper.chunks_exact(6).zip(lower.chunks_exact(6)).zip(out.chunks_exact_mut(3)) {
        for c in 0..3 {
            let sum = u16::from(a[c]) + u16::from(a[c + 3]) + u16::from(b[c]) + u16::from(b[c + 3]);
            out[c] = ((sum + 2) >> 2) as u8;
        }
    }
}
