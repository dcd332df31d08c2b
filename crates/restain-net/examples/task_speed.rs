//! Times T: `task_speed [DEPTH [SIDE [BATCH [ROUNDS]]]]`, DEPTH 18 or 50.
//!
//! Prints the best and the median time of a training step (forward and backward, no optimizer), and of guidance: frozen T
//! forward, and backward to its input.

use std::error::Error;
use std::time::Instant;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::cross_entropy;
use candle_nn::{ModuleT, VarBuilder, VarMap};
use restain_net::{ResNet, TaskNetwork, TaskWeights};

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = [18, 64, 16, 10];
    for (number, argument) in numbers.iter_mut().zip(std::env::args().skip(1)) {
        *number = argument.parse()?;
    }
    let [depth, side, batch, rounds] = numbers;
    let resnet = match depth {
        18 => ResNet::R18,
        50 => ResNet::R50,
        _ => return Err("the depth is 18 or 50".into()),
    };
    let variables = VarMap::new();
    let network =
        TaskNetwork::new(resnet, 2, &VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    let frozen = TaskWeights::of(&network, &variables)?.frozen(&Device::Cpu)?;
    let x = Var::from_tensor(&Tensor::rand(0_f32, 1.0, (batch, 3, side, side), &Device::Cpu)?)?;
    let classes = Tensor::from_iter((0..batch).map(|image| (image % 2) as u32), &Device::Cpu)?;
    for (name, network, train) in [("training step", &network, true), ("guidance", &frozen, false)] {
        let x = if train { x.as_tensor().detach() } else { x.as_tensor().clone() };
        let step = || -> candle_core::Result<f64> {
            let start = Instant::now();
            cross_entropy(&network.forward_t(&x, train)?, &classes)?.backward()?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        };
        step()?; // the first touches the memory
        let mut times = (0..rounds).map(|_| step()).collect::<candle_core::Result<Vec<_>>>()?;
        times.sort_by(f64::total_cmp);
        println!("{name}: best {:.1} ms, median {:.1} ms", times[0], times[times.len() / 2]);
    }
    Ok(())
}
