//! Checkpoints of small networks with chance weights.

#![allow(dead_code, reason = "every test file takes a part of it")]

use std::collections::BTreeMap;
use std::f32::consts::TAU;
use std::path::Path;

use candle_core::{Device, Tensor};
use restain_net::{ARCHITECTURE, Card, Checkpoint, Storage};

/// Chance numbers without state to share: a 64-bit linear congruential generator (Knuth's MMIX), its upper half.
struct Dice(u64);

impl Dice {
    /// Evenly spread over 0..1.
    fn even(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32 + 0.5) / (1 << 24) as f32
    }

    /// Normal, of mean 0 and standard deviation 1 (Box and Muller).
    fn normal(&mut self) -> f32 {
        (-2.0 * self.even().ln()).sqrt() * (TAU * self.even()).cos()
    }
}

/// Every parameter of G of a base width: name, shape, values.
///
/// Weights keep the variance of what passes through (He et al. 2015), batch norms have statistics and parameters
/// of their own, so that the output is full of detail and depends on all of the receptive field.
fn parameters(base: usize, seed: u64) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut dice = Dice(seed);
    let mut all = Vec::new();
    // A pixel of a convolution is the sum of 16 products a channel, one of a transposed convolution of 4.
    let mut weight = |name: String, shape: [usize; 4], products: usize, all: &mut Vec<_>| {
        let deviation = (2.0 / products as f32).sqrt();
        let values = (0..shape.iter().product()).map(|_| deviation * dice.normal()).collect();
        all.push((name, shape.to_vec(), values));
    };
    let mut dice = Dice(seed ^ 0x5eed);
    let mut norm = |name: &str, channels: usize, all: &mut Vec<_>| {
        for (parameter, middle, spread) in
            [("weight", 1.2, 0.3), ("bias", 0.1, 0.3), ("running_mean", 0.0, 0.2), ("running_var", 0.8, 0.3)]
        {
            let values = (0..channels).map(|_| middle + spread * (2.0 * dice.even() - 1.0)).collect();
            all.push((format!("{name}.{parameter}"), vec![channels], values));
        }
    };
    let widths = [1, 2, 4, 8, 8, 8].map(|width| width * base);
    let mut channels = 2;
    for (i, &width) in widths.iter().enumerate() {
        weight(format!("down.{i}.0.weight"), [width, channels, 4, 4], 16 * channels, &mut all);
        norm(&format!("down.{i}.1"), width, &mut all);
        channels = width;
    }
    for (i, &width) in widths[..5].iter().rev().enumerate() {
        weight(format!("up.{i}.0.weight"), [channels, width, 4, 4], 4 * channels, &mut all);
        norm(&format!("up.{i}.1"), width, &mut all);
        channels = 2 * width;
    }
    weight("out.weight".to_owned(), [channels, 3, 4, 4], 4 * channels, &mut all);
    all.push(("out.bias".to_owned(), vec![3], vec![0.3, -0.2, 0.1]));
    all
}

/// A checkpoint of G.
pub(crate) fn bytes(base: usize, seed: u64) -> Vec<u8> {
    bytes_of(ARCHITECTURE, base, seed, &[])
}

/// A checkpoint that says it is of some architecture, and was trained with some options of stain removal.
pub(crate) fn bytes_of(architecture: &str, base: usize, seed: u64, input: &[&str]) -> Vec<u8> {
    let card = Card {
        name: "chance".to_owned(),
        architecture: architecture.to_owned(),
        base,
        source_style: "none".to_owned(),
        trained_on: "nothing".to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        commit: String::new(),
        mpp: Some(0.25),
        sha256: String::new(),
        input: input.iter().map(ToString::to_string).collect(),
        held_out: BTreeMap::new(),
        seen: None,
    };
    let tensor = |(name, shape, values)| (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    let parameters = parameters(base, seed).into_iter().map(tensor).collect();
    Checkpoint { card, parameters }.to_bytes(Storage::F32).unwrap()
}

/// Writes a checkpoint of G and gives its path.
pub(crate) fn write(path: &Path, base: usize, seed: u64) -> String {
    write_with(path, base, seed, &[])
}

/// As [`write`], of G that was trained with some options of stain removal.
pub(crate) fn write_with(path: &Path, base: usize, seed: u64, input: &[&str]) -> String {
    std::fs::write(path, bytes_of(ARCHITECTURE, base, seed, input)).unwrap();
    path.to_str().unwrap().to_owned()
}
