//! G for use, not for training: batch norm is folded into the convolutions before it.

use candle_core::{Device, Result, Tensor};

use crate::checkpoint::Checkpoint;
use crate::conv::{
    Activation::{Relu, Sigmoid},
    Layer,
};
use crate::generator::{BATCH_NORM_EPS, DEPTH};

/// [`Generator`](crate::Generator) whose running statistics have become part of its weights.
#[derive(Clone, Debug)]
pub(crate) struct FrozenGenerator {
    down: Vec<Layer>,
    up: Vec<Layer>,
    out: Layer,
}

impl FrozenGenerator {
    pub(crate) fn new(checkpoint: &Checkpoint, device: &Device) -> crate::Result<Self> {
        let parameter = |name: &str| {
            let missing = || candle_core::Error::Msg(format!("parameter {name} is missing"));
            checkpoint.parameters.get(name).ok_or_else(missing)
        };
        let layer = |prefix: String, output_dimension: usize| -> Result<Layer> {
            let get = |name: &str| parameter(&format!("{prefix}.{name}"));
            let scale = (get("1.weight")? / (get("1.running_var")? + BATCH_NORM_EPS)?.sqrt()?)?;
            let bias = (get("1.bias")? - (get("1.running_mean")? * &scale)?)?;
            let mut along = [1; 4];
            along[output_dimension] = scale.elem_count();
            let weight = get("0.weight")?.broadcast_mul(&scale.reshape(&along[..])?)?;
            Layer::new(&weight, &bias, device)
        };
        let down = (0..DEPTH).map(|i| layer(format!("down.{i}"), 0)).collect::<Result<_>>()?;
        let up = (0..DEPTH - 1).map(|i| layer(format!("up.{i}"), 1)).collect::<Result<_>>()?;
        let out = Layer::new(parameter("out.weight")?, parameter("out.bias")?, device)?;
        Ok(Self { down, up, out })
    }

    /// GM `[N, 2, H, W]` to RGB `[N, 3, H, W]` in 0..=1, as [`Generator`](crate::Generator) makes it when it does
    /// not train.
    pub(crate) fn forward(&self, gm: &Tensor) -> Result<Tensor> {
        let mut x = gm.transpose(0, 1)?.contiguous()?; // channels first over the whole batch, as conv.rs has it
        let mut skips = Vec::with_capacity(DEPTH);
        for layer in &self.down {
            x = layer.convolve(&x, Relu)?;
            skips.push(x.clone());
        }
        skips.pop(); // the bottom has no counterpart
        let mut skip = None;
        for layer in &self.up {
            x = layer.convolve_transposed(&parts(&x, skip.as_ref()), Relu)?;
            skip = skips.pop();
        }
        self.out.convolve_transposed(&parts(&x, skip.as_ref()), Sigmoid)?.transpose(0, 1)?.contiguous()
    }
}

/// The channels of a decoder's input, in their order.
fn parts<'a>(x: &'a Tensor, skip: Option<&'a Tensor>) -> Vec<&'a Tensor> {
    [x].into_iter().chain(skip).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::Device;
    use candle_nn::ModuleT;

    use super::*;

    /// Weights, input and output that PyTorch made of the same network; `scripts/pytorch_parity.py` says how.
    fn fixture() -> (Checkpoint, Tensor, Tensor) {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pytorch"));
        let pair = candle_core::safetensors::load(folder.join("pair.safetensors"), &Device::Cpu).unwrap();
        let checkpoint = Checkpoint::load(&folder.join("generator.safetensors")).unwrap();
        (checkpoint, pair["gm"].clone(), pair["rgb"].clone())
    }

    fn largest(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn the_same_weights_give_the_output_of_pytorch() {
        let (checkpoint, gm, rgb) = fixture();
        let trainable = checkpoint.generator(&Device::Cpu).unwrap().forward_t(&gm, false).unwrap();
        let frozen = FrozenGenerator::new(&checkpoint, &Device::Cpu).unwrap().forward(&gm).unwrap();
        assert!(largest(&trainable, &rgb) < 1e-4, "{}", largest(&trainable, &rgb));
        assert!(largest(&frozen, &rgb) < 1e-4, "{}", largest(&frozen, &rgb));
    }
}
