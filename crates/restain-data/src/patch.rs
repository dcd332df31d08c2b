//! Patches: cut, padded, and brought to their scale.

use std::sync::Arc;

use image::{RgbImage, imageops};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use restain_slide::{LevelPoint, LevelRect};

use crate::{
    Result,
    manifest::Settings,
    picture::{Frame, Picture},
    sample::{Label, Place, Sample},
    store::Store,
};

/// How often a place is drawn anew where a patch must not reach beyond the picture.
const TRIES: usize = 64;

/// A patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Interleaved RGB, row by row: `3 * side * side` bytes.
    pub rgb: Vec<u8>,
    /// Side in pixels.
    pub side: u32,
    /// Label of its sample.
    pub label: Option<Label>,
    /// Class of its sample; empty where it has none.
    pub class: Arc<str>,
    /// Group of its sample.
    pub group: Arc<str>,
}

/// Makes patches of samples.
#[derive(Debug)]
pub(crate) struct Cutter {
    pub(crate) settings: Settings,
    store: Store,
}

impl Cutter {
    pub(crate) fn new(settings: Settings) -> Self {
        let store = Store::new(settings.memory_limit);
        Self { settings, store }
    }

    /// The patch about a sample's centre.
    pub(crate) fn read(&self, sample: &Sample) -> Result<Patch> {
        let frame = sample.picture.frame(&self.settings)?;
        self.cut(sample, &frame, frame.about(sample.centre()))
    }

    /// The patch at a place that is drawn, where the sample leaves it to chance.
    pub(crate) fn draw(&self, sample: &Sample, rng: &mut ChaCha8Rng) -> Result<Patch> {
        let frame = sample.picture.frame(&self.settings)?;
        let window = match &sample.place {
            Place::Anywhere => frame.within(rng.random(), rng.random()),
            Place::Inside(polygon) => self.fitting(&frame, || polygon.draw(rng)),
            Place::Tissue(tissue) => self.fitting(&frame, || tissue.draw(rng)),
            Place::Middle | Place::At(_) => None,
        };
        self.cut(sample, &frame, window.unwrap_or_else(|| frame.about(sample.centre())))
    }

    /// The window about a place that is drawn, anew where it reaches beyond the picture and must not.
    fn fitting(&self, frame: &Frame, mut draw: impl FnMut() -> [f64; 2]) -> Option<LevelRect> {
        (0..TRIES)
            .map(|_| frame.about(draw()))
            .find(|window| self.settings.padding != crate::Padding::Skip || frame.inside(window))
    }

    fn cut(&self, sample: &Sample, frame: &Frame, window: LevelRect) -> Result<Patch> {
        let side = self.settings.side;
        let mut rgb = self.window(&sample.picture, frame, window)?;
        let size = window.size().to_u32();
        if (size.width, size.height) != (side, side)
            && let Some(picture) = RgbImage::from_raw(size.width, size.height, rgb.clone())
        {
            // Cubic, over more pixels the more it shrinks, so that nothing finer than a pixel folds back.
            rgb = imageops::resize(&picture, side, side, imageops::CatmullRom).into_raw();
        }
        let Sample { label, class, group, .. } = sample.clone();
        Ok(Patch { rgb, side, label, class, group })
    }

    /// The pixels of a window, which may reach beyond its picture.
    fn window(&self, picture: &Picture, frame: &Frame, window: LevelRect) -> Result<Vec<u8>> {
        let (padding, extent) = (self.settings.padding, frame.extent);
        let columns = padding.sources(window.min.x..window.max.x, &(extent.min.x..extent.max.x));
        let rows = padding.sources(window.min.y..window.max.y, &(extent.min.y..extent.max.y));
        let glass = self.store.glass(picture)?;
        let mut rgb = glass.repeat(columns.len() * rows.len());
        let range = |sources: &[Option<i64>]| {
            let shown = || sources.iter().flatten().copied();
            shown().min().zip(shown().max().map(|last| last + 1))
        };
        let (Some((left, right)), Some((top, bottom))) = (range(&columns), range(&rows)) else {
            return Ok(rgb);
        };
        let needed = LevelRect::new(LevelPoint::new(left, top), LevelPoint::new(right, bottom));
        let pixels = self.store.read(picture, frame.level, needed)?;
        let width = needed.width() as usize;
        for (row, line) in rows.iter().zip(rgb.chunks_exact_mut(3 * columns.len())) {
            let Some(row) = row else { continue };
            let from = &pixels[3 * width * (row - top) as usize..][..3 * width];
            for (column, pixel) in columns.iter().zip(line.as_chunks_mut::<3>().0) {
                if let Some(column) = column {
                    pixel.copy_from_slice(&from[3 * (column - left) as usize..][..3]);
                }
            }
        }
        Ok(rgb)
    }
}

/// The generator of one patch, the one that [`Part::draw`](crate::Part::draw) uses: what it gives depends on these three
/// numbers alone. Further draws for the same patch take another stream of it ([`ChaCha8Rng::set_stream`]).
pub fn keyed(seed: u64, step: u64, item: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&step.to_le_bytes());
    key[16..24].copy_from_slice(&item.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
