//! How much two slides or pictures differ, band by band: memory follows their width.

use std::path::Path;
use std::str::FromStr;

use restain_slide::{Extent, LevelPoint, LevelRect, LevelSize, Slide};
use restain_stain::histogram::{Histogram, bhattacharyya};
use restain_stain::metrics::{Difference, Ssim};
use serde::Serialize;

use crate::picture::{picture_format, read_picture};
use crate::{Error, Result};

/// Rows compared at a time.
const BAND: i64 = 256;

/// One side of a comparison.
pub enum Subject {
    /// A slide of any format that `OpenSlide` reads.
    Slide(Box<Slide>),
    /// A plain picture, which has one level.
    Picture(image::RgbImage),
}

/// A rectangle in pixels of the compared level, counted from the corner of what was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Region {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Pixels across, above 0.
    pub width: u32,
    /// Pixels down, above 0.
    pub height: u32,
}

impl Region {
    /// A rectangle that lies within what was scanned.
    pub(crate) fn of(rect: LevelRect) -> Self {
        let (min, size) = (rect.min.to_u32(), rect.size().to_u32());
        Self { x: min.x, y: min.y, width: size.width, height: size.height }
    }
}

impl FromStr for Region {
    type Err = Error;

    /// Reads `X,Y,W,H`.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Result<Vec<u32>, _> = text.split(',').map(|number| number.trim().parse()).collect();
        match numbers.as_deref() {
            Ok(&[_, _, width, height]) if width == 0 || height == 0 => {
                Err(Error::Setting("the region holds no pixel".to_owned()))
            }
            Ok(&[x, y, width, height]) => Ok(Self { x, y, width, height }),
            _ => Err(Error::Setting("give four whole numbers: X,Y,W,H".to_owned())),
        }
    }
}

/// The figures of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Width compared, pixels.
    pub width: i64,
    /// Height compared, pixels.
    pub height: i64,
    /// Peak signal-to-noise ratio in dB over all channels; `None` where nothing differs (it is infinite then).
    pub psnr_db: Option<f64>,
    /// Structural similarity of the gray images (Wang et al. 2004), -1..=1; `None` below 11 x 11 px.
    pub ssim: Option<f64>,
    /// Largest absolute difference of a channel, grey levels.
    pub max_difference: u8,
    /// Mean absolute difference over all channels, grey levels.
    pub mean_difference: Option<f64>,
    /// Share of pixels that differ, 0..=1.
    pub differing: Option<f64>,
    /// Bhattacharyya distance of the RGB histograms; [`bhattacharyya`] defines it.
    pub bhattacharyya: Option<f64>,
}

impl Subject {
    /// Opens a slide or, where `OpenSlide` knows the file as none, a PNG, JPEG, TIFF or BMP picture.
    ///
    /// # Errors
    /// Where the file is neither.
    pub fn open(path: &Path) -> Result<Self> {
        let plain = picture_format(path).is_ok_and(|format| !matches!(format, image::ImageFormat::Tiff));
        if plain {
            return read_picture(path).map(Self::Picture);
        }
        match Slide::open(path) {
            Ok(slide) => Ok(Self::Slide(Box::new(slide))),
            // A TIFF in strips is a picture, not a slide; where it is neither, what OpenSlide says is of more use.
            Err(error) => read_picture(path).map(Self::Picture).map_err(|_| error.into()),
        }
    }

    fn extent(&self, level: u32) -> Result<LevelRect> {
        match self {
            Self::Slide(slide) => Ok(slide.extent(level, Extent::Bounds)?),
            Self::Picture(picture) if level == 0 => {
                Ok(LevelRect::from_size(LevelSize::new(picture.width().into(), picture.height().into())))
            }
            Self::Picture(_) => {
                Err(Error::Compare(format!("a plain picture has no level {level}, only level 0")))
            }
        }
    }

    fn read(&self, level: u32, rect: LevelRect) -> Result<Vec<u8>> {
        match self {
            Self::Slide(slide) => Ok(slide.read(level, rect)?.rgb),
            Self::Picture(picture) => {
                let whole = self.extent(level)?;
                let rows = crate::crop::rows(whole, rect);
                let bytes = picture.as_raw();
                Ok(rows.flat_map(|row| &bytes[row.start * 3..row.end * 3]).copied().collect())
            }
        }
    }
}

impl Comparison {
    /// Compares `region`, or all of it, of a level of two subjects of the same size; at coarser levels one may have a row
    /// and a column more, which are left out.
    ///
    /// # Errors
    /// Where sizes differ, the region holds nothing or reaches beyond, or a slide cannot be read.
    pub fn of(a: &Subject, b: &Subject, level: u32, region: Option<Region>) -> Result<Self> {
        let (extent_a, extent_b) = (a.extent(level)?, b.extent(level)?);
        let size = extent_a.size().min(extent_b.size());
        // What was scanned is rounded outward at a coarser level of a slide, and halved in an output of it.
        let rounded = i64::from(level > 0);
        let beyond = extent_a.size().max(extent_b.size()) - size;
        if beyond.width.max(beyond.height) > rounded {
            return Err(Error::Compare(format!(
                "cannot compare {} x {} px with {} x {} px at level {level}; both must show the same part of the slide (--extent) at the same scale",
                extent_a.width(),
                extent_a.height(),
                extent_b.width(),
                extent_b.height()
            )));
        }
        let whole = LevelRect::from_size(size);
        let rect = region.map_or(whole, |region| {
            let min = LevelPoint::new(region.x.into(), region.y.into());
            LevelRect::from_origin_and_size(min, LevelSize::new(region.width.into(), region.height.into()))
        });
        if rect.is_empty() || !whole.contains_box(&rect) {
            return Err(Error::Compare(format!(
                "the region must hold at least one pixel and lie within {} x {} px",
                size.width, size.height
            )));
        }
        let mut difference = Difference::new();
        let mut ssim = Ssim::new(rect.width() as usize);
        let mut histograms = (Histogram::new(), Histogram::new());
        for top in (rect.min.y..rect.max.y).step_by(BAND as usize) {
            let band = LevelRect::new(
                LevelPoint::new(rect.min.x, top),
                LevelPoint::new(rect.max.x, rect.max.y.min(top + BAND)),
            );
            let pixels_a = a.read(level, band.translate(extent_a.min.to_vector()))?;
            let pixels_b = b.read(level, band.translate(extent_b.min.to_vector()))?;
            difference.add(&pixels_a, &pixels_b);
            ssim.push_rows(&pixels_a, &pixels_b);
            histograms.0.add(&pixels_a);
            histograms.1.add(&pixels_b);
        }
        Ok(Self {
            width: rect.width(),
            height: rect.height(),
            psnr_db: difference.psnr().filter(|psnr| psnr.is_finite()),
            ssim: ssim.mean(),
            max_difference: difference.largest(),
            mean_difference: difference.mean(),
            differing: difference.share(),
            bhattacharyya: bhattacharyya(&histograms.0, &histograms.1),
        })
    }
}
