//! Small pictures for the report.

use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use restain_slide::{LevelRect, LevelSize};

use crate::{Error, Result};

/// Longer side of a thumbnail in pixels.
const LONGER: i64 = 512;
/// JPEG quality of pictures in the report.
const QUALITY: u8 = 85;

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
    let mut bytes = Vec::new();
    if !rgb.is_empty() {
        let height = rgb.len() / 3 / width;
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .encode(rgb, width as u32, height as u32, ExtendedColorType::Rgb8)
            .map_err(Error::Jpeg)?;
    }
    Ok(bytes)
}
