//! A slide: opened once, read by many threads.

use std::path::{Path, PathBuf};

use openslide_rs::{Address, Region, Size};

use crate::{
    canvas::Canvas,
    error::{Error, Result},
    geometry::{LevelRect, to_level_outward, to_level0},
    handle::{Handle, companion, explain, printable},
    info::{LevelInfo, SlideInfo},
    phase::pieces,
    pixels::Pixels,
};

/// How much finer than level 0 a requested mpp may be, as a ratio: scanners differ by a few percent.
const FINER: f64 = 1.1;

/// How much of a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What the scanner has seen.
    Bounds,
    /// Everything, glass that was never scanned too.
    Full,
}

/// An open slide.
#[derive(Debug)]
pub struct Slide {
    path: PathBuf,
    info: SlideInfo,
    handle: Handle,
}

impl Slide {
    /// Opens a slide of any format that `OpenSlide` reads.
    ///
    /// # Errors
    /// One clear line for a missing file, a directory, an empty file, a file that is no slide, a MIRAX slide without
    /// its folder, a damaged slide.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let handle = Handle::open(path)?;
        let info = SlideInfo::gather(&handle.current(), path).map_err(|error| explain(path, error))?;
        Ok(Self { path: path.to_owned(), info, handle })
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path, which may not exist yet, is the slide's file or lies in the folder that belongs to it.
    pub fn holds(&self, path: &Path) -> bool {
        let Ok(own) = self.path.canonicalize() else { return false };
        let there = path.canonicalize().or_else(|error| match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) if folder.as_os_str().is_empty() => {
                Ok(Path::new(".").canonicalize()?.join(name))
            }
            (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
            _ => Err(error),
        });
        there.is_ok_and(|there| {
            there == own || companion(&own).is_some_and(|folder| there.starts_with(folder))
        })
    }

    /// What the slide says about itself.
    pub fn info(&self) -> &SlideInfo {
        &self.info
    }

    /// What of a level to work on, in pixels of the level.
    ///
    /// # Errors
    /// [`Error::NoSuchLevel`].
    pub fn extent(&self, level: u32, extent: Extent) -> Result<LevelRect> {
        let info = self.level(level)?;
        let full = LevelRect::from_size(info.size);
        Ok(match extent {
            Extent::Full => full,
            Extent::Bounds => {
                to_level_outward(self.info.bounds, info.downsample).intersection(&full).unwrap_or(full)
            }
        })
    }

    /// Reads any rectangle of a level, given in its pixels; what lies outside the slide is background.
    ///
    /// A pixel is the same whatever rectangle it is asked for with. Many threads may read at once: a read that fails
    /// is tried once more on a fresh handle, and leaves the others alone.
    ///
    /// # Errors
    /// [`Error::NoSuchLevel`], [`Error::EmptyRegion`], [`Error::RegionTooLarge`], and [`Error::Read`] where the slide
    /// is damaged.
    pub fn read(&self, level: u32, rect: LevelRect) -> Result<Pixels> {
        let info = self.level(level)?;
        if rect.is_empty() {
            return Err(Error::EmptyRegion { slide: self.path.clone(), level, region: rect });
        }
        let mut canvas = Canvas::new(rect, self.info.background).ok_or_else(|| Error::RegionTooLarge {
            slide: self.path.clone(),
            level,
            region: rect,
        })?;
        if let Some(inside) = rect.intersection(&LevelRect::from_size(info.size)) {
            for piece in pieces(inside, info.downsample) {
                let argb = self.read_argb(level, info.downsample, piece)?;
                canvas.place(piece, &argb);
            }
        }
        Ok(canvas.finish())
    }

    /// Reads a rectangle inside the level as `OpenSlide` gives it.
    fn read_argb(&self, level: u32, downsample: f64, rect: LevelRect) -> Result<Vec<u8>> {
        let address = to_level0(rect.min, downsample);
        // Nothing is lost: a level-0 pixel that `OpenSlide` counts beyond `u32` is refused when a slide is opened.
        let narrow = |v: i64| u32::try_from(v).unwrap_or(u32::MAX);
        let region = Region {
            level,
            address: Address { x: narrow(address.x), y: narrow(address.y) },
            size: Size { w: narrow(rect.width()), h: narrow(rect.height()) },
        };
        self.handle.read(&region).map_err(|error| Error::Read {
            slide: self.path.clone(),
            level,
            region: rect,
            cause: printable(&error.to_string()),
        })
    }

    /// The level whose micrometres a pixel are nearest to `mpp`, as a ratio. Pixels are not resampled: the level
    /// may be coarser or finer than asked for, and the coarsest is the answer to anything coarser still.
    ///
    /// # Errors
    /// [`Error::InvalidMpp`], [`Error::NoMpp`], and [`Error::FinerThanScanned`] where `mpp` is more than a tenth
    /// finer than level 0.
    pub fn level_for_mpp(&self, mpp: f64) -> Result<u32> {
        check_mpp(mpp)?;
        let finest = self.info.mpp.ok_or_else(|| Error::NoMpp { slide: self.path.clone() })?.mean();
        if mpp * FINER < finest {
            return Err(Error::FinerThanScanned { slide: self.path.clone(), mpp, finest });
        }
        let distance = |level: &LevelInfo| (finest * level.downsample / mpp).ln().abs();
        let nearest = (0u32..).zip(&self.info.levels).min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        Ok(nearest.map_or(0, |(level, _)| level))
    }

    fn level(&self, level: u32) -> Result<&LevelInfo> {
        let levels = &self.info.levels;
        levels.get(level as usize).ok_or_else(|| Error::NoSuchLevel {
            slide: self.path.clone(),
            level,
            levels: levels.len() as u32,
        })
    }
}

/// Whether a level can have so many micrometres a pixel.
///
/// # Errors
/// [`Error::InvalidMpp`] for what is no number above 0.
pub fn check_mpp(mpp: f64) -> Result<()> {
    if mpp.is_finite() && mpp > 0.0 { Ok(()) } else { Err(Error::InvalidMpp { mpp }) }
}
