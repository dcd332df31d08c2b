//! What normalizing a slide will take, before it is begun.

use std::time::Instant;

use restain_slide::Tile;
use serde::Serialize;

use crate::Result;
use crate::engine::Engine;
use crate::normalize::{Job, OUTPUT_TILE};

/// Bytes of the process before it has read anything: the code, the libraries and the model.
const BASE_BYTES: u64 = 150 << 20;

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
    /// Where G fails or the tile size is not a multiple of 64.
    pub fn of(job: &Job<'_>, engine: &Engine, tile: u32) -> Result<Self> {
        let grid = job.grid()?;
        let area = |tile: &Tile| tile.window.area() as u64;
        let window_pixels: u64 = grid.iter().map(|tile| area(&tile)).sum();
        let largest = grid.iter().max_by_key(area).unwrap_or_else(|| grid.tile(0));
        let width = grid.extent().width() as u64;
        let under_way = job.threads() as u64 + 4;
        // A band of output tiles twice over (the row begun and its parents), and the cores that overlap it.
        let bands = 3 * width * u64::from(2 * OUTPUT_TILE + tile);
        let size = largest.window.size().to_usize();
        let g = engine.model().map_or(0, |model| model.workspace(size.height, size.width) as u64);
        // A window on its way is RGB and coverage. Batches: one that gathers, one that waits, and those in G.
        let batches = engine.batch_size(largest.window) as u64 * (engine.workers() as u64 + 2);
        let pixel = match engine {
            Engine::Model(restainer) if restainer.gives_rgb() => 3,
            _ => 8,
        };
        let memory = BASE_BYTES + bands + area(&largest) * (under_way * 4 + batches * pixel) + g;
        let without_g = grid.extent().area() as f64 / 1e6 / (MP_PER_S_WITHOUT_G * job.threads() as f64);
        let tiles = grid.extent().area() as f64 / largest.core.area() as f64;
        let seconds = without_g + tiles * seconds_of(engine, largest)?;
        Ok(Self { tile, tiles: grid.len(), window_pixels, memory, seconds })
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
