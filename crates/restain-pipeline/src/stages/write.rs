//! Encoded tiles go to the file, in order, from one thread.

use restain_tiff::{EncodedTile, PyramidWriter};

use super::failpoint;
use crate::control::{Control, Halt, StageName};
use crate::ordered::InOrder;

const STAGE: StageName = StageName::Write;

/// An encoded tile and its place in the pyramid.
pub(crate) struct Placed {
    pub(crate) level: u32,
    pub(crate) column: u32,
    pub(crate) row: u32,
    pub(crate) encoded: EncodedTile,
}

/// Writes every tile; the finished writer is returned only when none is missing.
pub(crate) fn run(
    control: &Control<'_>,
    mut writer: PyramidWriter,
    tiles: &InOrder<Placed>,
) -> Result<PyramidWriter, Halt> {
    while let Some(tile) = tiles.next()? {
        control.work(STAGE, || {
            failpoint(STAGE)?;
            Ok(writer.write(tile.level, tile.column, tile.row, tile.encoded)?)
        })?;
    }
    control.check()?;
    Ok(writer)
}
