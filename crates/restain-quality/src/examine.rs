//! A slide and its output, looked at from end to end.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use restain_slide::{LevelRect, Slide};
use restain_stain::{
    histogram::{Histogram, bhattacharyya},
    reference::{Counts, Reference, is_tissue},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Region, Result, Source,
    checks::{self, Check},
    look::{Coarse, Fine, Setting},
    pair::Pair,
    region::{Tiles, regions},
    sample::sample,
    survey::survey,
    thumbnail::jpeg,
};

/// What normalization did to a slide.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examination {
    /// The checks for harm.
    pub checks: Vec<Check>,
    /// How often each value of each channel occurs in what was scanned, at 2 micrometres a pixel, before and after.
    pub histograms: [Histogram; 2],
    /// The Bhattacharyya distance to the colours of the reference before and after; `None` where one of them has no colour in
    /// common with it, or there is no reference.
    pub distance: Option<[f64; 2]>,
    /// The share of the output that is as bright as glass before and after.
    pub background: [f64; 2],
    /// JPEG pictures of the slide before and after, 512 px along the longer side.
    #[serde(skip)]
    pub thumbnails: [Vec<u8>; 2],
}

impl Examination {
    /// The names of the checks that fired.
    pub fn flags(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| check.fired).map(|check| &*check.name).collect()
    }
}

/// Everything that the checks judge by.
pub(crate) struct Evidence<'a> {
    pub(crate) scale: i64,
    pub(crate) coarse: Vec<Coarse>,
    pub(crate) fine: Vec<(LevelRect, Fine)>,
    pub(crate) tissue: Counts,
    pub(crate) reference: Option<&'a Reference>,
}

/// Compares a slide with its output: all of both at 2 micrometres a pixel, and up to 60 regions of 64 micrometres at the finest
/// level, those that look worst and a spread of others. Without a reference there is no distance to it, and without one of pictures
/// no check of the kind. In memory are some tiles of 512 micrometres, and some 150 bytes for each region of 64 micrometres.
///
/// # Errors
/// [`Error::Size`] where `after` is not the output of `before`, [`Error::Slide`] where one cannot be read,
/// [`Error::Interrupted`] once `interrupt` is set.
pub fn examine(
    before: &Slide,
    after: &Slide,
    source: &Source,
    reference: Option<&Reference>,
    interrupt: &AtomicBool,
) -> Result<Examination> {
    let pair = Pair::new(before, after, *source)?;
    let tiles = Tiles { pair: &pair, interrupt };
    let surveys = survey(&pair, &tiles)?;
    let glass = surveys.each_ref().map(|survey| survey.glass);
    let contrast = contrast(&surveys[1].histogram) / contrast(&surveys[0].histogram).max(1e-6);
    let setting = Setting { glass, contrast };

    let (mut coarse, mut tissue) = (Vec::new(), Counts::new());
    let (mut pixels, mut bright) = (0, [0; 2]);
    tiles.each(
        |view| {
            let mut tissue = Counts::new();
            let mut bright = [0u64; 2];
            let both = view.before.as_chunks::<3>().0.iter().zip(view.after.as_chunks::<3>().0);
            for (&before, &after) in both {
                if is_tissue(before, glass[0]) {
                    tissue.add(before, glass[0]);
                } else {
                    bright[0] += 1;
                }
                bright[1] += u64::from(!is_tissue(after, glass[1]));
            }
            (tissue, bright)
        },
        |tile, view, counted| {
            tissue.merge(&counted.0);
            pixels += tile.area();
            bright.iter_mut().zip(counted.1).for_each(|(sum, more)| *sum += more);
            let parts: Vec<LevelRect> = regions(tile).collect();
            coarse.par_extend(
                parts.into_par_iter().map(|part| Coarse::of(part, &view.part(tile, part), setting)),
            );
        },
    )?;
    let looked = sample(&coarse, pair.size(pair.scale)).into_par_iter().map(|rect| {
        if interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok((rect, Fine::of(&pair.read(1, rect * pair.scale)?, contrast)))
    });
    let fine = looked.collect::<Result<Vec<_>>>()?;
    let evidence = Evidence { scale: pair.scale, coarse, fine, tissue, reference };
    let distance = reference.and_then(|reference| {
        // Infinite of colours without one in common.
        let to =
            |of: &Histogram| bhattacharyya(of, &reference.histogram).filter(|distance| distance.is_finite());
        Some([to(&surveys[0].histogram)?, to(&surveys[1].histogram)?])
    });
    Ok(Examination {
        checks: checks::all(&evidence),
        distance,
        background: bright.map(|bright| bright as f64 / (pixels as f64).max(1.0)),
        thumbnails: [surveys[0].thumbnail.jpeg()?, surveys[1].thumbnail.jpeg()?],
        histograms: surveys.map(|survey| survey.histogram),
    })
}

/// JPEG pictures of a region of the output before and after, as the checks name it.
///
/// # Errors
/// As [`examine`].
pub fn pictures(before: &Slide, after: &Slide, source: &Source, region: Region) -> Result<[Vec<u8>; 2]> {
    let view = Pair::new(before, after, *source)?.read(1, region.rect())?;
    Ok([jpeg(&view.before, view.width)?, jpeg(&view.after, view.width)?])
}

/// The mean standard deviation of the channels.
fn contrast(histogram: &Histogram) -> f64 {
    histogram.deviations().map_or(0.0, |deviations| deviations.iter().sum::<f64>() / 3.0)
}
