//! G in f32 on any device of candle: batch norm is folded into the convolutions before it. The CPU has a plan of its own,
//! `cpu.rs`, GPUs have one in bf16, `gpu.rs`, and this is the twin of both.

use candle_core::{Device, Result, Tensor};

use crate::conv::{
    Activation::{Relu, Sigmoid},
    Layer,
};
use crate::engine::{Engine, Window};
use crate::folded::Folded;
use crate::generator::{CHANNELS_IN, CHANNELS_OUT, DEPTH};
use crate::need::Area;

/// [`Generator`](crate::Generator) whose running statistics have become part of its weights.
#[derive(Clone, Debug)]
pub(crate) struct FrozenGenerator {
    down: Vec<Layer>,
    up: Vec<Layer>,
    out: Layer,
    device: Device,
}

/// Images that it takes at a time.
const BATCH: usize = 4;

impl FrozenGenerator {
    pub(crate) fn new(folded: &Folded, device: &Device) -> Result<Self> {
        let layer = |(weight, bias): &(Tensor, Tensor)| Layer::new(weight, bias, device);
        Ok(Self {
            down: folded.down.iter().map(layer).collect::<Result<_>>()?,
            up: folded.up.iter().map(layer).collect::<Result<_>>()?,
            out: layer(&folded.out)?,
            device: device.clone(),
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

impl Engine for FrozenGenerator {
    fn name(&self) -> &'static str {
        "candle, f32"
    }

    fn workspace(&self, height: usize, width: usize) -> usize {
        BATCH * height * width * (CHANNELS_IN + CHANNELS_OUT) * size_of::<f32>()
    }

    fn batch_size(&self, _: usize, _: usize) -> usize {
        BATCH
    }

    fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> crate::Result<Vec<Vec<u8>>> {
        let mut cores = Vec::with_capacity(windows.len());
        for batch in windows.chunks(BATCH) {
            let gms = batch.iter().map(|window| window.pixels.gm(height, width));
            let gm = gms.collect::<crate::Result<Vec<_>>>()?.concat();
            let x = Tensor::from_vec(gm, (batch.len(), CHANNELS_IN, height, width), &self.device)?;
            let planes = self.forward(&x)?.flatten_all()?.to_vec1::<f32>()?;
            let images = planes.chunks_exact(CHANNELS_OUT * height * width).zip(batch);
            cores.extend(images.map(|(planes, window)| interleave(planes, width, &window.core)));
        }
        Ok(cores)
    }
}

/// The core of planar RGB in 0..=1 as interleaved bytes, rounded to the nearest.
fn interleave(planes: &[f32], width: usize, core: &Area) -> Vec<u8> {
    let plane = planes.len() / CHANNELS_OUT;
    let byte = |value: f32| (value * 255.0 + 0.5) as u8; // saturating
    let places =
        core.rows.clone().flat_map(|row| core.columns.clone().map(move |column| row * width + column));
    places.flat_map(|at| [0, 1, 2].map(|channel| byte(planes[channel * plane + at]))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_nn::ModuleT;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::{Pixels, Precision, cpu, testing};

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

    #[test]
    fn bytes_are_rounded_to_the_nearest() {
        let planes = [9.0, 0.0, 0.0019, 9.0, 1.0, 0.002, 9.0, 0.5, 0.999];
        assert_eq!(interleave(&planes, 3, &Area { rows: 0..1, columns: 1..3 }), [0, 255, 128, 0, 1, 255]);
    }

    #[test]
    fn cores_of_more_images_than_a_batch_are_those_of_the_cpu() {
        let (checkpoint, ..) = fixture();
        let folded = Folded::new(&checkpoint).unwrap();
        let (height, width) = (64, 128);
        let gms: Vec<_> = (0..=BATCH)
            .map(|i| testing::gm(height, width).into_iter().map(move |v| v * i as f32 / 5.0))
            .collect();
        let gms: Vec<Vec<f32>> = gms.into_iter().map(Iterator::collect).collect();
        let windows: Vec<_> = gms
            .iter()
            .map(|gm| Window { pixels: Pixels::Gm(gm), core: Area { rows: 3..40, columns: 20..99 } })
            .collect();
        let frozen =
            FrozenGenerator::new(&folded, &Device::Cpu).unwrap().restain(&windows, height, width).unwrap();
        let cpu = cpu::plan(&folded, Precision::F32).unwrap().restain(&windows, height, width).unwrap();
        for (frozen, cpu) in frozen.iter().zip(&cpu) {
            assert!(testing::difference(frozen, cpu).0 <= 1);
        }
        assert_eq!(frozen.len(), BATCH + 1);
    }
}
