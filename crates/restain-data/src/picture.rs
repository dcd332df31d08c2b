//! What patches are cut from: an image or a slide, known by its sizes.

use std::path::{Path, PathBuf};

use image::ImageReader;
use restain_slide::{Extent, LevelPoint, LevelRect, LevelSize, Mpp, Slide};

use crate::{Error, Result, manifest::Settings};

/// The most pixels that one patch may be made of.
const MOST_PIXELS: f64 = (1 << 26) as f64;
/// How many pixels of a patch may be made of one pixel of a picture, along a side.
const MOST_ENLARGED: f64 = 16.0;
/// A level that is coarser than asked for by less than this ratio is as good as one that is not.
const SAME: f64 = 1.01;

/// An image or a slide. It holds no pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its file.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Micrometres a pixel of level 0, where known.
    pub mpp: Option<Mpp>,
    /// Its levels, finest first; an image has one.
    levels: Vec<Level>,
}

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PNG, JPEG, TIFF or BMP image, decoded as a whole.
    Image,
    /// A slide, read patch by patch.
    Slide,
}

#[derive(Clone, Debug, PartialEq)]
struct Level {
    downsample: f64,
    /// What of it there is to see, in its own pixels; never empty.
    extent: LevelRect,
}

/// How patches of one picture are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// The level to read.
    pub(crate) level: u32,
    /// What of it there is to see.
    pub(crate) extent: LevelRect,
    downsample: f64,
    size: LevelSize,
}

impl Picture {
    /// Looks at an image's head. Its pixels must fit into `limit` bytes.
    pub(crate) fn of_image(path: &Path, mpp: Option<f64>, limit: u64) -> Result<Self> {
        let fault = |source| Error::Image { path: path.to_owned(), source };
        // By its content, not by its ending: images come from many hands.
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
        let reader = reader.map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let (width, height) = reader.into_dimensions().map_err(fault)?;
        if u64::from(width) * u64::from(height) > limit / 3 {
            return Err(Error::ImageTooLarge { path: path.to_owned(), width, height, limit });
        }
        let extent = LevelRect::from_size(LevelSize::new(width.into(), height.into()));
        let mpp = mpp.map(|mpp| Mpp { x: mpp, y: mpp });
        Ok(Self {
            path: path.to_owned(),
            kind: Kind::Image,
            mpp,
            levels: vec![Level { downsample: 1.0, extent }],
        })
    }

    /// Takes note of a slide's levels; `mpp` is its scale where it does not say so itself.
    pub(crate) fn of_slide(slide: &Slide, mpp: Option<f64>) -> Result<Self> {
        let levels = (0..).zip(&slide.info().levels).map(|(index, level)| {
            Ok(Level { downsample: level.downsample, extent: slide.extent(index, Extent::Bounds)? })
        });
        Ok(Self {
            path: slide.path().to_owned(),
            kind: Kind::Slide,
            mpp: slide.info().mpp.or(mpp.map(|mpp| Mpp { x: mpp, y: mpp })),
            levels: levels.collect::<Result<_>>()?,
        })
    }

    /// What there is to see, in level-0 pixels: the corner and the corner opposite.
    pub fn corners(&self) -> [[f64; 2]; 2] {
        let extent = self.levels[0].extent.to_f64();
        [extent.min.to_array(), extent.max.to_array()]
    }

    /// Whether a place lies in it.
    pub(crate) fn holds(&self, at: [f64; 2]) -> bool {
        let [min, max] = self.corners();
        (0..2).all(|axis| min[axis] <= at[axis] && at[axis] <= max[axis])
    }

    pub(crate) fn middle(&self) -> [f64; 2] {
        let [min, max] = self.corners();
        [0, 1].map(|axis| f64::midpoint(min[axis], max[axis]))
    }

    /// How patches are taken from it: from the coarsest level that is not coarser than they are.
    pub(crate) fn frame(&self, settings: &Settings) -> Result<Frame> {
        let side = f64::from(settings.side);
        let frame = |level: usize, [width, height]: [f64; 2]| {
            let Level { downsample, extent } = self.levels[level];
            Frame {
                level: level as u32,
                extent,
                downsample,
                size: LevelSize::new(width as i64, height as i64),
            }
        };
        let Some(target) = settings.mpp else { return Ok(frame(0, [side; 2])) };
        let Some(mpp) = self.mpp else { return Err(Error::NoMpp { path: self.path.clone(), mpp: target }) };
        let fine_enough = |level: &Level| mpp.at(level.downsample).mean() <= target * SAME;
        let level = self.levels.iter().rposition(fine_enough).unwrap_or(0);
        let mpp = mpp.at(self.levels[level].downsample);
        let [width, height] = [mpp.x, mpp.y].map(|mpp| side * target / mpp);
        if width * height > MOST_PIXELS || width.min(height) * MOST_ENLARGED < side {
            return Err(Error::Scale {
                path: self.path.clone(),
                side: settings.side,
                mpp: target,
                width,
                height,
            });
        }
        Ok(frame(level, [width, height].map(|covered| covered.round().max(1.0))))
    }
}

