//! Reads the window of every tile, on several threads.

use restain_slide::{Coverage, Pixels, Slide, Tile, TileGrid};

use super::failpoint;
use crate::Error;
use crate::control::{Control, Halt, StageName};
use crate::ordered::{Dispatcher, WorkQueue};

const STAGE: StageName = StageName::Read;

/// A tile with what the scanner saw of it.
pub(crate) struct ReadTile {
    pub(crate) tile: Tile,
    /// The window; `None` where the scanner saw nothing of the core.
    pub(crate) pixels: Option<Pixels>,
}

/// Hands the tiles out row by row.
#[expect(clippy::needless_pass_by_value, reason = "its end is the sign that all tiles are handed out")]
pub(crate) fn plan(
    control: &Control<'_>,
    grid: &TileGrid,
    dispatcher: Dispatcher<Tile, ReadTile>,
) -> Result<(), Halt> {
    for tile in grid.iter() {
        control.check()?;
        dispatcher.dispatch(tile)?;
    }
    Ok(())
}

/// One reader; as many run side by side as there are threads.
pub(crate) fn run(
    control: &Control<'_>,
    slide: &Slide,
    level: u32,
    queue: WorkQueue<Tile, ReadTile>,
) -> Result<(), Halt> {
    for (tile, slot) in queue {
        let read = control.work(STAGE, || {
            failpoint(STAGE)?;
            ReadTile::read(slide, level, tile)
        })?;
        slot.send(read)?;
    }
    Ok(())
}

impl ReadTile {
    pub(crate) fn read(slide: &Slide, level: u32, tile: Tile) -> Result<Self, Error> {
        let pixels = slide.read(level, tile.window)?;
        let pixels = (!core_is_blank(&pixels, &tile)).then_some(pixels);
        Ok(Self { tile, pixels })
    }
}

/// Whether the scanner saw nothing of the tile's core, whatever it saw of the halo.
fn core_is_blank(pixels: &Pixels, tile: &Tile) -> bool {
    match &pixels.coverage {
        Coverage::Nothing => true,
        Coverage::Everything => false,
        Coverage::Partly(alpha) => {
            crate::crop::rows(pixels.rect, tile.core).all(|row| alpha[row].iter().all(|&a| a == 0))
        }
    }
}
