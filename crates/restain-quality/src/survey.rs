//! The first look at a whole slide and its output: their colours, their glass, and small pictures of both.

use restain_slide::LevelRect;
use restain_stain::{histogram::Histogram, removal::Measurement};

use crate::{
    Result,
    pair::{Pair, View},
    region::Tiles,
    thumbnail::Thumbnail,
};

/// Of the slide, or of its output.
pub(crate) struct Survey {
    /// Of what was scanned.
    pub(crate) histogram: Histogram,
    /// The colour of the glass; white where nothing was scanned.
    pub(crate) glass: [f64; 3],
    pub(crate) thumbnail: Thumbnail,
}

/// Surveys both.
pub(crate) fn survey(pair: &Pair<'_>, tiles: &Tiles<'_>) -> Result<[Survey; 2]> {
    let size = pair.size(pair.scale);
    let mut sides = [(); 2].map(|()| (Histogram::new(), Measurement::new(), Thumbnail::new(size)));
    tiles.each(
        |view| {
            [&view.before, &view.after].map(|rgb| {
                let mut counts = (Histogram::new(), Measurement::new());
                let scanned: Vec<u8> = seen(view, rgb).copied().flatten().collect();
                counts.0.add(&scanned);
                counts.1.add(&scanned);
                counts
            })
        },
        |rect: LevelRect, view, counts| {
            for ((side, counts), rgb) in sides.iter_mut().zip(counts).zip([&view.before, &view.after]) {
                side.0.merge(&counts.0);
                side.1.merge(&counts.1);
                side.2.add(rect, rgb);
            }
        },
    )?;
    Ok(sides.map(|(histogram, measurement, thumbnail)| Survey {
        histogram,
        glass: measurement.standard().map_or([255.0; 3], |standard| standard.white),
        thumbnail,
    }))
}

/// The pixels that the scanner has seen.
fn seen<'v>(view: &'v View, rgb: &'v [u8]) -> impl Iterator<Item = &'v [u8; 3]> {
    rgb.as_chunks().0.iter().zip(&view.scanned).filter(|(_, scanned)| **scanned).map(|(pixel, _)| pixel)
}
