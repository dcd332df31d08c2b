//! Convolution and max pooling made of candle's operations with right gradients, for devices other than the CPU.
//!
//! candle's own have wrong gradients (its max pooling on every device) or none (its convolution with stride 2 where the sides
//! leave different remainders).

use candle_core::{Result, Tensor};

use crate::conv::window::Window;

/// Convolution without bias: `[C, N, H, W]` with `weight` `[D, C, kernel, kernel]` gives `[D, N, rows, columns]`, as one
/// product with the columns of all positions.
///
/// # Errors
/// If the shapes do not fit.
pub(super) fn convolve(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let (channels, images, height, width) = x.dims4()?;
    let columns = Tensor::stack(&taps(x, window, 0.0)?, 1)?.reshape((channels * window.taps(), ()))?;
    let outputs = weight.dim(0)?;
    let y = weight.reshape((outputs, channels * window.taps()))?.matmul(&columns)?;
    y.reshape((outputs, images, window.positions(height), window.positions(width)))
}

/// Max pooling of `[C, N, H, W]` to `[C, N, rows, columns]`. Equal pixels share a gradient.
///
/// # Errors
/// If a tensor operation fails.
pub(super) fn max_pool(x: &Tensor, window: Window) -> Result<Tensor> {
    let mut taps = taps(x, window, f64::NEG_INFINITY)?.into_iter();
    let Some(first) = taps.next() else { return x.narrow(2, 0, 0) };
    taps.try_fold(first, |largest, tap| largest.maximum(&tap))
}

/// What each tap of the window sees, `[C, N, rows, columns]`, with `outside` in the padding.
fn taps(x: &Tensor, window: Window, outside: f64) -> Result<Vec<Tensor>> {
    let Window { kernel, stride, padding } = window;
    let (channels, images, height, width) = x.dims4()?;
    // So many pixels that whole strides begin at every tap.
    let length = |side: usize| stride * window.positions(side) + kernel;
    let pad = |x: Tensor, axis: usize, side: usize| {
        let fill = |length: usize| {
            let mut shape = x.dims().to_vec();
            shape[axis] = length;
            Tensor::full(outside as f32, shape, x.device())?.to_dtype(x.dtype())
        };
        let behind = length(side).saturating_sub(padding + side);
        Tensor::cat(&[&fill(padding)?, &x, &fill(behind)?], axis)?.narrow(axis, 0, length(side))
    };
    let padded = pad(pad(x.clone(), 2, height)?, 3, width)?;
    let (rows, columns) = (window.positions(height), window.positions(width));
    let mut taps = Vec::with_capacity(window.taps());
    for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
        let tap = padded.narrow(2, ky, rows * stride)?.narrow(3, kx, columns * stride)?.contiguous()?;
        let tap = tap.reshape((channels * images, rows, stride, columns, stride))?;
        let tap = tap.narrow(4, 0, 1)?.narrow(2, 0, 1)?.contiguous()?;
        taps.push(tap.reshape((channels, images, rows, columns))?);
    }
    Ok(taps)
}
