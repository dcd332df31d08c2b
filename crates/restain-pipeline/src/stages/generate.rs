//! G: GM becomes RGB in the style of the model; where there is none, the quantile map takes its place. One thread on the CPU, whose pool shares each tile; two a GPU.

use restain_slide::LevelRect;

use super::failpoint;
use super::stain::{BareTile, Content};
use crate::control::{Control, Halt, StageName};
use crate::engine::Engine;
use crate::ordered::{Dispatcher, WorkQueue};
use crate::{Error, crop};

const STAGE: StageName = StageName::Generate;

/// The core of a tile in its new colours.
pub(crate) struct RestainedTile {
    pub(crate) core: LevelRect,
    /// Interleaved RGB; `None` where the scanner saw nothing.
    pub(crate) rgb: Option<Vec<u8>>,
}

/// Gathers tiles into batches for G: windows of one size, or a tile that G has nothing to do with.
pub(crate) struct Batches {
    out: Dispatcher<Vec<BareTile>, Vec<RestainedTile>>,
    batch: Vec<BareTile>,
}

impl Batches {
    pub(crate) fn new(out: Dispatcher<Vec<BareTile>, Vec<RestainedTile>>) -> Self {
        Self { out, batch: Vec::new() }
    }

    /// Adds a tile, and hands the batch out once it is whole.
    pub(crate) fn push(&mut self, tile: BareTile, engine: &Engine) -> Result<(), Halt> {
        let window = tile.tile.window;
        let in_g = matches!(tile.content, Content::Window(..));
        if self.batch.first().is_some_and(|first| !in_g || first.tile.window.size() != window.size()) {
            self.flush()?;
        }
        self.batch.push(tile);
        if !in_g || self.batch.len() >= engine.batch_size(window) { self.flush() } else { Ok(()) }
    }

    /// Hands out what has been gathered.
    pub(crate) fn flush(&mut self) -> Result<(), Halt> {
        if self.batch.is_empty() { Ok(()) } else { self.out.dispatch(std::mem::take(&mut self.batch)) }
    }
}

/// One worker: runs G over batches as they come. No pixel depends on which tiles share a batch.
pub(crate) fn run(
    control: &Control<'_>,
    engine: &Engine,
    background: [u8; 3],
    pool: &rayon::ThreadPool,
    queue: WorkQueue<Vec<BareTile>, Vec<RestainedTile>>,
) -> Result<(), Halt> {
    for (batch, slot) in queue {
        let pixels: i64 = batch.iter().map(|tile| tile.tile.core.area()).sum();
        let restained = control.work(STAGE, || {
            failpoint(STAGE)?;
            // The pool is not waited for where it has nothing to do.
            if !matches!(batch[..], [BareTile { content: Content::Window(..), .. }, ..]) {
                Ok(finish(engine, background, batch, Vec::new()))
            } else if engine.is_elsewhere() {
                let cores = restain(engine, &batch)?;
                Ok(pool.install(|| finish(engine, background, batch, cores)))
            } else {
                pool.install(|| {
                    let cores = restain(engine, &batch)?;
                    Ok(finish(engine, background, batch, cores))
                })
            }
        })?;
        control.progress.advance(pixels as u64);
        slot.send(restained)?;
    }
    Ok(())
}

/// What G makes of the cores of the windows of a batch, where it has any.
pub(crate) fn restain(engine: &Engine, batch: &[BareTile]) -> Result<Vec<Vec<u8>>, Error> {
    let windows = batch.iter().filter_map(|BareTile { tile, content }| match content {
        Content::Window(seen, _) => Some((*tile, seen)),
        Content::Blank | Content::Scanned(_) => None,
    });
    let mut windows = windows.peekable();
    let Some((first, _)) = windows.peek() else { return Ok(Vec::new()) };
    let size = first.window.size().to_usize();
    engine.restain(windows, size.height, size.width)
}

/// The tiles of a batch in their new colours, given what G has made of those that have a window.
pub(crate) fn finish(
    engine: &Engine,
    background: [u8; 3],
    batch: Vec<BareTile>,
    cores: Vec<Vec<u8>>,
) -> Vec<RestainedTile> {
    let mut cores = cores.into_iter();
    let restained = batch.into_iter().map(|BareTile { tile, content }| {
        let rgb = match content {
            Content::Blank => None,
            Content::Scanned(pixels) => Some(engine.recolour(tile, pixels, background)),
            Content::Window(seen, coverage) => cores.next().map(|mut rgb| {
                if let Engine::Model(restainer) = engine {
                    restainer.keep_gray(tile, &seen, &mut rgb);
                }
                crop::composite(tile.window, tile.core, &coverage, background, &mut rgb);
                rgb
            }),
        };
        RestainedTile { core: tile.core, rgb }
    });
    restained.collect()
}
