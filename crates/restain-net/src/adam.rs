//! Adam on the GPU.

use candle_core::{Result, Tensor};

/// What one step of Adam (Kingma & Ba 2015) multiplies with.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Decay rate of the mean of the gradients, in 0..1.
    pub beta1: f64,
    /// Decay rate of the mean of the squared gradients, in 0..1.
    pub beta2: f64,
    /// Step size, corrected for the moments' start at zero.
    pub size: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
}

/// Moves f32 tensors on a GPU, in one pass: `mean` and `square` towards the gradient and its square, then `variable`
/// by `size * mean / (sqrt(square) + epsilon)` against it.
///
/// All have one shape and are contiguous. They move in place, so other tensors over the same memory move with them.
///
/// # Errors
/// If a tensor is none of that, or CUDA fails.
#[cfg_attr(not(feature = "cuda"), allow(unused_variables, reason = "there is no GPU"))]
pub fn adam_on_gpu(
    variable: &Tensor,
    mean: &Tensor,
    square: &Tensor,
    gradient: &Tensor,
    step: &AdamStep,
) -> Result<()> {
    #[cfg(feature = "cuda")]
    return crate::gpu::training::cuda::adam(variable, mean, square, gradient, step);
    #[cfg(not(feature = "cuda"))]
    candle_core::bail!("this build has no GPU support")
}
