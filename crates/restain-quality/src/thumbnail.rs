//! Small pictures for the report.

use restain_slide::{LevelRect, LevelSize};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::Result;

/// Longer side of a thumbnail in pixels.
const LONGER: i64 = 512;
/// JPEG quality of pictures in the report.
const QUALITY: i32 = 85;

/// A picture of so many pixels at most, as means of what falls onto each.
pub(crate) struct Thumbnail {
    /// Pixels of the slide along the side of one.
    step: i64,
    width: usize,
    sums: Vec<([u64; 3], u64)>,
}

impl Thumbnail {
    pub(crate) fn new(size: LevelSize) -> Self {
        let step = (size.width.max(size.height) as u64).div_ceil(LONGER as u64).max(1) as i64;
        let side = |length: i64| (length as u64).div_ceil(step as u64) as usize;
        let (width, height) = (side(size.width), side(size.height));
        Self { step, width, sums: vec![Default::default(); width * height] }
    }

    pub(crate) fn add(&mut self, rect: LevelRect, rgb: &[u8]) {
        for (y, row) in (rect.min.y..).zip(rgb.chunks_exact(3 * rect.width() as usize)) {
            for (x, pixel) in (rect.min.x..).zip(row.as_chunks::<3>().0) {
                let (sum, count) =
                    &mut self.sums[(y / self.step) as usize * self.width + (x / self.step) as usize];
                sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
                *count += 1;
            }
        }
    }

    pub(crate) fn jpeg(&self) -> Result<Vec<u8>> {
        let mean = |(sum, count): &([u64; 3], u64)| sum.map(|sum| (sum / (*count).max(1)) as u8);
        jpeg(&self.sums.iter().flat_map(mean).collect::<Vec<u8>>(), self.width)
    }
}

/// Interleaved RGB as JPEG; nothing of no pixels.
pub(crate) fn jpeg(rgb: &[u8], width: usize) -> Result<Vec<u8>> {
    if rgb.is_empty() {
        return Ok(Vec::new());
    }
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(Subsamp::None)?;
    let height = rgb.len() / 3 / width;
    let image = Image { pixels: rgb, width, pitch: 3 * width, height, format: PixelFormat::RGB };
    Ok(compressor.compress_to_vec(image)?)
}
