//! G on demand, for benchmarks that take turns: `serve SIDE f32|bf16 [DEVICE]` runs tiles for each line on stdin and answers
//! with the milliseconds of one. The first line of its own names the kernels. `RAYON_NUM_THREADS` sets the threads.
//!
//! On the CPU it runs one tile, from GM to bytes. On a GPU it runs what a slide would: batches from as many threads as G
//! takes, from bytes to bytes, copies to the GPU and back included.

use std::error::Error;
use std::io::{BufRead, Write};
use std::thread;
use std::time::Instant;

use restain_net::{Area, Model, Pixels, Precision, Window, find_place};

/// Batches of each thread that feeds a GPU: so many that its start and its end do not count.
const BATCHES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [side, precision, device @ ..] = &arguments[..] else {
        return Err("usage: serve SIDE f32|bf16 [DEVICE]".into());
    };
    let side: usize = side.parse()?;
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let (place, _) = find_place(device.first().map_or("cpu", String::as_str).parse()?)?;
    let model = Model::shipped(&place, precision)?;
    let rgb: Vec<u8> = (0..3 * side * side).map(|i| (i * 7919 % 251) as u8).collect();
    let gm: Vec<f32> = (0..2 * side * side).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
    let pixels =
        if model.removes_stain() { Pixels::Rgb { rgb: &rgb, soft_mask: false } } else { Pixels::Gm(&gm) };
    let batch = vec![Window { pixels, core: Area::whole(side, side) }; model.batch_size(side, side)];
    let rounds = if batch.len() > 1 { BATCHES } else { 1 };
    let run = || (0..rounds).try_for_each(|_| model.restain(&batch, side, side).map(drop));

    let mut out = std::io::stdout();
    writeln!(out, "{}", model.kernels())?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let started = Instant::now();
        thread::scope(|scope| -> Result<(), Box<dyn Error>> {
            let threads: Vec<_> = (0..model.workers()).map(|_| scope.spawn(run)).collect();
            for thread in threads {
                thread.join().map_err(|_| "a thread has panicked")??;
            }
            Ok(())
        })?;
        let tiles = rounds * batch.len() * model.workers();
        writeln!(out, "{}", started.elapsed().as_secs_f64() * 1e3 / tiles as f64)?;
        out.flush()?;
    }
    Ok(())
}
