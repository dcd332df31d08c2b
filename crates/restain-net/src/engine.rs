//! What runs G: the CPU, candle on any device, or kernels for GPUs.

use std::fmt;

use crate::need::Area;
use crate::{Error, Result};

/// An image to be given its stain.
#[derive(Debug, Clone)]
pub struct Window<'a> {
    /// What G is to see.
    pub pixels: Pixels<'a>,
    /// The part of it that is wanted. What lies farther from it than [`halo`](crate::halo) has no influence.
    pub core: Area,
}

/// An image of a slide.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a> {
    /// GM `[2, height, width]`, both channels in 0..=1: the stain is removed.
    Gm(&'a [f32]),
    /// Interleaved RGB `[height, width, 3]`, for a model that [removes the stain](crate::Model::removes_stain) itself, with the
    /// mask of the paper or the soft one.
    Rgb {
        /// The pixels.
        rgb: &'a [u8],
        /// Whether the mask is to be [soft](restain_stain::removal::soft_mask).
        soft_mask: bool,
    },
}

impl<'a> Pixels<'a> {
    /// Values, and how many there are to a pixel.
    pub(crate) fn values(self) -> (usize, usize) {
        match self {
            Self::Gm(values) => (values.len(), 2),
            Self::Rgb { rgb, .. } => (rgb.len(), 3),
        }
    }

    /// GM, if it is what an engine takes that does not remove the stain.
    pub(crate) fn gm(self, height: usize, width: usize) -> Result<&'a [f32]> {
        match self {
            Self::Gm(gm) => Ok(gm),
            Self::Rgb { rgb, .. } => Err(Error::Input { width, height, values: rgb.len() }),
        }
    }
}

/// G in use.
pub(crate) trait Engine: Send + Sync + fmt::Debug {
    /// Name of the kernels and of the numbers they compute in.
    fn name(&self) -> &'static str;

    /// Bytes of the host's memory that it keeps for images of a size.
    fn workspace(&self, height: usize, width: usize) -> usize;

    /// Whether it takes RGB too, and removes the stain itself.
    fn removes_stain(&self) -> bool {
        false
    }

    /// Images of a size to give it at a time.
    fn batch_size(&self, _height: usize, _width: usize) -> usize {
        1
    }

    /// Threads that may use it at once.
    fn workers(&self) -> usize {
        1
    }

    /// Interleaved RGB of the cores of images of one size; one image at least.
    ///
    /// Both sides are multiples of 64, cores lie inside, and the pixels are as many as the sides say.
    ///
    /// # Errors
    /// Where the pixels are not what it takes, or the device fails.
    fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> Result<Vec<Vec<u8>>>;
}
