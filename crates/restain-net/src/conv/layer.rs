//! A convolution with bias and activation on any device, for inference: no gradient.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::sigmoid;

use super::dense;
use super::window::Window;

/// What follows a convolution's bias.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Activation {
    Relu,
    Sigmoid,
}

/// A convolution or transposed convolution k4 s2 p1 with its bias.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    weight: Tensor,
    bias: Tensor,
}

impl Layer {
    /// Takes the weights of a convolution `[D, C, 4, 4]` or a transposed one `[C, D, 4, 4]`, and the bias `[D]`.
    pub(crate) fn new(weight: &Tensor, bias: &Tensor, device: &Device) -> Result<Self> {
        let bias = bias.to_device(device)?.reshape(((), 1, 1, 1))?;
        Ok(Self { weight: weight.to_device(device)?.contiguous()?, bias })
    }

    /// The convolution of `[C, N, H, W]`, with bias and activation.
    pub(crate) fn convolve(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.finish(&dense::convolve(x, &self.weight, Window::HALVING)?, activation)
    }

    /// The transposed convolution of `[C, N, H, W]`, with bias and activation.
    pub(crate) fn convolve_transposed(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        self.finish(&dense::conv_transpose(x, &self.weight)?, activation)
    }

    fn finish(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let x = x.broadcast_add(&self.bias)?;
        match activation {
            Activation::Relu => x.relu(),
            Activation::Sigmoid => sigmoid(&x),
        }
    }
}
