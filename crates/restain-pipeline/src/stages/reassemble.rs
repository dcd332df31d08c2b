//! Cores become the tiles of all pyramid levels.

use restain_slide::LevelRect;
use restain_tiff::{LevelTile, Piece, Pyramid};

use super::failpoint;
use super::generate::RestainedTile;
use crate::control::{Control, Halt, StageName};
use crate::ordered::{Dispatcher, InOrder};
use crate::stages::write::Placed;

const STAGE: StageName = StageName::Reassemble;

/// Lays each core into the pyramid and passes on every tile that it completes, in an order that depends on nothing
/// but the order of the cores.
pub(crate) fn run(
    control: &Control<'_>,
    extent: LevelRect,
    mut pyramid: Pyramid,
    batches: &InOrder<Vec<RestainedTile>>,
    out: &Dispatcher<LevelTile, Placed>,
) -> Result<(), Halt> {
    let mut batch = Vec::new().into_iter();
    loop {
        let Some(RestainedTile { core, rgb }) = batch.next() else {
            let Some(next) = batches.next()? else { return Ok(()) };
            batch = next.into_iter();
            continue;
        };
        let finished = control.work(STAGE, || {
            failpoint(STAGE)?;
            let mut finished = Vec::new();
            let place = (core.min - extent.min).to_u32();
            let size = core.size().to_u32();
            let piece = rgb.as_deref().map_or(Piece::Blank, Piece::Rgb);
            pyramid
                .insert(place.x, place.y, size.width, size.height, piece, &mut |tile| finished.push(tile))?;
            Ok(finished)
        })?;
        drop(rgb);
        finished.into_iter().try_for_each(|tile| out.dispatch(tile))?;
    }
}
