//! The columns of a convolution: under each coarse position, the 4x4 patch of each fine channel.
//!
//! A column matrix is `[channels * 16, positions]`, its row `(channel * 4 + ky) * 4 + kx`, rows filled up to a stride. The coarse position
//! `(i, j)` of an image sees the fine pixel `(2i + ky - 1, 2j + kx - 1)`, zero where that lies outside the image.

use std::ops::Range;

use super::geometry::{Geometry, TAPS};
use crate::values::Real;

/// Writes the columns of some fine channels at all positions of the coarse rows `rows`.
///
/// `fine` is the whole image, `columns` holds 16 rows of `stride` values a channel.
pub(crate) fn unfold<T: Real>(
    g: &Geometry,
    fine: &[T],
    rows: Range<usize>,
    columns: &mut [T],
    stride: usize,
) {
    for (plane, patch) in fine.chunks_exact(4 * g.plane()).zip(columns.chunks_exact_mut(TAPS * stride)) {
        for (ky, taps) in patch.chunks_exact_mut(4 * stride).enumerate() {
            for (at, row) in rows.clone().enumerate() {
                unfold_row(g, plane, 2 * (row % g.height) + ky, row / g.height, taps, at * g.width);
            }
        }
    }
}

/// Writes the four taps of one kernel row at one row of positions, from `at` in each of the four rows of `taps`.
///
/// They see the fine row `padded - 1` of the image; rows -1 and `2 * height` are zero.
fn unfold_row<T: Real>(g: &Geometry, plane: &[T], padded: usize, image: usize, taps: &mut [T], at: usize) {
    let (width, stride) = (g.width, taps.len() / 4);
    let (tap0, rest) = taps.split_at_mut(stride);
    let (tap1, rest) = rest.split_at_mut(stride);
    let (tap2, tap3) = rest.split_at_mut(stride);
    let [tap0, tap1, tap2, tap3] = [tap0, tap1, tap2, tap3].map(|tap| &mut tap[at..at + width]);
    if padded == 0 || padded > 2 * g.height {
        for tap in [tap0, tap1, tap2, tap3] {
            tap.fill(T::zero());
        }
        return;
    }
    let line = &plane[(image * 2 * g.height + padded - 1) * 2 * width..][..2 * width];
    for ((pair, even), odd) in line.as_chunks::<2>().0.iter().zip(tap1.iter_mut()).zip(tap2.iter_mut()) {
        [*even, *odd] = *pair;
    }
    tap0[0] = T::zero();
    tap0[1..].copy_from_slice(&tap2[..width - 1]);
    tap3[..width - 1].copy_from_slice(&tap1[1..]);
    tap3[width - 1] = T::zero();
}

/// Adds the columns of one fine channel at the coarse rows `rows` to the fine pixels they stand for; the adjoint of
/// [`unfold`].
///
/// `piece` holds the fine rows under the coarse rows `band`; what falls on other rows is left out.
pub(crate) fn fold<T: Real>(
    g: &Geometry,
    columns: &[T],
    rows: Range<usize>,
    band: &Range<usize>,
    piece: &mut [T],
) {
    let top = 2 * band.start;
    for (at, row) in rows.enumerate() {
        for (ky, taps) in columns.chunks_exact(columns.len() / 4).enumerate() {
            let padded = 2 * (row % g.height) + ky;
            if padded == 0 || padded > 2 * g.height {
                continue;
            }
            let fine_row = 2 * row + ky - 1;
            if (top..2 * band.end).contains(&fine_row) {
                let line = &mut piece[(fine_row - top) * 2 * g.width..][..2 * g.width];
                fold_row(taps, at * g.width, line);
            }
        }
    }
}

/// Adds the four taps of one kernel row at one row of positions, from `at` in each row of `taps`, to a fine row.
fn fold_row<T: Real>(taps: &[T], at: usize, line: &mut [T]) {
    let (width, stride) = (line.len() / 2, taps.len() / 4);
    let [tap0, tap1, tap2, tap3] = [0, 1, 2, 3].map(|kx| &taps[kx * stride + at..][..width]);
    // Pixel 2j is tap 1 of position j and tap 3 of j - 1; pixel 2j + 1 is tap 2 of j and tap 0 of j + 1.
    line[0] += tap1[0];
    line[2 * width - 1] += tap2[width - 1];
    let pairs = line[1..2 * width - 1].as_chunks_mut::<2>().0.iter_mut();
    let odd = tap2.iter().zip(&tap0[1..]);
    let even = tap3.iter().zip(&tap1[1..]);
    for ((pair, (two, zero)), (three, one)) in pairs.zip(odd).zip(even) {
        pair[0] += *two + *zero;
        pair[1] += *three + *one;
    }
}
