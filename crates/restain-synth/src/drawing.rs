//! The true picture of a slide.

use crate::{Cell, Picture, Rect, Result, SlideSpec, Source, cells::Smear, pictures::Mosaic, spec::PERIOD};

/// The true picture of a slide: what its level-0 pixels are before JPEG.
///
/// A pure function of the specification and the place, so any rectangle can be drawn at any time, on any thread,
/// and always looks the same.
#[derive(Debug)]
pub struct Drawing {
    source: Painter,
    background: [u8; 3],
}

#[derive(Debug)]
enum Painter {
    Cells(Box<Smear>),
    Pictures(Mosaic),
}

impl Drawing {
    /// The picture of `spec`'s slide.
    ///
    /// # Errors
    /// [`Error::Size`](crate::Error::Size) and [`Error::Setting`](crate::Error::Setting) for numbers out of range,
    /// [`Error::NoPictures`](crate::Error::NoPictures) and [`Error::Picture`](crate::Error::Picture) for a folder
    /// without usable pictures.
    pub fn new(spec: &SlideSpec) -> Result<Self> {
        spec.check()?;
        let period = spec.repeats().then_some(i64::from(PERIOD));
        let source = match &spec.source {
            Source::Cells => Painter::Cells(Box::new(Smear::new(spec, period))),
            Source::Pictures(folder) => Painter::Pictures(Mosaic::new(folder, spec.seed, period)?),
        };
        Ok(Self { source, background: spec.style.glass() })
    }

    /// Draws a rectangle. It may reach outside the slide, where the picture goes on.
    ///
    /// # Errors
    /// [`Error::Picture`](crate::Error::Picture) if one of the given pictures cannot be read.
    pub fn draw(&self, rect: Rect) -> Result<Picture> {
        match &self.source {
            Painter::Cells(smear) => Ok(smear.draw(rect)),
            Painter::Pictures(mosaic) => mosaic.draw(rect),
        }
    }

    /// The squamous cells whose nuclei have their centres in a rectangle; of given pictures none are known.
    pub fn cells(&self, rect: Rect) -> Vec<Cell> {
        match &self.source {
            Painter::Cells(smear) => smear.cells(rect),
            Painter::Pictures(_) => Vec::new(),
        }
    }

    /// The colour of empty glass, which fills what is not scanned.
    pub fn background(&self) -> [u8; 3] {
        self.background
    }
}
