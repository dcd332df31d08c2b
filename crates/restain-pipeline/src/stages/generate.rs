//! G: GM becomes RGB in the style of the model. One thread a device.

use crossbeam_channel::{Receiver, Sender};
use restain_slide::{Coverage, LevelRect, Tile};

use super::failpoint;
use super::stain::{BareTile, Content};
use crate::control::{Control, Halt, StageName};
use crate::engine::Engine;
use crate::{Error, crop};

const STAGE: StageName = StageName::Generate;

/// The core of a tile in its new colours.
pub(crate) struct RestainedTile {
    pub(crate) core: LevelRect,
    /// Interleaved RGB; `None` where the scanner saw nothing.
    pub(crate) rgb: Option<Vec<u8>>,
}

/// Runs G over batches of windows of the same size. Which tiles share a batch depends on their order alone, never
/// on timing, so that the result does not either.
pub(crate) fn run(
    control: &Control<'_>,
    engine: &Engine,
    background: [u8; 3],
    pool: &rayon::ThreadPool,
    tiles: &Receiver<BareTile>,
    out: &Sender<RestainedTile>,
) -> Result<(), Halt> {
    let batch_size = engine.batch_size();
    let mut batch: Vec<(Tile, Vec<f32>, Coverage)> = Vec::with_capacity(batch_size);
    let flush = |batch: &mut Vec<(Tile, Vec<f32>, Coverage)>| -> Result<(), Halt> {
        let restained = control.work(STAGE, || {
            failpoint(STAGE)?;
            if batch.is_empty() {
                return Ok(Vec::new()); // nothing to wait for the pool for
            }
            pool.install(|| restain(engine, background, batch))
        })?;
        batch.clear();
        restained.into_iter().try_for_each(|tile| emit(control, out, tile))
    };
    for BareTile { tile, content } in tiles {
        control.check()?;
        match content {
            Content::Gm(gm, coverage) => {
                if batch.first().is_some_and(|(first, ..)| first.window.size() != tile.window.size()) {
                    flush(&mut batch)?;
                }
                batch.push((tile, gm, coverage));
                if batch.len() == batch_size {
                    flush(&mut batch)?;
                }
            }
            Content::Blank | Content::Rgb(_) => {
                flush(&mut batch)?;
                let rgb = if let Content::Rgb(rgb) = content { Some(rgb) } else { None };
                emit(control, out, RestainedTile { core: tile.core, rgb })?;
            }
        }
    }
    flush(&mut batch)
}

fn emit(control: &Control<'_>, out: &Sender<RestainedTile>, tile: RestainedTile) -> Result<(), Halt> {
    control.progress.advance(tile.core.area() as u64);
    out.send(tile)?;
    Ok(())
}

fn restain(
    engine: &Engine,
    background: [u8; 3],
    batch: &[(Tile, Vec<f32>, Coverage)],
) -> Result<Vec<RestainedTile>, Error> {
    let Some((first, ..)) = batch.first() else { return Ok(Vec::new()) };
    let size = first.window.size().to_usize();
    let windows = batch.iter().map(|(tile, gm, _)| (*tile, gm.as_slice()));
    let cores = engine.restain(windows, size.height, size.width)?;
    Ok(batch
        .iter()
        .zip(cores)
        .map(|((tile, _, coverage), mut rgb)| {
            crop::composite(tile.window, tile.core, coverage, background, &mut rgb);
            RestainedTile { core: tile.core, rgb: Some(rgb) }
        })
        .collect())
}
