//! Tiles as they are asked for: read by a bounded number of threads, kept in a cache with a limit.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use axum::body::Bytes;
use image::RgbImage;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::pair::Side;
use crate::picture::{Address, Picture};
use crate::{Error, Pair, Result};

const QUALITY: i32 = 85;
/// Slides that are open at the same time: each takes what `OpenSlide` caches of it, 32 MB.
const OPEN: usize = 8;
/// Bytes that a tile of stained cells has, to begin with.
const USUAL: u64 = 64 << 10;
/// Bytes that an entry of the cache takes beside its tile.
const ENTRY: u64 = 128;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Tile(Address),
    Overview,
}

type Key = (usize, Side, Part);

#[derive(Clone)]
struct Length;

impl Weighter<Key, Bytes> for Length {
    fn weight(&self, _: &Key, jpeg: &Bytes) -> u64 {
        jpeg.len() as u64 + ENTRY
    }
}

/// The slides and what has been read of them.
pub(crate) struct Tiles {
    pairs: Vec<Pair>,
    report: Option<PathBuf>,
    open: Cache<(usize, Side), Arc<Picture>>,
    jpegs: Cache<Key, Bytes, Length>,
    /// Decoders that may work at once.
    decoders: Arc<Semaphore>,
}

impl Tiles {
    /// `limit` in bytes of compressed tiles.
    pub(crate) fn new(pairs: Vec<Pair>, report: Option<PathBuf>, limit: u64) -> Self {
        let threads = available_parallelism().map_or(1, NonZero::get);
        Self {
            pairs,
            report,
            open: Cache::new(OPEN),
            jpegs: Cache::with_weighter((limit / USUAL) as usize, limit, Length),
            decoders: Arc::new(Semaphore::new(threads)),
        }
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The page about them.
    pub(crate) fn report(&self) -> Option<&Path> {
        self.report.as_deref()
    }

    /// A picture of a pair, opened where it is not open; `None` where there is no such slide. For a thread that may block.
    pub(crate) fn picture(&self, pair: usize, side: Side) -> Result<Option<Arc<Picture>>> {
        let path = self.pairs.get(pair).and_then(|pair| match side {
            Side::Before => pair.before.as_deref(),
            Side::After => Some(&*pair.after),
        });
        path.map(|path| self.open.get_or_insert_with(&(pair, side), || Picture::open(path).map(Arc::new)))
            .transpose()
    }

    /// A tile or an overview as JPEG; `None` where there is none. Whoever asks for what is being read waits for it.
    pub(crate) async fn jpeg(self: &Arc<Self>, pair: usize, side: Side, part: Part) -> Result<Option<Bytes>> {
        let key = (pair, side, part);
        match self.jpegs.get_value_or_guard_async(&key).await {
            Ok(jpeg) => Ok(Some(jpeg)),
            Err(place) => {
                let jpeg =
                    self.work(move |tiles| tiles.read(key)?.as_ref().map(compress).transpose()).await??;
                if let Some(jpeg) = &jpeg {
                    // Refused only where the entry was removed meanwhile, which nobody does.
                    let _ = place.insert(jpeg.clone());
                }
                Ok(jpeg)
            }
        }
    }

    /// Does what blocks, on one of the decoders' threads. It keeps its place even when nobody waits for it any more.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.decoders).acquire_owned().await.map_err(|_| Error::Ended)?;
        let tiles = Arc::clone(self);
        let done = spawn_blocking(move || {
            let _permit = permit;
            work(&tiles)
        });
        done.await.map_err(|_| Error::Ended)
    }

    fn read(&self, (pair, side, part): Key) -> Result<Option<RgbImage>> {
        let Some(picture) = self.picture(pair, side)? else { return Ok(None) };
        match part {
            Part::Tile(address) => picture.tile(address),
            Part::Overview => picture.overview().map(Some),
        }
    }
}

fn compress(pixels: &RgbImage) -> Result<Bytes> {
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(Subsamp::None)?;
    let pixels = pixels.as_raw().as_slice();
    let image = Image { pixels, width, pitch: 3 * width, height, format: PixelFormat::RGB };
    Ok(compressor.compress_to_vec(image)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_tiles_stay_within_the_limit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("slide.mrxs");
        let spec = restain_synth::SlideSpec::new(3000, 3000);
        restain_synth::write_slide(&spec, &path, &|_| std::ops::ControlFlow::Continue(())).expect("a slide");
        let limit = 300_000;
        let tiles = Arc::new(Tiles::new(vec![Pair::new("slide", None, &path)], None, limit));
        let (mut served, mut held) = (0, 0);
        for row in 0..8 {
            for column in 0..8 {
                let tile = Part::Tile(Address { halvings: 0, column, row });
                if let Some(jpeg) = tiles.jpeg(0, Side::After, tile).await.expect("a whole slide") {
                    served += jpeg.len() as u64;
                    held = held.max(tiles.jpegs.weight());
                    assert!(tiles.jpegs.weight() <= limit, "{} bytes", tiles.jpegs.weight());
                }
            }
        }
        assert!(served > 2 * limit && held > limit / 2, "{served} bytes were served, {held} kept");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_tile_that_many_ask_for_is_read_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("slide.mrxs");
        let spec = restain_synth::SlideSpec::new(600, 600);
        restain_synth::write_slide(&spec, &path, &|_| std::ops::ControlFlow::Continue(())).expect("a slide");
        let tiles = Arc::new(Tiles::new(vec![Pair::new("slide", None, &path)], None, 1 << 20));
        let ask = || {
            let tiles = Arc::clone(&tiles);
            let tile = Part::Tile(Address { halvings: 0, column: 1, row: 1 });
            tokio::spawn(
                async move { tiles.jpeg(0, Side::After, tile).await.expect("whole").expect("a tile") },
            )
        };
        let asked: Vec<_> = (0..20).map(|_| ask()).collect();
        let mut places = std::collections::HashSet::new();
        for answer in asked {
            // The same bytes in the same place of memory, not a copy of each.
            places.insert(answer.await.expect("no panic").as_ptr() as usize);
        }
        assert_eq!(places.len(), 1);
    }
}
