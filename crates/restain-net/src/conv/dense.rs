//! Convolutions as one large matrix product each, made of candle's differentiable operations with right gradients, for any
//! device.
//!
//! candle's own have none where the stride is 2 and the sides leave different remainders.

use candle_core::{Result, Tensor};

use super::window::Window;

/// Convolution without bias: `[C, N, H, W]` with `weight` `[D, C, kernel, kernel]` gives `[D, N, rows, columns]`.
///
/// # Errors
/// If the shapes do not fit.
pub(super) fn convolve(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let (channels, images, height, width) = x.dims4()?;
    let (outputs, depth) = (weight.dim(0)?, window.taps() * channels);
    let columns = Tensor::stack(&taps(x, window, 0.0)?, 0)?.reshape((depth, ()))?;
    // As the columns are, taps before channels.
    let weight =
        weight.reshape((outputs, channels, window.taps()))?.transpose(1, 2)?.reshape((outputs, depth))?;
    weight.matmul(&columns)?.reshape((outputs, images, window.positions(height), window.positions(width)))
}

/// Transposed convolution k4 s2 p1 without bias: `[C, N, H, W]` with `weight` `[C, D, 4, 4]` gives `[D, N, 2H, 2W]`.
///
/// Each of the four output phases (even or odd row, even or odd column) is a 2x2 convolution of the padded image,
/// so all four are one with 4 D channels. A phase of odd rows starts one row further down, one of odd columns one
/// column further right.
///
/// # Errors
/// If the shapes do not fit.
#[cfg(any(feature = "cuda", test))]
pub(super) fn conv_transpose(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (c, n, h, w) = x.dims4()?;
    let d = weight.dim(1)?;
    // Output row 2m + p takes kernel row k = 3 - 2t - p from row t of the 2 rows it sees. With both t and p counted
    // backward that is 2t + p, the order in which the kernel lies in memory.
    let mut taps = taps(x, Window { kernel: 2, stride: 1, padding: 1 }, 0.0)?;
    taps.reverse();
    let columns = Tensor::stack(&taps, 0)?.reshape((4 * c, ()))?;
    let weight = weight
        .reshape(&[c, d, 2, 2, 2, 2][..])?
        .permute([3, 5, 1, 2, 4, 0].to_vec())?
        .reshape((4 * d, 4 * c))?;
    let phases = weight.matmul(&columns)?.reshape((4, d, n, (h + 1) * (w + 1)))?;
    let phase = |py: usize, px: usize| {
        phases.get(2 * (1 - py) + (1 - px))?.reshape((d, n, h + 1, w + 1))?.narrow(2, py, h)?.narrow(3, px, w)
    };
    let even = Tensor::stack(&[phase(0, 0)?, phase(0, 1)?], 4)?;
    let odd = Tensor::stack(&[phase(1, 0)?, phase(1, 1)?], 4)?;
    Tensor::stack(&[even, odd], 3)?.reshape((d, n, 2 * h, 2 * w))
}

/// What each tap of the window sees, `[C, N, rows, columns]`, with `outside` in the padding.
///
/// The padded image is cut into cells of stride x stride pixels, in which a tap is one pixel of each cell.
pub(crate) fn taps(x: &Tensor, window: Window, outside: f64) -> Result<Vec<Tensor>> {
    let Window { kernel, stride, padding } = window;
    let (channels, images, height, width) = x.dims4()?;
    let (rows, columns) = (window.positions(height), window.positions(width));
    // So many cells that the last tap has one at every position.
    let cells = |positions: usize| positions + (kernel - 1) / stride;
    let pad = |x: Tensor, axis: usize, cells: usize| {
        let fill = |length: usize| {
            let mut shape = x.dims().to_vec();
            shape[axis] = length;
            Tensor::full(outside as f32, shape, x.device())?.to_dtype(x.dtype())
        };
        let length = stride * cells;
        let behind = length.saturating_sub(padding + x.dim(axis)?);
        Tensor::cat(&[&fill(padding)?, &x, &fill(behind)?], axis)?.narrow(axis, 0, length)
    };
    let (down, across) = (cells(rows), cells(columns));
    let padded = pad(pad(x.clone(), 2, down)?, 3, across)?;
    let cells = padded
        .reshape(&[channels, images, down, stride, across, stride][..])?
        .permute([3, 5, 0, 1, 2, 4].to_vec())?
        .contiguous()?
        .reshape(&[stride * stride, channels, images, down, across][..])?;
    let tap = |tap: usize| {
        let (ky, kx) = (tap / kernel, tap % kernel);
        let pixel = cells.get(ky % stride * stride + kx % stride)?;
        pixel.narrow(2, ky / stride, rows)?.narrow(3, kx / stride, columns)
    };
    (0..window.taps()).map(tap).collect()
}
