//! Pyramid tiles become JPEG or deflate streams, each on a thread of the pool.

use restain_tiff::{LevelTile, TileEncoder};

use super::failpoint;
use super::write::Placed;
use crate::control::{Control, Halt, StageName};
use crate::ordered::WorkQueue;

const STAGE: StageName = StageName::Encode;

/// Encodes tiles as they come until none is left; ends early when a neighbour does.
pub(crate) fn run<'scope>(
    control: &'scope Control<'_>,
    encoder: &'scope TileEncoder,
    pool: &rayon::Scope<'scope>,
    queue: WorkQueue<LevelTile, Placed>,
) -> Result<(), Halt> {
    for (tile, slot) in queue {
        control.check()?;
        pool.spawn(move |_| {
            let encoded = control.work(STAGE, || {
                failpoint(STAGE)?;
                Ok(encoder.encode(&tile.pixels)?)
            });
            if let Ok(encoded) = encoded {
                // Nobody waits for the tile any more when a later stage has ended; it has said why.
                let _ = slot.send(Placed { level: tile.level, column: tile.column, row: tile.row, encoded });
            }
        });
    }
    Ok(())
}
