//! How a slide is cut into what is looked at.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use restain_slide::{LevelPoint, LevelRect, LevelSize, squares};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    pair::{Pair, View},
};

/// Side of a region in coarse pixels: 64 micrometres, about a cell.
pub(crate) const REGION: i64 = 32;
/// Side in coarse pixels of what is read at once: whole regions.
const TILE: i64 = 8 * REGION;
/// How many tiles are read before their results are added, in parallel.
const AT_ONCE: usize = 8;
/// The shortest side in coarse pixels of a region that is looked at: one of SSIM's windows and some more.
const SHORTEST: i64 = REGION / 2;

/// A rectangle in level-0 pixels of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// From the left.
    pub x: i64,
    /// From the top.
    pub y: i64,
    /// Pixels across.
    pub width: i64,
    /// Pixels down.
    pub height: i64,
}

impl Region {
    pub(crate) fn of(rect: LevelRect, scale: i64) -> Self {
        let rect = rect * scale;
        Self { x: rect.min.x, y: rect.min.y, width: rect.width(), height: rect.height() }
    }

    pub(crate) fn rect(self) -> LevelRect {
        LevelRect::from_origin_and_size(
            LevelPoint::new(self.x, self.y),
            LevelSize::new(self.width, self.height),
        )
    }
}

/// The tiles of a pair at its coarse scale.
pub(crate) struct Tiles<'a> {
    pub(crate) pair: &'a Pair<'a>,
    pub(crate) interrupt: &'a AtomicBool,
}

impl Tiles<'_> {
    /// Reads every tile; `look` runs on all threads, `add` on one, in the order of the tiles.
    pub(crate) fn each<T: Send>(
        &self,
        look: impl Fn(&View) -> T + Sync,
        mut add: impl FnMut(LevelRect, &View, T),
    ) -> Result<()> {
        let size = self.pair.size(self.pair.scale);
        let tiles: Vec<LevelRect> = squares(LevelRect::from_size(size), TILE).collect();
        for tiles in tiles.chunks(AT_ONCE) {
            let looked = tiles.par_iter().map(|&tile| {
                if self.interrupt.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let view = self.pair.read(self.pair.scale, tile)?;
                let result = look(&view);
                Ok((tile, view, result))
            });
            for (tile, view, result) in looked.collect::<Result<Vec<_>>>()? {
                add(tile, &view, result);
            }
        }
        Ok(())
    }
}

/// The regions of a tile that are large enough.
pub(crate) fn regions(tile: LevelRect) -> impl Iterator<Item = LevelRect> {
    squares(tile, REGION).filter(|region| region.width().min(region.height()) >= SHORTEST)
}
