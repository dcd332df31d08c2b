//! What normalizing would make of a slide, before it is done: a few telling regions, just as they will be, and the whole slide
//! at low resolution.

mod overview;
mod regions;
mod sheet;

use std::sync::atomic::{AtomicBool, Ordering};

use image::{Rgb, RgbImage, imageops};
use restain_slide::{LevelRect, TileGrid};
use restain_stain::affine::Affine;

use crate::stages::generate::{self, RestainedTile};
use crate::stages::read::ReadTile;
use crate::stages::stain::BareTile;
use crate::threads::thread_pool;
use crate::{Error, Job, Region, Result};
use overview::Overview;
use sheet::Pair;

/// What normalizing would make of a slide.
pub struct Preview {
    /// Before on the left and after on the right: the whole slide, below it the regions.
    pub picture: RgbImage,
    /// The regions, those that let the least light through first; pixels of the output.
    pub regions: Vec<Region>,
}

impl Job<'_> {
    /// Makes a picture of the slide before and after: of all of it in about 1024 pixels, and of at most `regions` regions of
    /// 512 x 512 px. Regions are spread over the slide and go from crowded to sparse; empty glass is shown only where there is
    /// nothing else.
    ///
    /// The pixels of a region are those that [`Job::run`] makes of it. The whole is an estimate, by the affine change of colour
    /// that comes nearest to that of the regions: G was trained at another scale.
    ///
    /// # Errors
    /// [`Error::Slide`] where the slide is damaged, [`Error::Interrupted`] within a region's work after `interrupt` is set,
    /// [`Error::Threads`], and where G fails.
    pub fn preview(&self, regions: usize, interrupt: &AtomicBool) -> Result<Preview> {
        thread_pool(self.cut.threads)?.install(|| {
            let overview = Overview::of(self, interrupt)?;
            let regions = regions::choose(self.extent, &overview, regions)?;
            let mut pairs = Vec::new();
            for &region in &regions {
                check(interrupt)?;
                let before = picture(region, self.slide.read(self.level, region)?.rgb);
                pairs.push(Pair { before, after: self.restain(region)? });
            }
            let change = Affine::fit(pairs.iter().map(|pair| (&*pair.before, &*pair.after)))?;
            let background = self.slide.info().background;
            let whole = Pair { before: overview.picture(), after: overview.changed(&change, background) };
            let places: Vec<_> = regions.iter().map(|&region| overview.place(region)).collect();
            let picture = sheet::draw(&whole, &places, &pairs);
            let output = |region: &LevelRect| Region::of(region.translate(-self.extent.min.to_vector()));
            Ok(Preview { picture, regions: regions.iter().map(output).collect() })
        })
    }

    /// What normalizing makes of a part of the extent, by the stages' own functions.
    fn restain(&self, region: LevelRect) -> Result<RgbImage> {
        let engine = &self.selection.engine;
        let background = self.slide.info().background;
        let size = region.size().to_u32();
        let mut restained = RgbImage::from_pixel(size.width, size.height, Rgb(background));
        for tile in TileGrid::new(region, self.cut.tile, self.margin)?.iter() {
            let read = ReadTile::read(self.slide, self.level, tile)?;
            let batch = vec![BareTile::of(read, engine, background)];
            let cores = generate::restain(engine, &batch)?;
            for RestainedTile { core, rgb } in generate::finish(engine, background, batch, cores) {
                if let Some(rgb) = rgb {
                    let place = core.min - region.min;
                    imageops::replace(&mut restained, &picture(core, rgb), place.x, place.y);
                }
            }
        }
        Ok(restained)
    }
}

/// Interleaved RGB of a rectangle as a picture.
fn picture(rect: LevelRect, rgb: Vec<u8>) -> RgbImage {
    let size = rect.size().to_u32();
    // The pixels always fill it.
    RgbImage::from_raw(size.width, size.height, rgb).unwrap_or_else(|| RgbImage::new(size.width, size.height))
}

fn check(interrupt: &AtomicBool) -> Result<()> {
    if interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
