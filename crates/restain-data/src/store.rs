//! Pixels of pictures: images decoded once and kept while memory lasts, slides open while they are read.

use std::path::Path;

use image::{ImageFormat, ImageReader, Limits, RgbImage};
use restain_slide::{LevelRect, Slide};

use crate::{
    Error, Result,
    lru::Lru,
    picture::{Kind, Picture},
};

/// Slides that stay open; each has a cache of its own inside `OpenSlide`.
const OPEN_SLIDES: u64 = 8;

/// Reads pixels; many threads may.
#[derive(Debug)]
pub(crate) struct Store {
    images: Lru<RgbImage>,
    slides: Lru<Slide>,
    limit: u64,
}

impl Store {
    /// A store whose decoded images take `limit` bytes at most.
    pub(crate) fn new(limit: u64) -> Self {
        let images = Lru::new(limit, |image: &RgbImage| image.as_raw().len() as u64);
        Self { images, slides: Lru::new(OPEN_SLIDES, |_| 1), limit }
    }

    /// Interleaved RGB of a rectangle inside a level of a picture.
    pub(crate) fn read(&self, picture: &Picture, level: u32, rect: LevelRect) -> Result<Vec<u8>> {
        match picture.kind {
            Kind::Slide => {
                let slide = self.slides.get(&picture.path, || Ok(Slide::open(&picture.path)?))?;
                Ok(slide.read(level, rect)?.rgb)
            }
            Kind::Image => {
                let image = self.images.get(&picture.path, || read_image(&picture.path, self.limit))?;
                let (min, size) = (rect.min.to_u32(), rect.size().to_u32());
                // The file may have been replaced by a smaller one since it was looked at.
                if min.x + size.width > image.width() || min.y + size.height > image.height() {
                    let gone = std::io::Error::other("the image has another size than before");
                    return Err(Error::Read { path: picture.path.clone(), source: gone });
                }
                Ok(image::imageops::crop_imm(&*image, min.x, min.y, size.width, size.height)
                    .to_image()
                    .into_raw())
            }
        }
    }

    /// Colour of glass beyond a picture.
    pub(crate) fn glass(&self, picture: &Picture) -> Result<[u8; 3]> {
        match picture.kind {
            Kind::Image => Ok([255; 3]),
            Kind::Slide => {
                let slide = self.slides.get(&picture.path, || Ok(Slide::open(&picture.path)?))?;
                Ok(slide.info().background)
            }
        }
    }
}

/// Decodes an image to 8 bit RGB; its kind is told by its content.
///
/// # Errors
/// [`Error::Read`], [`Error::Image`] where it is damaged, of an unknown kind or of more than about `limit` bytes of RGB,
/// and [`Error::CutShort`] where the end of a JPEG is missing.
pub fn read_image(path: &Path, limit: u64) -> Result<RgbImage> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let fault = |source| Error::Image { path: path.to_owned(), source };
    let mut reader = ImageReader::new(std::io::Cursor::new(&bytes))
        .with_guessed_format()
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    // Decoders fill up what is missing of a JPEG picture, and say nothing.
    if reader.format() == Some(ImageFormat::Jpeg) && !is_whole(&bytes) {
        return Err(Error::CutShort { path: path.to_owned() });
    }
    // Before they become 8 bit RGB, pixels may have four channels of 16 bit.
    let mut limits = Limits::default();
    limits.max_alloc = Some(limit.saturating_mul(3));
    reader.limits(limits);
    Ok(reader.decode().map_err(fault)?.into_rgb8())
}

/// Whether a JPEG stream has its end marker after its last scan. In a scan's data neither marker can occur (ITU-T T.81,
/// B.1.1.5).
fn is_whole(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xda).is_some_and(|scan| last(0xd9).is_some_and(|end| end > scan))
}
