//! The whole of what is to be normalized, at low resolution.

use std::sync::atomic::AtomicBool;

use image::math::Rect;
use image::{DynamicImage, GenericImageView, RgbImage, Rgba, RgbaImage, imageops};
use rayon::prelude::*;
use restain_slide::{Coverage, LevelRect, LevelSize, Pixels, squares};
use restain_stain::affine::Affine;
use restain_stain::histogram::Histogram;

use super::{check, picture};
use crate::{Job, Result, crop};

/// Most pixels along the longer side.
const LONGEST: i64 = 2048;
/// Share of a part that must be scanned: photographs leave hairlines between them and at the edges.
const SCANNED: f64 = 0.9;

/// The pixels of an extent, each the mean of a square of them.
pub(super) struct Overview {
    /// Alpha is how much of a pixel was scanned; colours are composited on the background.
    rgba: RgbaImage,
    extent: LevelRect,
    /// Pixels of the extent along the side of one.
    scale: f64,
}

impl Overview {
    /// Reads the coarsest level that is large enough, square by square, so that memory does not follow the slide.
    pub(super) fn of(job: &Job<'_>, interrupt: &AtomicBool) -> Result<Self> {
        let levels = &job.slide.info().levels;
        let mut read = (job.level, job.extent);
        for level in job.level + 1..levels.len() as u32 {
            let extent = job.slide.extent(level, job.settings.extent.into())?;
            if extent.width().max(extent.height()) >= LONGEST {
                read = (level, extent);
            }
        }
        let (level, extent) = read;
        let step = (extent.width().max(extent.height()) as u64).div_ceil(LONGEST as u64) as i64;
        let along = |length: i64| (length as u64).div_ceil(step as u64) as u32;
        let square = |rect: LevelRect| {
            check(interrupt)?;
            let pixels = rgba(job.slide.read(level, rect)?);
            Ok((
                rect.min - extent.min,
                imageops::thumbnail(&pixels, along(rect.width()), along(rect.height())),
            ))
        };
        let squares: Vec<_> = squares(extent, step * (LONGEST / step).max(1)).collect();
        let squares: Vec<_> = squares.into_par_iter().map(square).collect::<Result<_>>()?;
        let mut rgba = RgbaImage::new(along(extent.width()), along(extent.height()));
        for (place, square) in squares {
            imageops::replace(&mut rgba, &square, place.x / step, place.y / step);
        }
        let downsample = |level: u32| levels[level as usize].downsample;
        let scale = step as f64 * downsample(level) / downsample(job.level);
        Ok(Self { rgba, extent: job.extent, scale })
    }

    /// As it is.
    pub(super) fn picture(&self) -> RgbImage {
        DynamicImage::ImageRgba8(self.rgba.clone()).into_rgb8()
    }

    /// With other colours; what was never scanned keeps the background's.
    pub(super) fn changed(&self, change: &Affine, background: [u8; 3]) -> RgbImage {
        let mut picture = self.picture();
        change.apply(&mut picture);
        let all = LevelRect::from_size(LevelSize::new(picture.width().into(), picture.height().into()));
        let coverage = Coverage::Partly(self.rgba.pixels().map(|pixel| pixel[3]).collect());
        crop::composite(all, all, &coverage, background, &mut picture);
        picture
    }

    /// The pixels that show a part of the extent; at least one.
    pub(super) fn place(&self, part: LevelRect) -> Rect {
        let place = part.translate(-self.extent.min.to_vector()).to_f64() / self.scale;
        let span = |from: f64, to: f64, length: u32| {
            let from = (from as u32).min(length - 1);
            (from, (to.ceil() as u32).clamp(from + 1, length) - from)
        };
        let (x, width) = span(place.min.x, place.max.x, self.rgba.width());
        let (y, height) = span(place.min.y, place.max.y, self.rgba.height());
        Rect { x, y, width, height }
    }

    /// Counts the scanned pixels that show a part of the extent, where that is nearly all of it.
    pub(super) fn histogram(&self, part: LevelRect) -> Option<Histogram> {
        let Rect { x, y, width, height } = self.place(part);
        let mut histogram = Histogram::new();
        for (_, _, Rgba([r, g, b, alpha])) in self.rgba.view(x, y, width, height).pixels() {
            if alpha == u8::MAX {
                histogram.add(&[r, g, b]);
            }
        }
        let all = f64::from(width) * f64::from(height);
        (histogram.pixels() as f64 >= SCANNED * all).then_some(histogram)
    }
}

/// The pixels of a read, and how much the scanner saw of each as their alpha.
fn rgba(Pixels { rect, rgb, coverage }: Pixels) -> RgbaImage {
    let mut rgba = DynamicImage::ImageRgb8(picture(rect, rgb)).into_rgba8();
    match coverage {
        Coverage::Everything => {}
        Coverage::Nothing => rgba.pixels_mut().for_each(|pixel| pixel[3] = 0),
        Coverage::Partly(alpha) => {
            rgba.pixels_mut().zip(alpha).for_each(|(pixel, alpha)| pixel[3] = alpha);
        }
    }
    rgba
}
