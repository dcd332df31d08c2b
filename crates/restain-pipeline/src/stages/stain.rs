//! Stain removal: the window's RGB becomes GM (paper, III.B.1).

use restain_slide::{Coverage, Pixels, Tile};

use super::failpoint;
use super::generate::Batches;
use super::read::ReadTile;
use crate::control::{Control, Halt, StageName};
use crate::engine::Engine;
use crate::ordered::InOrder;
use crate::restainer::Prepared;

const STAGE: StageName = StageName::Stain;

/// A tile on its way into G.
pub(crate) struct BareTile {
    pub(crate) tile: Tile,
    pub(crate) content: Content,
}

/// What G is to make of a tile.
pub(crate) enum Content {
    /// Nothing: the scanner saw nothing of the core.
    Blank,
    /// Nothing: there is no G, and each pixel gets its colour by itself.
    Scanned(Pixels),
    /// Colour: the window without its stain, and how much of each of its pixels was scanned.
    Window(Prepared, Coverage),
}

/// Maps each tile, where there is a map, and removes its stain, on a thread of its own: the pool is G's. A GPU removes the
/// stain itself.
pub(crate) fn run(
    control: &Control<'_>,
    engine: &Engine,
    background: [u8; 3],
    tiles: &InOrder<ReadTile>,
    mut out: Batches,
) -> Result<(), Halt> {
    while let Some(tile) = tiles.next()? {
        let bare = control.work(STAGE, || {
            failpoint(STAGE)?;
            Ok(BareTile::of(tile, engine, background))
        })?;
        out.push(bare, engine)?;
    }
    out.flush()
}

impl BareTile {
    pub(crate) fn of(ReadTile { tile, pixels }: ReadTile, engine: &Engine, background: [u8; 3]) -> Self {
        let content = match (pixels, engine) {
            (None, _) => Content::Blank,
            (Some(pixels), Engine::Identity | Engine::Quantile(_)) => Content::Scanned(pixels),
            (Some(mut pixels), Engine::Model(restainer)) => {
                if let Some(quantile) = engine.quantile() {
                    let read = (pixels.rect, &pixels.coverage);
                    quantile.apply_to_scanned(&mut pixels.rgb, pixels.rect, read, background);
                }
                Content::Window(restainer.prepare(pixels.rgb), pixels.coverage)
            }
        };
        Self { tile, content }
    }
}
