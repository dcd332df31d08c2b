//! Trains by a configuration file: `train CONFIG.yaml [COMMIT]`.

use std::{path::Path, sync::atomic::AtomicBool};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let config = arguments.next().ok_or("usage: train CONFIG.yaml [COMMIT]")?;
    let config = restain_train::TrainConfig::load(Path::new(&config))?;
    let commit = arguments.next().unwrap_or_default();
    let stop = AtomicBool::new(false);
    let outcome = restain_train::run(&config, &commit, &candle_core::Device::Cpu, &stop, &mut |p| {
        if p.step % 10 == 0 {
            let seconds = p.left.as_secs();
            println!("{}/{} loss {:.4} {:.2} patches/s, {seconds} s left", p.step, p.steps, p.loss, p.patches_per_second);
        }
    })?;
    if let Some(evaluation) = outcome.evaluation {
        println!("{}", evaluation.table());
    }
    Ok(())
}
