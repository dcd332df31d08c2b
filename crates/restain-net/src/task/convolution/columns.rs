//! The columns of a convolution: at each position, the pixel under each tap of each input channel.
//!
//! A column matrix is `[channels * taps, positions]`, its row `(channel * kernel + ky) * kernel + kx`, rows filled up to a
//! stride. The position `(i, j)` of an image sees the pixel `(stride i + ky - padding, stride j + kx - padding)`, zero
//! where that lies outside the image.

use std::ops::Range;

use crate::conv::window::Sliding;
use crate::values::Real;

/// Writes the columns of the input channels in `x`, whole planes, at the positions of `rows`.
pub(super) fn unfold<T: Real>(g: &Sliding, x: &[T], rows: &Range<usize>, columns: &mut [T], stride: usize) {
    let (kernel, step) = (g.window.kernel, g.window.stride);
    let planes = x.chunks_exact(g.input_plane());
    for (plane, taps) in planes.zip(columns.chunks_exact_mut(g.window.taps() * stride)) {
        for (tap, line) in taps.chunks_exact_mut(stride).enumerate() {
            let (down, _) = g.window.inside(tap / kernel, g.height);
            let (across, first) = g.window.inside(tap % kernel, g.width);
            for (row, line) in rows.clone().zip(line.chunks_exact_mut(g.columns)) {
                if !down.contains(&(row % g.rows)) {
                    line.fill(T::zero());
                    continue;
                }
                let pixels = &plane[pixel_row(g, row, tap / kernel) * g.width..][..g.width];
                line[..across.start].fill(T::zero());
                line[across.end..].fill(T::zero());
                let line = &mut line[across.clone()];
                if step == 1 {
                    line.copy_from_slice(&pixels[first..][..line.len()]);
                } else {
                    for (value, pixel) in line.iter_mut().zip(pixels[first..].iter().step_by(step)) {
                        *value = *pixel;
                    }
                }
            }
        }
    }
}

/// Adds the columns of one input channel at the positions of `rows` to the pixels they stand for; the adjoint of
/// [`unfold`].
///
/// `pixels` holds the images from number `image` on.
pub(super) fn fold<T: Real>(
    g: &Sliding,
    columns: &[T],
    rows: &Range<usize>,
    image: usize,
    pixels: &mut [T],
    stride: usize,
) {
    let (kernel, step) = (g.window.kernel, g.window.stride);
    for (tap, line) in columns.chunks_exact(stride).enumerate() {
        let (down, _) = g.window.inside(tap / kernel, g.height);
        let (across, first) = g.window.inside(tap % kernel, g.width);
        for (row, line) in rows.clone().zip(line.chunks_exact(g.columns)) {
            if !down.contains(&(row % g.rows)) {
                continue;
            }
            let at = (pixel_row(g, row, tap / kernel) - image * g.height) * g.width;
            let pixels = &mut pixels[at..][..g.width];
            let line = &line[across.clone()];
            if step == 1 {
                for (pixel, value) in pixels[first..].iter_mut().zip(line) {
                    *pixel += *value;
                }
            } else {
                for (pixel, value) in pixels[first..].iter_mut().step_by(step).zip(line) {
                    *pixel += *value;
                }
            }
        }
    }
}

/// The row of pixels, counted over the whole batch, that a row of positions sees with a kernel row that falls inside.
fn pixel_row(g: &Sliding, row: usize, ky: usize) -> usize {
    row / g.rows * g.height + row % g.rows * g.window.stride + ky - g.window.padding
}
