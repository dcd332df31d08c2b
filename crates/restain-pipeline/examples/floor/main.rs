//! What this machine can do at most, and what a slide asks of it: `floor SLIDE.mrxs OUTPUT.tif`, one JSON object.
//!
//! The slide is one of `restain synth slide`, the output what `restain normalize` made of it: pictures are decoded and
//! encoded as they are there. Files are written beside the output. `scripts/bench_floor.py` divides one by the other.
//!
//! Rates are those of the best of many short turns, on one thread and on all.

mod alone;
mod arithmetic;
mod codec;
mod storage;
mod work;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, slide, output] = &arguments[..] else { return Err("usage: floor SLIDE.mrxs OUTPUT.tif".into()) };
    let (slide, output) = (Path::new(slide), Path::new(output));
    let machine = Machine::new()?;
    let report = json!({
        "threads": machine.all.current_num_threads(),
        "multiply_adds_per_s": arithmetic::rates(&machine),
        "memory_bytes_per_s": storage::memory(&machine),
        "file_bytes_per_s": storage::file(output)?,
        "jpeg": codec::rates(&machine, slide, output)?,
        "work": work::of(slide)?,
        "alone": alone::seconds_a_window(&machine)?,
    });
    println!("{report}");
    Ok(())
}

/// One thread, and all of them.
struct Machine {
    one: ThreadPool,
    all: ThreadPool,
}

impl Machine {
    fn new() -> Result<Self> {
        let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Self { one: pool(1)?, all: pool(0)? })
    }

    /// What every thread does `amount` of in `work`, a second: of one thread, and of all together, each at its best.
    fn rates(&self, amount: f64, work: impl Fn() + Sync) -> [f64; 2] {
        [&self.one, &self.all].map(|pool| pool.broadcast(|_| amount / best(&work)).iter().sum())
    }
}

/// How long a piece of work is repeated: long enough that other programs leave some turns alone.
const REPEAT: Duration = Duration::from_millis(500);

/// Seconds of the fastest turn.
fn best(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    while begun.elapsed() < REPEAT {
        let started = Instant::now();
        work();
        best = best.min(started.elapsed());
    }
    best.as_secs_f64()
}
