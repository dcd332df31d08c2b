//! The convolutions as one large matrix product each, made of candle's differentiable operations, for any device.

use candle_core::{Result, Tensor};

/// Convolution k4 s2 p1 without bias: `[C, N, H, W]` with `weight` `[D, C, 4, 4]` gives `[D, N, H/2, W/2]`; H and W
/// are even.
///
/// The padded image is cut into cells of 2x2 pixels, each cell a pixel of 4 C channels; over cells the kernel is
/// 2x2 with stride 1.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (c, n, height, width) = x.dims4()?;
    let (h, w) = (height / 2, width / 2);
    let cells = pad(x)?
        .reshape(&[c, n, h + 1, 2, w + 1, 2][..])?
        .permute([0, 3, 5, 1, 2, 4].to_vec())?
        .contiguous()?
        .reshape((4 * c, n, h + 1, w + 1))?;
    let columns = taps(&cells, [(0, 0), (0, 1), (1, 0), (1, 1)], h, w)?;
    let d = weight.dim(0)?;
    // [D, C, cell row, row in the cell, cell column, column in the cell] to the order of the columns
    let weight = weight
        .reshape(&[d, c, 2, 2, 2, 2][..])?
        .permute([0, 2, 4, 1, 3, 5].to_vec())?
        .reshape((d, 16 * c))?;
    weight.matmul(&columns)?.reshape((d, n, h, w))
}

/// Transposed convolution k4 s2 p1 without bias: `[C, N, H, W]` with `weight` `[C, D, 4, 4]` gives `[D, N, 2H, 2W]`.
///
/// Each of the four output phases (even or odd row, even or odd column) is a 2x2 convolution of the padded image,
/// so all four are one with 4 D channels. A phase of odd rows starts one row further down, one of odd columns one
/// column further right.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv_transpose(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (c, n, h, w) = x.dims4()?;
    let d = weight.dim(1)?;
    // Output row 2m + p takes kernel row k = 3 - 2t - p from row t of the 2 rows it sees. With both t and p counted
    // backward that is 2t + p, the order in which the kernel lies in memory.
    let columns = taps(&pad(x)?, [(1, 1), (1, 0), (0, 1), (0, 0)], h + 1, w + 1)?;
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

/// One row and column of zeros around each image.
fn pad(x: &Tensor) -> Result<Tensor> {
    x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)
}

/// `[C, N, H, W]` seen at four shifts, `h` x `w` pixels each, as the columns of a matrix `[4 C, N h w]`.
fn taps(x: &Tensor, shifts: [(usize, usize); 4], h: usize, w: usize) -> Result<Tensor> {
    let (c, n, ..) = x.dims4()?;
    let shifted: Vec<_> =
        shifts.iter().map(|&(dy, dx)| x.narrow(2, dy, h)?.narrow(3, dx, w)).collect::<Result<_>>()?;
    Tensor::cat(&shifted, 0)?.reshape((4 * c, n * h * w))
}
