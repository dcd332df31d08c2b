//! The columns of a convolution: at each position, the pixel under each tap of each input channel.
//!
//! A column matrix is `[channels * taps, positions]`, its row `(channel * kernel + ky) * kernel + kx`, rows filled up to a
//! stride. The position `(i, j)` of an image sees the pixel `(stride i + ky - padding, stride j + kx - padding)`, zero
//! where that lies outside the image.

use std::ops::Range;

use super::window::Sliding;
use crate::values::Real;

/// Writes the columns of the input channels in `x`, whole planes, at the positions of `rows`.
pub(super) fn unfold<T: Real>(g: &Sliding, x: &[T], rows: &Range<usize>, columns: &mut [T], stride: usize) {
    let (kernel, step, across) = (g.window.kernel, g.window.stride, across(g));
    let planes = x.chunks_exact(g.input_plane());
    for (plane, patch) in planes.zip(columns.chunks_exact_mut(g.window.taps() * stride)) {
        for (ky, taps) in patch.chunks_exact_mut(kernel * stride).enumerate() {
            let (down, _) = g.window.inside(ky, g.height);
            for (at, row) in rows.clone().enumerate() {
                let line = at * g.columns..(at + 1) * g.columns;
                if !down.contains(&(row % g.rows)) {
                    for tap in taps.chunks_exact_mut(stride) {
                        tap[line.clone()].fill(T::zero());
                    }
                    continue;
                }
                let pixels = &plane[pixel_row(g, row, ky) * g.width..][..g.width];
                if g.halves() {
                    unfold_halves(pixels, taps, line);
                    continue;
                }
                for (tap, (inside, first)) in taps.chunks_exact_mut(stride).zip(&across) {
                    let line = &mut tap[line.clone()];
                    line[..inside.start].fill(T::zero());
                    line[inside.end..].fill(T::zero());
                    let line = &mut line[inside.clone()];
                    if step == 1 {
                        line.copy_from_slice(&pixels[*first..][..line.len()]);
                    } else {
                        for (value, pixel) in line.iter_mut().zip(pixels[*first..].iter().step_by(step)) {
                            *value = *pixel;
                        }
                    }
                }
            }
        }
    }
}

/// Writes the four taps of a row of a kernel that halves, each pair of pixels read once.
fn unfold_halves<T: Real>(pixels: &[T], taps: &mut [T], line: Range<usize>) {
    let (width, stride) = (line.len(), taps.len() / 4);
    let (tap0, rest) = taps.split_at_mut(stride);
    let (tap1, rest) = rest.split_at_mut(stride);
    let (tap2, tap3) = rest.split_at_mut(stride);
    let [tap0, tap1, tap2, tap3] = [tap0, tap1, tap2, tap3].map(|tap| &mut tap[line.clone()]);
    for ((pair, even), odd) in pixels.as_chunks::<2>().0.iter().zip(tap1.iter_mut()).zip(tap2.iter_mut()) {
        [*even, *odd] = *pair;
    }
    tap0[0] = T::zero();
    tap0[1..].copy_from_slice(&tap2[..width - 1]);
    tap3[..width - 1].copy_from_slice(&tap1[1..]);
    tap3[width - 1] = T::zero();
}

/// Adds the columns of some input channels at the positions of `rows` to the pixels they stand for; the adjoint of
/// [`unfold`].
///
/// `pieces` holds the rows `band` of each channel, counted over the whole batch; what falls on other rows is left out.
/// Rows of positions reach a pixel in their order, however they are cut into calls.
pub(super) fn fold<T: Real>(
    g: &Sliding,
    columns: &[T],
    rows: &Range<usize>,
    (band, pieces): (&Range<usize>, &mut [&mut [T]]),
    stride: usize,
) {
    let (kernel, step, across) = (g.window.kernel, g.window.stride, across(g));
    for (piece, patch) in pieces.iter_mut().zip(columns.chunks_exact(g.window.taps() * stride)) {
        // The last row of the kernel sees a pixel from the first of the positions.
        for (ky, taps) in patch.chunks_exact(kernel * stride).enumerate().rev() {
            let (down, _) = g.window.inside(ky, g.height);
            for (at, row) in rows.clone().enumerate() {
                if !down.contains(&(row % g.rows)) {
                    continue;
                }
                let pixel_row = pixel_row(g, row, ky);
                if !band.contains(&pixel_row) {
                    continue;
                }
                let pixels = &mut piece[(pixel_row - band.start) * g.width..][..g.width];
                let line = at * g.columns..(at + 1) * g.columns;
                if g.halves() {
                    fold_halves(taps, line, pixels);
                    continue;
                }
                for (tap, (inside, first)) in taps.chunks_exact(stride).zip(&across) {
                    let line = &tap[line.clone()][inside.clone()];
                    if step == 1 {
                        for (pixel, value) in pixels[*first..].iter_mut().zip(line) {
                            *pixel += *value;
                        }
                    } else {
                        for (pixel, value) in pixels[*first..].iter_mut().step_by(step).zip(line) {
                            *pixel += *value;
                        }
                    }
                }
            }
        }
    }
}

/// Adds the four taps of a row of a kernel that halves to a row of pixels, each pair of pixels written once.
fn fold_halves<T: Real>(taps: &[T], line: Range<usize>, pixels: &mut [T]) {
    let (width, stride) = (line.len(), taps.len() / 4);
    let [tap0, tap1, tap2, tap3] = [0, 1, 2, 3].map(|kx| &taps[kx * stride..][line.clone()]);
    // Pixel 2j is tap 1 of position j and tap 3 of j - 1; pixel 2j + 1 is tap 2 of j and tap 0 of j + 1.
    pixels[0] += tap1[0];
    pixels[2 * width - 1] += tap2[width - 1];
    let pairs = pixels[1..2 * width - 1].as_chunks_mut::<2>().0.iter_mut();
    let odd = tap2.iter().zip(&tap0[1..]);
    let even = tap3.iter().zip(&tap1[1..]);
    for ((pair, (two, zero)), (three, one)) in pairs.zip(odd).zip(even) {
        pair[0] += *two + *zero;
        pair[1] += *three + *one;
    }
}

/// For each tap of a row of the kernel, the positions across at which it falls inside an image, and the pixel that the
/// first of them sees.
fn across(g: &Sliding) -> Vec<(Range<usize>, usize)> {
    (0..g.window.kernel).map(|kx| g.window.inside(kx, g.width)).collect()
}

/// The row of pixels, counted over the whole batch, that a row of positions sees with a kernel row that falls inside.
fn pixel_row(g: &Sliding, row: usize, ky: usize) -> usize {
    row / g.rows * g.height + row % g.rows * g.window.stride + ky - g.window.padding
}
