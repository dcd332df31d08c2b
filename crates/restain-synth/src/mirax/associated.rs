//! Macro, label and thumbnail: small pictures of the whole slide.

use crate::{
    Drawing, Picture, Result, SlideSpec,
    mirax::{compress, font, jpeg},
};

/// Label, in pixels.
const LABEL: [u32; 2] = [400, 400];
/// The whole glass, in pixels: a slide of 75 x 25 mm at 12 pixels a millimetre.
const MACRO: [u32; 2] = [900, 300];
/// The part of the glass, right of the label, that can be scanned.
const SCANNABLE: [u32; 4] = [320, 20, 560, 260];
/// Paper of the label.
const PAPER: [u8; 3] = [250, 250, 246];
/// Print on the label.
const INK: [u8; 3] = [20, 20, 28];

/// A compressed associated image.
#[derive(Debug)]
pub(super) struct Associated {
    /// Width and height in pixels.
    pub(super) size: [u32; 2],
    /// The image.
    pub(super) jpeg: Vec<u8>,
}

/// Macro, label and thumbnail, in this order.
pub(super) fn make(spec: &SlideSpec, drawing: &Drawing, thumbnail: Picture) -> Result<[Associated; 3]> {
    let label = label(spec);
    let glass = glass(drawing, &label, &thumbnail);
    let mut compressor = jpeg()?;
    let mut finish = |picture: Picture| -> Result<Associated> {
        Ok(Associated { size: [picture.width, picture.height], jpeg: compress(&mut compressor, &picture)? })
    };
    Ok([finish(glass)?, finish(label)?, finish(thumbnail)?])
}

/// A printed label that says that the slide is synthetic. It carries no name and no number of any person or case.
fn label(spec: &SlideSpec) -> Picture {
    let mut label = Picture::filled(LABEL[0], LABEL[1], PAPER);
    for (line, y) in ["SYNTHETIC", "SLIDE"].iter().zip([60, 120]) {
        font::write(&mut label, line, 40, y, 6, INK);
    }
    font::write(&mut label, &format!("SEED {}", spec.seed), 40, 230, 4, INK);
    font::write(&mut label, &spec.style.name().to_uppercase(), 40, 290, 4, INK);
    label
}

/// The glass as a camera from above sees it.
fn glass(drawing: &Drawing, label: &Picture, thumbnail: &Picture) -> Picture {
    let mut glass = Picture::filled(MACRO[0], MACRO[1], drawing.background().map(|c| c - c / 12));
    glass.paste(&scaled(label, 260, 260), 20, 20);
    let [x, y, width, height] = SCANNABLE;
    let scale =
        (f64::from(width) / f64::from(thumbnail.width)).min(f64::from(height) / f64::from(thumbnail.height));
    let size = [thumbnail.width, thumbnail.height].map(|side| ((f64::from(side) * scale) as u32).max(1));
    let middle = [x + (width - size[0].min(width)) / 2, y + (height - size[1].min(height)) / 2];
    glass.paste(&scaled(thumbnail, size[0], size[1]), i64::from(middle[0]), i64::from(middle[1]));
    glass
}

/// The nearest pixels: good enough for a picture of some millimetres.
fn scaled(picture: &Picture, width: u32, height: u32) -> Picture {
    let pixel = |x: u32, y: u32| {
        let at = 3 * (y * picture.height / height * picture.width + x * picture.width / width) as usize;
        [picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]]
    };
    let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
    Picture { width, height, rgb }
}
