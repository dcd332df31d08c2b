//! What normalizing a slide will take, before it is begun.

use std::time::Instant;

use restain_slide::Tile;
use serde::Serialize;

use crate::Result;
use crate::engine::Engine;
use crate::memory::largest;
use crate::normalize::Job;

/// Megapixels a second of everything but G on one processor, for the time estimate.
const MP_PER_S_WITHOUT_G: f64 = 35.0;

/// The plan of a job.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Side of a core tile in pixels.
    pub tile: u32,
    /// Tiles to work on, unscanned ones included.
    pub tiles: usize,
    /// Pixels that G will see, halos included.
    pub window_pixels: u64,
    /// Estimated peak memory in bytes.
    pub memory: u64,
    /// Estimated seconds on this machine if all of the extent was scanned.
    pub seconds: f64,
}

impl Plan {
    /// Plans `job`; G is timed on one tile.
    ///
    /// # Errors
    /// Where G fails.
    pub fn of(job: &Job<'_>, engine: &Engine) -> Result<Self> {
        let grid = job.grid()?;
        let window_pixels: u64 = grid.iter().map(|tile| tile.window.area() as u64).sum();
        let largest = largest(&grid);
        let without_g = grid.extent().area() as f64 / 1e6 / (MP_PER_S_WITHOUT_G * job.cut.threads as f64);
        let tiles = grid.extent().area() as f64 / largest.core.area() as f64;
        let seconds = without_g + tiles * seconds_of(engine, largest)?;
        let memory = job.cut.bytes(engine, &grid);
        Ok(Self { tile: job.cut.tile, tiles: grid.len(), window_pixels, memory, seconds })
    }
}

/// Seconds G takes for a tile here and now, once it has its memory.
fn seconds_of(engine: &Engine, tile: Tile) -> Result<f64> {
    let Engine::Model(restainer) = engine else {
        return Ok(0.0);
    };
    let size = tile.window.size().to_usize();
    let seen = restainer.prepare(vec![128; 3 * size.area()]);
    let mut seconds = 0.0;
    for _ in 0..2 {
        let started = Instant::now();
        engine.restain([(tile, &seen)].into_iter(), size.height, size.width)?;
        seconds = started.elapsed().as_secs_f64();
    }
    Ok(seconds)
}
