//! A convolution with bias and activation, for inference: one pass, no gradient.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::sigmoid;

use super::geometry::Geometry;
use super::{dense, kernel};
use crate::values::with_values;

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
    /// The bias again, where every thread can read it.
    biases: Vec<f32>,
}

impl Layer {
    /// Takes the weights of a convolution `[D, C, 4, 4]` or a transposed one `[C, D, 4, 4]`, and the bias `[D]`.
    pub(crate) fn new(weight: &Tensor, bias: &Tensor, device: &Device) -> Result<Self> {
        let (weight, bias) = (weight.to_device(device)?.contiguous()?, bias.to_device(device)?);
        let biases = bias.to_vec1()?;
        Ok(Self { weight, bias, biases })
    }

    /// The convolution of `[C, N, H, W]`, with bias and activation.
    pub(crate) fn convolve(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        if !x.device().is_cpu() {
            return self.finish(&dense::conv(x, &self.weight)?, activation);
        }
        let x = x.contiguous()?;
        let g = Geometry::of_fine(x.shape(), self.weight.shape())?;
        let mut y = vec![0.0; g.coarse * g.plane()];
        with_values(&[&x, &self.weight], |all| {
            kernel::convolve(&g, all[0], all[1], &mut y, |channel, piece| {
                activation.apply(self.biases[channel], piece);
            });
            Ok(())
        })?;
        Tensor::from_vec(y, g.coarse_shape(), &Device::Cpu)
    }

    /// The transposed convolution of `[C, N, H, W]`, which may come in parts that follow each other along C, with
    /// bias and activation.
    pub(crate) fn convolve_transposed(&self, parts: &[&Tensor], activation: Activation) -> Result<Tensor> {
        if parts.iter().any(|x| !x.device().is_cpu()) {
            let y = dense::conv_transpose(&Tensor::cat(parts, 0)?, &self.weight)?;
            return self.finish(&y, activation);
        }
        let parts: Vec<_> = parts.iter().map(|x| x.contiguous()).collect::<Result<_>>()?;
        let g = Geometry::of_coarse_parts(&parts, self.weight.shape())?;
        let mut y = vec![0.0; 4 * g.fine * g.plane()];
        let all: Vec<&Tensor> = parts.iter().chain([&self.weight]).collect();
        with_values(&all, |all| {
            let (weight, parts) = (all[parts.len()], &all[..parts.len()]);
            kernel::convolve_transposed(&g, parts, weight, &mut y, |channel, piece| {
                activation.apply(self.biases[channel], piece);
            });
            Ok(())
        })?;
        Tensor::from_vec(y, g.fine_shape(), &Device::Cpu)
    }

    /// Bias and activation in candle's own operations.
    fn finish(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let x = x.broadcast_add(&self.bias.reshape(((), 1, 1, 1))?)?;
        match activation {
            Activation::Relu => x.relu(),
            Activation::Sigmoid => sigmoid(&x),
        }
    }
}

impl Activation {
    fn apply(self, bias: f32, values: &mut [f32]) {
        for value in values {
            let sum = *value + bias;
            *value = match self {
                Self::Relu => sum.max(0.0),
                Self::Sigmoid => 1.0 / (1.0 + (-sum).exp()),
            };
        }
    }
}
