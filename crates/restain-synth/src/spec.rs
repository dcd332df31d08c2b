//! What slide to make.

use std::path::PathBuf;

use crate::{Error, Result, Style};

/// The period, in pixels, of a picture that repeats; a multiple of every grid pitch that a drawing uses.
pub(crate) const PERIOD: u32 = 3840;

/// The slide to make. Start from [`SlideSpec::new`] and change what you need.
#[derive(Debug, Clone)]
pub struct SlideSpec {
    /// Width in level-0 pixels of what is scanned, `openslide.bounds-width`; 64 to 200,000.
    pub width: u32,
    /// Height in level-0 pixels of what is scanned, `openslide.bounds-height`; 64 to 200,000.
    pub height: u32,
    /// Seed of all chance. The same specification gives the same bytes.
    pub seed: u64,
    /// The stain and the scanner's colours; of given pictures it sets the colour of empty glass only.
    pub style: Style,
    /// The fraction of the photographs that is scanned, above 0 and up to 1. Photographs are left out in blobs;
    /// each edge of the bounds keeps at least one.
    pub coverage: f64,
    /// What to show.
    pub source: Source,
    /// The share of drawn single cells that are abnormal, 0 to 1; groups are as they are.
    pub abnormal: f64,
    /// Micrometres a pixel, 0.1 to 2; drawn cells have the size that belongs to it.
    pub mpp: f64,
    /// Whether the picture repeats.
    pub repeat: Repeat,
    /// Replace an existing slide of this name.
    pub force: bool,
}

/// What a slide shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Pap-smear cells, drawn.
    Cells,
    /// The JPEG and PNG pictures of this folder, side by side, blended at their joints.
    Pictures(PathBuf),
}

/// Whether the picture repeats every few photographs, so that encoded images are used again and a huge slide
/// takes seconds and little disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// From 200 megapixels on, if both sides have 1024 px at least.
    Auto,
    /// Always; both sides must have 1024 px at least.
    Always,
    /// Never.
    Never,
}

impl SlideSpec {
    /// The shortest side in pixels.
    pub const MIN_SIDE: u32 = 64;
    /// The longest side in pixels: what 256 photographs with their unscanned margin cover.
    pub const MAX_SIDE: u32 = 200_000;
    /// The shortest side in pixels of a slide that repeats: one photograph.
    pub const MIN_REPEATING_SIDE: u32 = 1024;
    /// From this many pixels on [`Repeat::Auto`] repeats.
    const AUTO_REPEAT: u64 = 200_000_000;

    /// A slide of `width` x `height` px of cells in the new scanner's style, wholly scanned, 0.25 micrometres a
    /// pixel, seed 1.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            seed: 1,
            style: Style::new_scanner(),
            coverage: 1.0,
            source: Source::Cells,
            abnormal: 0.03,
            mpp: 0.25,
            repeat: Repeat::Auto,
            force: false,
        }
    }

    /// Whether this slide's picture repeats every 3840 px in both directions.
    pub fn repeats(&self) -> bool {
        let shortest = self.width.min(self.height);
        match self.repeat {
            Repeat::Always => true,
            Repeat::Never => false,
            Repeat::Auto => {
                u64::from(self.width) * u64::from(self.height) >= Self::AUTO_REPEAT
                    && shortest >= Self::MIN_REPEATING_SIDE
            }
        }
    }

    /// Checks every number.
    pub(crate) fn check(&self) -> Result<()> {
        let min = if self.repeats() { Self::MIN_REPEATING_SIDE } else { Self::MIN_SIDE };
        let sides = min..=Self::MAX_SIDE;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(Error::Size { width: self.width, height: self.height, min, max: Self::MAX_SIDE });
        }
        if !(self.coverage > 0.0 && self.coverage <= 1.0) {
            return Err(Error::Setting {
                name: "coverage",
                value: self.coverage,
                range: "above 0 and up to 1",
            });
        }
        if !(0.0..=1.0).contains(&self.abnormal) {
            return Err(Error::Setting {
                name: "the share of abnormal cells",
                value: self.abnormal,
                range: "0 to 1",
            });
        }
        if !(0.1..=2.0).contains(&self.mpp) {
            return Err(Error::Setting { name: "micrometres a pixel", value: self.mpp, range: "0.1 to 2" });
        }
        Ok(())
    }
}
