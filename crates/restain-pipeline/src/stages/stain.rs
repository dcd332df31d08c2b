//! Stain removal: the window's RGB becomes GM (paper, III.B.1).

use crossbeam_channel::Sender;
use restain_slide::{Coverage, Tile};
use restain_stain::removal::remove_stain_par;

use super::failpoint;
use super::read::ReadTile;
use crate::control::{Control, Halt, StageName};
use crate::engine::Engine;
use crate::ordered::InOrder;

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
    /// Nothing: the identity model passes interleaved RGB of the core through, already on its background.
    Rgb(Vec<u8>),
    /// Colour: GM `[2, H, W]` of the window, and how much of each of its pixels was scanned.
    Gm(Vec<f32>, Coverage),
}

/// Removes the stain of each tile, its rows spread over the threads of `pool`.
pub(crate) fn run(
    control: &Control<'_>,
    engine: &Engine,
    pool: &rayon::ThreadPool,
    tiles: &InOrder<ReadTile>,
    out: &Sender<BareTile>,
) -> Result<(), Halt> {
    while let Some(ReadTile { tile, pixels }) = tiles.next()? {
        let content = control.work(STAGE, || {
            failpoint(STAGE)?;
            Ok(match (pixels, engine) {
                (None, _) => Content::Blank,
                (Some(pixels), Engine::Identity) => {
                    Content::Rgb(crate::crop::rgb(pixels.rect, tile.core, pixels.rgb))
                }
                (Some(pixels), Engine::Model(_)) => {
                    let mut gm = vec![0.0; pixels.rgb.len() / 3 * 2];
                    pool.install(|| remove_stain_par(&pixels.rgb, &mut gm));
                    Content::Gm(gm, pixels.coverage)
                }
            })
        })?;
        out.send(BareTile { tile, content })?;
    }
    Ok(())
}
