//! What is measured of a region, at the coarse scale and at the finest.

use restain_slide::LevelRect;
use restain_stain::{lab, reference::is_tissue, removal::mask};

use crate::{
    pair::View,
    plane::{Plane, TEXTURED},
};

/// Gradient after, in levels a pixel and at the slide's contrast, that makes an edge.
const STEEP: f32 = 12.0;
/// The least root mean square of R - B over that of the glass, in levels, that is a colour.
const COLOURED: f64 = 5.0;
/// Share of pixels that must be glass, or tissue, for a region to tell of it.
const ENOUGH: f64 = 0.25;

/// The colours of both glasses, and how much more contrast there is after than before.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) glass: [[f64; 3]; 2],
    pub(crate) contrast: f64,
}

/// What is measured of a region at the coarse scale.
#[derive(Debug, Clone)]
pub(crate) struct Coarse {
    pub(crate) rect: LevelRect,
    /// Shares of its pixels that are tissue before.
    pub(crate) tissue: f64,
    /// Pixels of tissue, and how many of them have another mask after.
    pub(crate) pixels: u64,
    pub(crate) masks: u64,
    /// SSIM after matching, where there is a texture before.
    pub(crate) structure: Option<f64>,
    /// Sharpness after over before, where there is a texture before.
    pub(crate) sharpness: Option<f64>,
    /// Cosine of R - B before and after, over that of the glass, where there is a colour.
    pub(crate) colour: Option<f64>,
    /// Share of its pixels that end at 0 or, of tissue, at 255, and did not before.
    pub(crate) clipped: f64,
    /// Mean a* and b*, before and after, of what is glass before.
    pub(crate) glass: Option<[[f64; 2]; 2]>,
    /// How much detail there is more after, at the slide's contrast, in levels.
    pub(crate) detail: f64,
    /// Share of pixels with edges that were not there.
    pub(crate) edges: f64,
}

/// What is measured of a region at half the finest scale, where the camera's noise is weaker.
#[derive(Debug, Clone)]
pub(crate) struct Fine {
    /// Offset in pixels, and how much better the correlation is there.
    pub(crate) offset: Option<([i64; 2], f64)>,
    /// Sharpness after over before, where there is a texture before.
    pub(crate) sharpness: Option<f64>,
    /// How much detail there is more after, at the slide's contrast, in levels, where there is no texture before.
    pub(crate) noise: Option<f64>,
}

impl Coarse {
    pub(crate) fn of(rect: LevelRect, view: &View, setting: Setting) -> Self {
        let [before, after] = [&view.before, &view.after].map(|rgb| Plane::of(rgb, view.width));
        let textured = before.moments().1 >= TEXTURED;
        let sharpness = after.sharpness(&before, setting.contrast);
        let (mut pixels, mut masks, mut clipped, mut glass) = (0, 0, 0u64, (0u64, [[0.0; 2]; 2]));
        let mut products = [0.0; 3];
        let both = view.before.as_chunks::<3>().0.iter().zip(view.after.as_chunks::<3>().0);
        for (&before, &after) in both {
            let tissue = is_tissue(before, setting.glass[0]);
            let ends = |value: u8| value == 0 || (tissue && value == 255);
            clipped +=
                u64::from(before.iter().zip(after).any(|(&before, after)| ends(after) && !ends(before)));
            if tissue {
                pixels += 1;
                masks += u64::from((mask(before) > 0.5) != (mask(after) > 0.5));
                let warm = |pixel: [u8; 3], glass: [f64; 3]| {
                    f64::from(pixel[0]) - f64::from(pixel[2]) - glass[0] + glass[2]
                };
                let (x, y) = (warm(before, setting.glass[0]), warm(after, setting.glass[1]));
                products.iter_mut().zip([x * x, y * y, x * y]).for_each(|(sum, term)| *sum += term);
            } else {
                glass.0 += 1;
                for (sum, pixel) in glass.1.iter_mut().zip([before, after]) {
                    let [_, a, b] = lab::from_srgb(pixel);
                    *sum = [sum[0] + a, sum[1] + b];
                }
            }
        }
        let all = rect.area() as f64;
        let enough = |count: u64| count as f64 >= ENOUGH * all;
        let [x, y, xy] = products;
        let coloured = COLOURED * COLOURED * pixels as f64;
        Self {
            rect,
            tissue: pixels as f64 / all,
            pixels,
            masks,
            structure: if textured { after.structure(&before) } else { None },
            sharpness: textured.then_some(sharpness),
            colour: (enough(pixels) && x.min(y) > coloured).then(|| xy / (x * y).sqrt()),
            clipped: clipped as f64 / all,
            glass: enough(glass.0).then(|| glass.1.map(|side| side.map(|sum| sum / glass.0 as f64))),
            detail: after.detail() / setting.contrast - before.detail(),
            edges: after.new_edges(&before, STEEP * setting.contrast as f32),
        }
    }
}

impl Fine {
    pub(crate) fn of(view: &View, contrast: f64) -> Self {
        let [before, after] = [&view.before, &view.after].map(|rgb| Plane::of(rgb, view.width).halved());
        let textured = before.moments().1 >= TEXTURED;
        let moved = || Some(after.offset(&before)?).map(|(by, better)| (by.map(|by| 2 * by), better));
        Self {
            offset: if textured { moved() } else { None },
            sharpness: textured.then(|| after.sharpness(&before, contrast)),
            noise: (!textured).then(|| after.detail() / contrast - before.detail()),
        }
    }
}
