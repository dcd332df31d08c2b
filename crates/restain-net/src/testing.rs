//! What tests of the engines compare with, and what they run on.

pub(crate) mod gradients;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};

use crate::checkpoint::Checkpoint;
use crate::{ARCHITECTURE, Card, Generator};

/// Something like a smear: smooth patches, edges and grain.
pub(crate) fn gm(height: usize, width: usize) -> Vec<f32> {
    let pixels = (0..height * width).map(|i| {
        let (y, x) = ((i / width) as f32, (i % width) as f32);
        let patches = (x / 23.0).sin() * (y / 31.0).cos() + if (x - y).abs() < 9.0 { -0.5 } else { 0.0 };
        (0.7 + 0.2 * patches + (i * 7919 % 101) as f32 / 1000.0).clamp(0.0, 1.0)
    });
    let gray: Vec<f32> = pixels.collect();
    let mask = gray.iter().map(|gray| if *gray > 0.75 { 1.0 } else { 0.0 });
    gray.iter().copied().chain(mask).collect()
}

/// What the trainable G makes of it on candle, rounded: the slow and obvious twin.
pub(crate) fn twin(checkpoint: &Checkpoint, gm: &[f32], height: usize, width: usize) -> Vec<u8> {
    let x = Tensor::from_slice(gm, (1, 2, height, width), &Device::Cpu).unwrap();
    let y = checkpoint.generator(&Device::Cpu).unwrap().forward_t(&x, false).unwrap();
    let y = y.permute((0, 2, 3, 1)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    y.into_iter().map(|value| (value * 255.0 + 0.5) as u8).collect()
}

pub(crate) fn shipped() -> Checkpoint {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/cric.safetensors");
    Checkpoint::load(Path::new(path)).unwrap()
}

/// A G of random weights and statistics, strong enough to show every colour.
pub(crate) fn random(base: usize) -> Checkpoint {
    let vars = VarMap::new();
    Generator::new(base, &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu)).unwrap();
    let data = vars.data().lock().unwrap();
    let by_name: BTreeMap<_, _> = data.iter().collect(); // the same weights in every run
    for (at, (name, var)) in by_name.into_iter().enumerate() {
        let noise = |i: usize| ((i * 7919 + at * 104_729) % 10_007) as f32 / 10_006.0;
        let values = (0..var.elem_count()).map(|i| match name.rsplit('.').next() {
            Some("running_var" | "weight") if var.rank() == 1 => 0.5 + noise(i),
            _ if var.rank() == 4 => (noise(i) - 0.5) * 1.2 / (var.dim(1).unwrap() as f32).sqrt(),
            _ => noise(i) - 0.5,
        });
        var.set(&Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(var.dims()).unwrap()).unwrap();
    }
    drop(data);
    let card = Card { base, ..shipped().card };
    assert_eq!(card.architecture, ARCHITECTURE);
    Checkpoint::of(card, &vars).unwrap()
}

/// The largest difference, and the mean.
pub(crate) fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let differences = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    let sum: f64 = differences().map(f64::from).sum();
    (differences().max().unwrap(), sum / a.len() as f64)
}

/// Interleaved RGB of images, something of every colour.
pub(crate) fn rgb(images: usize, height: usize, width: usize) -> Vec<u8> {
    let wave = |t: f32| 0.5 + 0.5 * t.sin();
    let pixels = (0..images * height * width).flat_map(|i| {
        let (y, x) = ((i / width) as f32, (i % width) as f32);
        let grain = (i * 7919 % 101) as f32 / 500.0;
        [wave(x / 17.0 + y / 41.0), wave(y / 23.0), wave((x - y) / 31.0)]
            .map(|value| ((value * 0.8 + grain) * 255.0) as u8)
    });
    pixels.collect()
}
