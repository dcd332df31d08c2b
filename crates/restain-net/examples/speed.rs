//! Times G, restain's convolutions and candle's own taking turns: `speed [BASE [SIDE [BATCH [ROUNDS]]]]`.
//!
//! Prints the best and the median time of each: inference on one image, on candle's own convolutions alone (without
//! its batch norm, bias and ReLU), and one training step (forward and backward, no optimizer) on a batch.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use restain_net::{
    ARCHITECTURE, Area, Card, Checkpoint, Generator, Model, Pixels, Place, Precision, Storage, Window,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = [32, 512, 8, 5];
    for (number, argument) in numbers.iter_mut().zip(std::env::args().skip(1)) {
        *number = argument.parse()?;
    }
    let [base, side, batch, rounds] = numbers;
    let vars = VarMap::new();
    let generator = Generator::new(base, &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
    let checkpoint = Checkpoint::of(card(base), &vars)?;
    let bytes = checkpoint.to_bytes(Storage::F32)?;
    let models = [Precision::F32, Precision::Bf16]
        .map(|precision| Model::from_bytes("random".as_ref(), &bytes, &Place::Cpu, precision));
    let [single, half] = models;
    let (single, half) = (single?, half?);
    let gm = vec![0.5; 2 * side * side];
    let window = [Window { pixels: Pixels::Gm(&gm), core: Area::whole(side, side) }];
    let one = Tensor::from_slice(&gm, (1, 2, side, side), &Device::Cpu)?;
    let (x, target) = (Tensor::rand(0_f32, 1.0, (batch, 2, side, side), &Device::Cpu)?, 0.5);

    let run = |what: usize| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        match what {
            0 => drop(single.restain(&window, side, side)?),
            1 => drop(half.restain(&window, side, side)?),
            2 => drop(candle_alone(&checkpoint.parameters, &one)?),
            _ => drop((generator.forward_t(&x, true)? - target)?.abs()?.mean_all()?.backward()?),
        }
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..=rounds {
        for (what, times) in times.iter_mut().enumerate() {
            times.push(run(what)?);
        }
    }
    let names = [single.kernels(), half.kernels(), "candle's convolutions", "training step"];
    for ((name, images), times) in names.iter().zip([1, 1, 1, batch]).zip(&mut times) {
        times.remove(0); // the first touches the memory
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let speed = (images * side * side) as f64 / median / 1e3;
        println!("{name}: best {:.1} ms, median {median:.1} ms, {speed:.2} MP/s", times[0]);
    }
    Ok(())
}

/// The twelve convolutions of G on candle's own operations, and nothing between them.
fn candle_alone(parameters: &BTreeMap<String, Tensor>, x: &Tensor) -> candle_core::Result<Tensor> {
    let mut x = x.clone();
    let mut skips = Vec::new();
    for i in 0..6 {
        x = x.conv2d(&parameters[&format!("down.{i}.0.weight")], 1, 2, 1, 1)?;
        skips.push(x.clone());
    }
    skips.pop();
    for i in 0..5 {
        let y = x.conv_transpose2d(&parameters[&format!("up.{i}.0.weight")], 1, 0, 2, 1)?;
        x = skips.pop().map_or(Ok(y.clone()), |skip| Tensor::cat(&[y, skip], 1))?;
    }
    x.conv_transpose2d(&parameters["out.weight"], 1, 0, 2, 1)
}

fn card(base: usize) -> Card {
    Card {
        name: "speed".to_owned(),
        architecture: ARCHITECTURE.to_owned(),
        base,
        source_style: "none".to_owned(),
        trained_on: "nothing".to_owned(),
        licence: "none".to_owned(),
        commit: "none".to_owned(),
        mpp: None,
        sha256: String::new(),
        input: Vec::new(),
        held_out: BTreeMap::new(),
        seen: None,
    }
}
