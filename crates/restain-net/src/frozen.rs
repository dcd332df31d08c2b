//! G for use on any device of candle: batch norm is folded into the convolutions before it. The CPU has a plan of its
//! own, `cpu.rs`, and this is its twin.

use candle_core::{Device, Result, Tensor};

use crate::conv::{
    Activation::{Relu, Sigmoid},
    Layer,
};
use crate::folded::Folded;
use crate::generator::DEPTH;

/// [`Generator`](crate::Generator) whose running statistics have become part of its weights.
#[derive(Clone, Debug)]
pub(crate) struct FrozenGenerator {
    down: Vec<Layer>,
    up: Vec<Layer>,
    out: Layer,
}

impl FrozenGenerator {
    pub(crate) fn new(folded: &Folded, device: &Device) -> Result<Self> {
        let layer = |(weight, bias): &(Tensor, Tensor)| Layer::new(weight, bias, device);
        Ok(Self {
            down: folded.down.iter().map(layer).collect::<Result<_>>()?,
            up: folded.up.iter().map(layer).collect::<Result<_>>()?,
            out: layer(&folded.out)?,
        })
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
        for layer in &self.up {
            x = layer.convolve_transposed(&x, Relu)?;
            if let Some(skip) = skips.pop() {
                x = Tensor::cat(&[x, skip], 0)?;
            }
        }
        self.out.convolve_transposed(&x, Sigmoid)?.transpose(0, 1)?.contiguous()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_nn::ModuleT;

    use crate::checkpoint::Checkpoint;

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
        let folded = Folded::new(&checkpoint).unwrap();
        let frozen = FrozenGenerator::new(&folded, &Device::Cpu).unwrap().forward(&gm).unwrap();
        assert!(largest(&trainable, &rgb) < 1e-4, "{}", largest(&trainable, &rgb));
        assert!(largest(&frozen, &rgb) < 1e-4, "{}", largest(&frozen, &rgb));
    }
}
