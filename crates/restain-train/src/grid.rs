//! A grid of pictures to look at while a run goes on: some patches, their gray and what G makes of them.

use std::path::Path;

use crate::{
    Error, Result,
    patches::{Batch, Sampler},
    state::write_whole,
};

/// Patches of a domain in the grid.
const PATCHES: u32 = 6;
/// The step whose patches are shown, the same in every grid: beyond every step of a run.
const SHOWN: u64 = u64::MAX - 1;

/// Folder of the grids in the output folder.
pub const PICTURES: &str = "pictures";

/// The patches that every grid of a run shows.
pub(crate) struct Grid {
    domains: Vec<Batch>,
    side: u32,
}

impl Grid {
    /// Draws the patches.
    pub(crate) fn new(samplers: &[Sampler], side: u32) -> Result<Self> {
        let draw = |sampler: &Sampler| {
            let Sampler { part, preparation, seed, domain, .. } = sampler;
            let (part, preparation) = (part.clone(), preparation.clone());
            let (seed, domain, augmentation) = (*seed, *domain, crate::config::Augmentation::default());
            Sampler { part, preparation, batch: PATCHES, seed, domain, augmentation }.batch(SHOWN)
        };
        Ok(Self { domains: samplers.iter().map(draw).collect::<Result<_>>()?, side })
    }

    /// Writes the grid: for each domain a row of patches, one of their gray, and one of what `reconstruct` makes of GM
    /// `[N, 2, side, side]`.
    pub(crate) fn write(&self, path: &Path, reconstruct: impl Fn(&[f32]) -> Result<Vec<f32>>) -> Result<()> {
        let (side, area) = (self.side, (self.side * self.side) as usize);
        let mut picture = image::RgbImage::new(PATCHES * side, 3 * self.domains.len() as u32 * side);
        for (batch, top) in self.domains.iter().zip((0..).step_by(3)) {
            let gray: Vec<f32> =
                batch.gm.chunks_exact(2 * area).flat_map(|gm| gm[..area].repeat(3)).collect();
            for (row, images) in [&batch.images, &gray, &reconstruct(&batch.gm)?].into_iter().enumerate() {
                for (column, image) in (0..).zip(images.chunks_exact(3 * area)) {
                    for (i, (x, y)) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).enumerate() {
                        let level = |channel: usize| (255.0 * image[channel * area + i]).round() as u8;
                        let at = (column * side + x, (top + row as u32) * side + y);
                        picture.put_pixel(at.0, at.1, image::Rgb([0, 1, 2].map(level)));
                    }
                }
            }
        }
        let fault = |error: image::ImageError| Error::Write {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(fault)?;
        write_whole(path, bytes.get_ref())
    }
}
