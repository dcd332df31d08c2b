//! Where a slide and its output lie over each other.
//!
//! Pixels of the output's level 0 are the common ground. An output tells in its description which level of the slide was
//! read, and what of it.

use std::path::Path;

use restain_slide::{Level0Rect, LevelSize};
use serde::{Deserialize, Serialize};

use crate::picture::Picture;
use crate::{Error, Result};

/// What an output says of the slide it was made from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Source {
    /// Size of the slide's level 0.
    width: i64,
    height: i64,
    /// The level that was read.
    level: u32,
    /// What was read of it: x, y, width, height in its pixels.
    region: [i64; 4],
}

#[derive(Deserialize)]
struct Description {
    source: Source,
}

impl Source {
    /// What the output in the file says; `None` where it is not one of restain's.
    pub(crate) fn of(output: &Path) -> Option<Self> {
        let text = restain_tiff::description(output).ok()??;
        serde_json::from_str::<Description>(&text).ok().map(|description| description.source)
    }
}

/// Where a picture lies on the common ground, and what of it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Placement {
    /// Its upper left corner.
    x: f64,
    y: f64,
    /// Pixels of the output along the side of one of its level-0 pixels.
    scale: f64,
    /// What of it is shown: x, y, width, height in its level-0 pixels.
    shown: [f64; 4],
}

impl Placement {
    /// The output itself, or a slide without one: `shown` of it begins at the origin.
    pub(crate) fn alone(shown: Level0Rect) -> Self {
        Self::new([shown.min.x, shown.min.y, shown.width(), shown.height()].map(|v| v as f64), 1.0)
    }

    /// The slide beside an output of `size` px that says `source`. Where it says nothing, what the scanner has seen fills
    /// the output.
    pub(crate) fn before(picture: &Picture, source: Option<&Source>, size: LevelSize) -> Result<Self> {
        let bounds = picture.slide().info().bounds;
        let Some(Source { width, height, level, region }) = source else {
            let shown = Self::alone(bounds).shown;
            return Ok(Self::new(shown, size.width as f64 / shown[2]));
        };
        let own = picture.size();
        let downsample = picture.downsample(*level).filter(|_| own == LevelSize::new(*width, *height));
        let downsample = downsample.ok_or_else(|| Error::OtherSlide {
            slide: picture.slide().path().to_owned(),
            width: own.width,
            height: own.height,
            expected_width: *width,
            expected_height: *height,
        })?;
        Ok(Self::new(region.map(|v| v as f64 * downsample), 1.0 / downsample))
    }

    fn new(shown: [f64; 4], scale: f64) -> Self {
        // Not -0.
        Self { x: 0.0 - shown[0] * scale, y: 0.0 - shown[1] * scale, scale, shown }
    }
}
