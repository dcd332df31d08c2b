//! G on demand, for benchmarks that take turns: `serve SIDE f32|bf16` runs one tile for each line on stdin and answers
//! with its milliseconds. The first line of its own names the kernels. `RAYON_NUM_THREADS` sets the threads.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use candle_core::Device;
use restain_net::{Area, Model, Precision, Window};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, side, precision] = &arguments[..] else { return Err("usage: serve SIDE f32|bf16".into()) };
    let side: usize = side.parse()?;
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let model = Model::shipped(&Device::Cpu, precision)?;
    let gm: Vec<f32> = (0..2 * side * side).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
    let window = [Window { gm: &gm, core: Area::whole(side, side) }];
    let mut out = std::io::stdout();
    writeln!(out, "{}", model.kernels())?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let started = Instant::now();
        model.restain(&window, side, side)?;
        writeln!(out, "{}", started.elapsed().as_secs_f64() * 1e3)?;
        out.flush()?;
    }
    Ok(())
}
