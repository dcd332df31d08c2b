//! G's weights for use, not for training: batch norm is part of the convolutions before it.

use candle_core::{Result, Tensor};

use crate::checkpoint::Checkpoint;
use crate::generator::{BATCH_NORM_EPS, DEPTH};

/// Weights and biases, f32 on the CPU, in the order in which G applies them.
pub(crate) struct Folded {
    /// Convolutions: weights `[out, in, 4, 4]` and biases `[out]`.
    pub(crate) down: Vec<(Tensor, Tensor)>,
    /// Transposed convolutions: weights `[in, out, 4, 4]` and biases `[out]`.
    pub(crate) up: Vec<(Tensor, Tensor)>,
    /// The last transposed convolution.
    pub(crate) out: (Tensor, Tensor),
}

impl Folded {
    /// Makes the running statistics of a checkpoint part of its weights.
    ///
    /// # Errors
    /// If a parameter is missing.
    pub(crate) fn new(checkpoint: &Checkpoint) -> Result<Self> {
        let parameter = |name: &str| {
            let missing = || candle_core::Error::Msg(format!("parameter {name} is missing"));
            checkpoint.parameters.get(name).cloned().ok_or_else(missing)
        };
        let layer = |prefix: String, output_dimension: usize| -> Result<(Tensor, Tensor)> {
            let get = |name: &str| parameter(&format!("{prefix}.{name}"));
            let scale = (get("1.weight")? / (get("1.running_var")? + BATCH_NORM_EPS)?.sqrt()?)?;
            let bias = (get("1.bias")? - (get("1.running_mean")? * &scale)?)?;
            let mut along = [1; 4];
            along[output_dimension] = scale.elem_count();
            Ok((get("0.weight")?.broadcast_mul(&scale.reshape(&along[..])?)?, bias))
        };
        Ok(Self {
            down: (0..DEPTH).map(|i| layer(format!("down.{i}"), 0)).collect::<Result<_>>()?,
            up: (0..DEPTH - 1).map(|i| layer(format!("up.{i}"), 1)).collect::<Result<_>>()?,
            out: (parameter("out.weight")?, parameter("out.bias")?),
        })
    }
}
