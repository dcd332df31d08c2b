//! What a model reaches on held-out fields, whole fields through G as at use.

use std::fmt;

use restain_data::{Kind, Part, read_image};
use restain_net::{Area, Model, Pixels, Window};
use restain_stain::{
    metrics::{Difference, Ssim},
    removal::{gray, keep_gray},
};
use serde::Serialize;

use crate::{Result, domain::Preparation};

/// Most bytes of RGB that a field may have.
const LIMIT: u64 = 4 << 30;
/// Patches of slides that are evaluated.
const OF_SLIDES: u64 = 256;
/// The step that they are drawn for: beyond every step of a run.
const EVALUATING: u64 = u64::MAX - 2;

/// A picture to reconstruct: a whole image, or a patch of a slide.
#[derive(Clone, Debug)]
pub struct Field {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Interleaved RGB, row by row.
    pub rgb: Vec<u8>,
}

/// How near an image is to the original.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Scores {
    /// Mean absolute difference in gray levels of 0..=255.
    pub l1: f64,
    /// Peak signal-to-noise ratio in dB; infinite for an equal image, then `null` in JSON.
    pub psnr: f64,
    /// Mean structural similarity of the luma, at most 1.
    pub ssim: f64,
}

/// The scores of one field.
#[derive(Clone, Debug, Serialize)]
pub struct FieldScores {
    /// G's reconstruction.
    pub model: Scores,
    /// G's reconstruction with the gray that the field has.
    pub kept: Scores,
    /// The gray image copied to all three channels: what the figures are without any colour.
    pub gray: Scores,
}

/// The scores of a model on held-out fields.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Mean of the fields' scores, for G.
    pub model: Scores,
    /// Mean of the fields' scores, for G with the gray that the fields have.
    pub kept: Scores,
    /// Mean of the fields' scores, for the gray image.
    pub gray: Scores,
    /// Each field by itself.
    pub fields: Vec<FieldScores>,
}

impl fmt::Display for Evaluation {
    /// The means as a table in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| {} held-out fields | L1 (0..255) | L1 (0..1) | PSNR (dB) | SSIM |",
            self.fields.len()
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        let rows = [("G", self.model), ("G, gray kept", self.kept), ("gray copied to RGB", self.gray)];
        for (name, Scores { l1, psnr, ssim }) in rows {
            writeln!(f, "| {name} | {l1:.2} | {:.4} | {psnr:.2} | {ssim:.4} |", l1 / 255.0)?;
        }
        Ok(())
    }
}

/// Reconstructs each field of a held-out part and compares it with the original: images as a whole, of slides 256
/// patches.
///
/// # Errors
/// If a field cannot be decoded or the network fails.
pub fn evaluate(model: &Model, held_out: &Part, preparation: &Preparation) -> Result<Evaluation> {
    let mut fields = Vec::new();
    for field in fields_of(held_out) {
        let field = field?;
        let reconstructed = reconstruct(model, &field, preparation)?;
        let grays: Vec<f32> = field.rgb.as_chunks().0.iter().map(|&pixel| gray(pixel)).collect();
        let mut kept = reconstructed.clone();
        keep_gray(&grays, &mut kept);
        // Rounded as a gray image would be stored.
        let copied: Vec<u8> = grays.iter().flat_map(|gray| [(gray * 255.0).round() as u8; 3]).collect();
        let [model, kept, gray] = [&reconstructed, &kept, &copied].map(|image| scores(&field, image));
        fields.push(FieldScores { model, kept, gray });
    }
    let mean_of = |of: fn(&FieldScores) -> Scores| mean(fields.iter().map(of));
    let [model, kept, gray] =
        [mean_of(|field| field.model), mean_of(|field| field.kept), mean_of(|field| field.gray)];
    Ok(Evaluation { model, kept, gray, fields })
}

/// Each image of a part as a whole, or where it has slides, patches of them.
fn fields_of(part: &Part) -> Box<dyn Iterator<Item = Result<Field>> + '_> {
    if part.samples().iter().any(|sample| sample.picture.kind == Kind::Slide) {
        return Box::new((0..OF_SLIDES).map(|item| {
            let patch = part.draw(0, EVALUATING, item)?;
            Ok(Field { width: patch.side, height: patch.side, rgb: patch.rgb })
        }));
    }
    let mut last = None;
    let images = part.samples().iter().map(|sample| &sample.picture);
    Box::new(images.filter(move |picture| last.replace(*picture) != Some(*picture)).map(|picture| {
        let image = read_image(&picture.path, LIMIT)?;
        let (width, height) = image.dimensions();
        Ok(Field { width, height, rgb: image.into_raw() })
    }))
}

/// A field's stain removed and given anew: padded with white to multiples of 64, through G, cropped.
///
/// # Errors
/// If the network fails.
pub fn reconstruct(model: &Model, field: &Field, preparation: &Preparation) -> Result<Vec<u8>> {
    let (row, height) = (3 * field.width as usize, field.height as usize);
    let [wide, high] = [field.width, field.height].map(|side| (side as usize).next_multiple_of(64));
    let mut padded = vec![255; 3 * wide * high];
    for (to, from) in padded.chunks_exact_mut(3 * wide).zip(field.rgb.chunks_exact(row)) {
        to[..row].copy_from_slice(from);
    }
    let mut gm = vec![0.0; 2 * wide * high];
    preparation.gm(&padded, &mut gm);
    let core = Area::whole(height, field.width as usize);
    Ok(model.restain(&[Window { pixels: Pixels::Gm(&gm), core }], high, wide)?.concat())
}

fn scores(field: &Field, image: &[u8]) -> Scores {
    let mut difference = Difference::new();
    difference.add(&field.rgb, image);
    let mut ssim = Ssim::new(field.width as usize);
    ssim.push_rows(&field.rgb, image);
    // A field holds at least one patch of 64 pixels a side: there are pixels, and windows.
    let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
    Scores { l1: or_nan(difference.mean()), psnr: or_nan(difference.psnr()), ssim: or_nan(ssim.mean()) }
}

fn mean(all: impl ExactSizeIterator<Item = Scores>) -> Scores {
    let share = 1.0 / all.len() as f64;
    all.fold(Scores::default(), |sum, one| Scores {
        l1: sum.l1 + share * one.l1,
        psnr: sum.psnr + share * one.psnr,
        ssim: sum.ssim + share * one.ssim,
    })
}
