//! What of a slide an output shows.

use restain_slide::{LevelPoint, LevelRect, LevelSize};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What of a slide an output shows, `source` of the output's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The level of the slide.
    pub level: u32,
    /// The part of it: x, y, width, height in pixels of that level.
    pub region: [i64; 4],
}

impl Source {
    /// Reads it from the `ImageDescription` of an output.
    ///
    /// # Errors
    /// [`Error::Source`].
    pub fn of(description: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Description {
            source: Source,
        }
        serde_json::from_str(description).map(|Description { source }| source).map_err(Error::Source)
    }

    pub(crate) fn rect(&self) -> LevelRect {
        let [x, y, width, height] = self.region;
        LevelRect::from_origin_and_size(LevelPoint::new(x, y), LevelSize::new(width, height))
    }
}
