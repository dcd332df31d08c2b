//! What normalizing a slide will take, before it is begun.

use std::time::Instant;

use serde::Serialize;

use crate::Result;
use crate::engine::Engine;
use crate::normalize::{Job, OUTPUT_TILE};

/// Bytes that G holds for each pixel of a window at base width 32, measured on windows of 1408 x 1408 px.
const G_BYTES_PER_PIXEL: u64 = 700;

/// Bytes of the process before it has read anything: the code, the libraries and the model.
const BASE_BYTES: u64 = 150 << 20;

/// Megapixels a second of everything but G on one processor, for the time estimate.
const MP_PER_S_WITHOUT_G: f64 = 35.0;

/// Side of the window that is run through G to see how fast it is here.
const PROBE_SIDE: usize = 448;

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
    /// Plans `job`; G is timed on one small window.
    ///
    /// # Errors
    /// Where G fails or the tile size is not a multiple of 64.
    pub fn of(job: &Job<'_>, engine: &Engine, tile: u32) -> Result<Self> {
        let grid = job.grid()?;
        let windows = || grid.iter().map(|tile| tile.window.area() as u64);
        let window_pixels: u64 = windows().sum();
        let largest = windows().max().unwrap_or(0);
        let width = grid.extent().width() as u64;
        let under_way = job.threads() as u64 + 4;
        // A band of output tiles twice over (the row begun and its parents), and the cores that overlap it.
        let bands = 3 * width * u64::from(2 * OUTPUT_TILE + tile);
        let memory = BASE_BYTES
            + bands
            + largest * under_way * 7
            + engine
                .model()
                .map_or(0, |model| largest * (G_BYTES_PER_PIXEL * model.card().base as u64 / 32 + 8));
        let without_g = grid.extent().area() as f64 / 1e6 / (MP_PER_S_WITHOUT_G * job.threads() as f64);
        let seconds = without_g + window_pixels as f64 * seconds_per_pixel(engine)?;
        Ok(Self { tile, tiles: grid.len(), window_pixels, memory, seconds })
    }
}

/// Seconds G takes for a pixel here and now.
fn seconds_per_pixel(engine: &Engine) -> Result<f64> {
    if engine.model().is_none() {
        return Ok(0.0);
    }
    let gm = vec![0.5; 2 * PROBE_SIDE * PROBE_SIDE];
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let started = Instant::now();
        engine.restain([gm.as_slice()].into_iter(), PROBE_SIDE, PROBE_SIDE)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best / (PROBE_SIDE * PROBE_SIDE) as f64)
}
