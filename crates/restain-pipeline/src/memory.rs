//! How much memory a slide takes, and how to take less.

use bytesize::ByteSize;
use restain_slide::{LevelRect, Margin, Tile, TileGrid};

use crate::engine::Engine;
use crate::normalize::OUTPUT_TILE;
use crate::{Error, Result};

/// Bytes of the process before it has read anything: the code, the libraries and the model.
const BASE: u64 = 120 << 20;
/// The smallest tile that work is cut into to save memory; below it, halos take most of the time.
const SMALLEST_TILE: u32 = 256;
/// Encoded and finished tiles of the output that wait, a thread.
pub(crate) const OUTPUT_TILES_A_THREAD: usize = 4;

/// How the work on a slide is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Side of a core tile in pixels.
    pub(crate) tile: u32,
    /// Threads of each stage.
    pub(crate) threads: usize,
}

impl Cut {
    /// This one, or else the next smaller one whose peak memory is at most `limit` bytes: smaller tiles first, which cost time
    /// for their halos, then fewer threads. The pixels are the same for all.
    ///
    /// # Errors
    /// [`Error::Memory`] where even the smallest needs more.
    pub(crate) fn within(
        self,
        limit: u64,
        engine: &Engine,
        extent: LevelRect,
        margin: Margin,
    ) -> Result<Self> {
        let tiles = std::iter::successors(Some(self.tile), |tile| {
            (tile / 2 >= SMALLEST_TILE).then(|| tile / 2 / 64 * 64)
        });
        let smallest = tiles.clone().last().unwrap_or(self.tile);
        let threads =
            std::iter::successors(Some(self.threads), |threads| (*threads > 1).then(|| threads / 2));
        let smaller = tiles.map(|tile| Self { tile, ..self });
        let fewer = threads.skip(1).map(|threads| Self { tile: smallest, threads });
        let mut needed = 0;
        for cut in smaller.chain(fewer) {
            needed = cut.bytes(engine, &TileGrid::new(extent, cut.tile, margin)?);
            if needed <= limit {
                return Ok(cut);
            }
        }
        Err(Error::Memory { needed: ByteSize(needed), limit: ByteSize(limit) })
    }

    /// Estimated peak memory in bytes: more than what was ever measured (`make bench-memory`).
    pub(crate) fn bytes(self, engine: &Engine, grid: &TileGrid) -> u64 {
        let width = grid.extent().width() as u64;
        // A band of output tiles twice over (the row begun and its parents), and the cores that overlap it.
        let bands = 3 * width * u64::from(2 * OUTPUT_TILE + self.tile);
        let largest = largest(grid);
        let (size, area) = (largest.window.size().to_usize(), largest.window.area() as u64);
        let g = engine.model().map_or(0, |model| model.workspace(size.height, size.width) as u64);
        // A window is RGB and coverage, and each thread that reads has OpenSlide's four bytes a pixel beside it. Batches: one that
        // gathers, one that waits, and those in G.
        let windows = self.threads as u64 * 8 + 4 * 4;
        let batches = engine.batch_size(largest.window) as u64 * (engine.workers() as u64 + 2);
        let pixel = match engine {
            Engine::Model(restainer) if restainer.gives_rgb() => 3,
            _ => 8,
        };
        let waiting = 3 * u64::from(OUTPUT_TILE).pow(2) * (OUTPUT_TILES_A_THREAD * self.threads) as u64;
        BASE + bands + area * (windows + batches * pixel) + waiting + g
    }
}

/// The tile with the largest window.
pub(crate) fn largest(grid: &TileGrid) -> Tile {
    grid.iter().max_by_key(|tile| tile.window.area()).unwrap_or_else(|| grid.tile(0))
}

/// The largest resident memory of this process so far, in bytes: `VmHWM` of proc(5). `None` where the system does
/// not say.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_peak_grows_with_what_is_held() {
        let before = super::peak_bytes().unwrap();
        let held = std::hint::black_box(vec![1u8; 64 << 20]);
        let after = super::peak_bytes().unwrap();
        assert!(held.len() as u64 <= after && before <= after);
    }
}