impl Frame {
    /// The window about a place given in level-0 pixels.
    pub(crate) fn about(&self, at: [f64; 2]) -> LevelRect {
        let corner = |at: f64, side: i64| (at / self.downsample - side as f64 / 2.0 + 0.5).floor() as i64;
        self.at(LevelPoint::new(corner(at[0], self.size.width), corner(at[1], self.size.height)))
    }

    /// The window whose corners lie `x` and `y`, in 0..1, of the way through those that lie inside the picture; `None`
    /// where the picture is smaller than a window.
    pub(crate) fn within(&self, x: f64, y: f64) -> Option<LevelRect> {
        let spare = self.extent.size() - self.size;
        let along = |min: i64, spare: i64, at: f64| min + ((at * (spare + 1) as f64) as i64).min(spare);
        (spare.width >= 0 && spare.height >= 0).then(|| {
            let min = self.extent.min;
            self.at(LevelPoint::new(along(min.x, spare.width, x), along(min.y, spare.height, y)))
        })
    }

    /// Whether a window shows nothing but picture.
    pub(crate) fn inside(&self, window: &LevelRect) -> bool {
        self.extent.contains_box(window)
    }

    fn at(&self, min: LevelPoint) -> LevelRect {
        LevelRect::from_origin_and_size(min, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: i64, y: i64, width: i64, height: i64) -> LevelRect {
        LevelRect::from_origin_and_size(LevelPoint::new(x, y), LevelSize::new(width, height))
    }

    /// A slide of 0.25 micrometres a pixel with levels of 1, 2 and 8.
    fn slide() -> Picture {
        let level = |downsample: f64| Level {
            downsample,
            extent: rect(0, 0, (8000.0 / downsample) as i64, (4000.0 / downsample) as i64),
        };
        Picture {
            path: "slide.mrxs".into(),
            kind: Kind::Slide,
            mpp: Some(Mpp { x: 0.25, y: 0.25 }),
            levels: [1.0, 2.0, 8.0].map(level).to_vec(),
        }
    }

    fn frame(side: u32, mpp: Option<f64>) -> Result<Frame> {
        slide().frame(&Settings { side, mpp, ..Settings::default() })
    }

    #[test]
    fn a_patch_comes_from_the_coarsest_level_that_is_fine_enough() {
        let of = |mpp| frame(100, mpp).map(|frame| (frame.level, frame.size.width)).unwrap();
        assert_eq!(of(None), (0, 100));
        assert_eq!(of(Some(0.25)), (0, 100));
        assert_eq!(of(Some(0.4)), (0, 160));
        assert_eq!(of(Some(0.5)), (1, 100));
        assert_eq!(of(Some(0.498)), (1, 100), "half a percent is nothing");
        assert_eq!(of(Some(1.9)), (1, 380));
        assert_eq!(of(Some(2.0)), (2, 100));
        assert_eq!(of(Some(0.125)), (0, 50));
    }

    #[test]
    fn scales_without_sense_are_refused() {
        assert!(matches!(frame(100, Some(0.01)), Err(Error::Scale { .. })));
        assert!(matches!(frame(4096, Some(100.0)), Err(Error::Scale { .. })));
        let unknown = Picture { mpp: None, ..slide() };
        let settings = Settings { mpp: Some(0.5), ..Settings::default() };
        assert!(matches!(unknown.frame(&settings), Err(Error::NoMpp { .. })));
    }

    #[test]
    fn a_window_lies_about_its_place() {
        let about = |side, mpp, at| frame(side, mpp).unwrap().about(at);
        assert_eq!(about(4, None, [10.0, 20.0]), rect(8, 18, 4, 4));
        assert_eq!(about(5, None, [10.0, 20.0]), rect(8, 18, 5, 5), "pixel 10 in the middle");
        assert_eq!(about(5, None, [10.5, 20.9]), rect(8, 18, 5, 5), "the same pixel");
        assert_eq!(about(4, None, [0.0, 1.0]), rect(-2, -1, 4, 4));
        assert_eq!(about(4, Some(0.5), [100.0, 201.0]), rect(48, 99, 4, 4));
    }

    #[test]
    fn windows_anywhere_reach_every_corner_and_none_beyond() {
        let frame = frame(4000, None).unwrap();
        assert_eq!(frame.within(0.0, 0.0), Some(rect(0, 0, 4000, 4000)));
        assert_eq!(frame.within(1.0 - f64::EPSILON, 0.9), Some(rect(4000, 0, 4000, 4000)));
        assert!(
            slide()
                .frame(&Settings { side: 4001, ..Settings::default() })
                .unwrap()
                .within(0.5, 0.5)
                .is_none()
        );
    }
}
