//! Convolution and transposed convolution, both with a 4x4 kernel, stride 2 and padding 1: the only two of G.

use candle_core::{Result, Tensor};

/// Convolution k4 s2 p1 without bias: `[N, C, H, W]` with `weight` `[D, C, 4, 4]` gives `[N, D, H/2, W/2]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn conv(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.conv2d(weight, 1, 2, 1, 1)
}

/// Transposed convolution k4 s2 p1 without bias: `[N, C, H, W]` with `weight` `[C, D, 4, 4]` gives `[N, D, 2H, 2W]`.
///
/// # Errors
/// If the shapes do not fit.
pub fn conv_transpose(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.conv_transpose2d(weight, 1, 0, 2, 1)
}
