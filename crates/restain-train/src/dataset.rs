//! The images of a training run: found, split into training and held-out ones, decoded.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{Error, Result, TrainConfig};

/// File name endings taken for images, in lower case.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp"];

/// An image file, called a field: neighbouring patches of one field resemble each other, so that a field is either
/// trained on or held out, never both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldFile {
    /// Path inside its data folder, with `/` between its parts.
    pub name: String,
    /// Where to read it.
    pub path: PathBuf,
}

/// The fields of a run, sorted by name.
#[derive(Clone, Debug)]
pub struct Split {
    /// Fields to train on.
    pub training: Vec<FieldFile>,
    /// Fields to evaluate on.
    pub held_out: Vec<FieldFile>,
    /// Unlabelled fields of the target domain, all of them to train on.
    pub target: Vec<FieldFile>,
}

impl Split {
    /// Finds the images in the data folders and holds some of them out.
    ///
    /// Whether a field is held out depends on its name and the seed alone: more images do not move the others from
    /// one half to the other, and a file of the same name in two folders is in the same half twice.
    ///
    /// # Errors
    /// If a folder cannot be listed, nothing is left to train on, nothing is held out though `holdout` is above 0, or
    /// there are folders of the target domain without an image.
    pub fn find(config: &TrainConfig) -> Result<Self> {
        let (files, target) = (find(&config.data)?, find(&config.target)?);
        let (held_out, training): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| position(config.seed, &file.name) < config.holdout);
        let (message, folders) = if training.is_empty() {
            ("no image to train on", &config.data)
        } else if held_out.is_empty() && config.holdout > 0.0 {
            ("no held-out image", &config.data)
        } else if target.is_empty() && !config.target.is_empty() {
            ("no image of the target domain", &config.target)
        } else {
            return Ok(Self { training, held_out, target });
        };
        let folders =
            folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        Err(Error::TooFewImages { message, folders })
    }
}

/// Place of a name in 0..1, evenly spread and different for each seed.
fn position(seed: u64, name: &str) -> f64 {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    let top = hash.iter().take(4).fold(0_u32, |top, &byte| top << 8 | u32::from(byte));
    f64::from(top) / 2_f64.powi(32)
}

/// The images of some folders, sorted by name.
fn find(folders: &[PathBuf]) -> Result<Vec<FieldFile>> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, folder, &mut files)?;
    }
    files.sort();
    Ok(files)
}

/// Adds the images below `folder`, their names relative to `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<FieldFile>) -> Result<()> {
    let fault = |source| Error::Folder { path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path
            .extension()
            .is_some_and(|end| ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)))
        {
            let inside = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            files.push(FieldFile { name: parts.join("/"), path });
        }
    }
    Ok(())
}

/// A decoded field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Interleaved RGB, row by row.
    pub rgb: Vec<u8>,
    /// Colour of the empty glass: the mean of the brightest tenth of the pixels.
    pub glass: [u8; 3],
}

impl Field {
    /// Decodes an image file to 8 bit RGB.
    ///
    /// # Errors
    /// If the file cannot be read or decoded.
    pub fn read(path: &Path) -> Result<Self> {
        let fault = |source| Error::Image { path: path.to_path_buf(), source };
        // By its content, not by its ending: fields come from many hands.
        let reader = image::ImageReader::open(path).and_then(image::ImageReader::with_guessed_format);
        let image = reader.map_err(|error| fault(error.into()))?.decode().map_err(fault)?.into_rgb8();
        let (width, height) = image.dimensions();
        let rgb = image.into_raw();
        let glass = glass(&rgb);
        Ok(Self { width, height, rgb, glass })
    }

    /// One pixel.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = 3 * (y as usize * self.width as usize + x as usize);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
}

/// Mean colour of the brightest tenth of the pixels, by gray level.
fn glass(rgb: &[u8]) -> [u8; 3] {
    let level =
        |pixel: &[u8]| (restain_stain::removal::gray([pixel[0], pixel[1], pixel[2]]) * 255.0) as usize;
    let mut counts = [0_usize; 256];
    rgb.chunks_exact(3).for_each(|pixel| counts[level(pixel)] += 1);
    let wanted = (rgb.len() / 3).div_ceil(10);
    let mut brighter = 0;
    let threshold = (0..256).rev().find(|&level| {
        brighter += counts[level];
        brighter >= wanted
    });
    let threshold = threshold.unwrap_or(0);
    let (mut sum, mut pixels) = ([0_u64; 3], 0_u64);
    for pixel in rgb.chunks_exact(3).filter(|pixel| level(pixel) >= threshold) {
        pixels += 1;
        sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
    }
    sum.map(|sum| ((sum + pixels / 2) / pixels.max(1)) as u8)
}

/// Decodes fields to train on, all of them kept in memory: 200 fields of 1280 x 950 px take 730 MB. `memory_limit` is
/// the bound.
///
/// # Errors
/// If a field is damaged or smaller than a patch, or all of them together take more than the limit.
pub fn decode(files: &[&FieldFile], config: &TrainConfig) -> Result<Vec<Field>> {
    let taken = std::sync::atomic::AtomicU64::new(0);
    let fields: Vec<Result<Field>> = files
        .par_iter()
        .map(|file| {
            let field = Field::read(&file.path)?;
            if field.width.min(field.height) < config.patch {
                let Field { width, height, .. } = field;
                return Err(Error::TooSmall { path: file.path.clone(), width, height, patch: config.patch });
            }
            let bytes = field.rgb.len() as u64;
            if taken.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed) + bytes > config.memory_limit {
                return Err(Error::TooMuchData { path: file.path.clone(), limit: config.memory_limit });
            }
            Ok(field)
        })
        .collect();
    // Collected first, so that of several faulty files always the same one is named.
    fields.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glass_is_the_mean_of_the_brightest_tenth() {
        // 5 pixels of each of two bright colours of one level of gray, 90 dark ones.
        let rgb: Vec<u8> =
            [[220, 220, 220].repeat(5), [230, 230, 230].repeat(5), [90, 10, 20].repeat(90)].concat();
        assert_eq!(glass(&rgb), [225, 225, 225]);
        assert_eq!(glass(&[7, 8, 9]), [7, 8, 9]);
    }

    #[test]
    fn names_are_spread_evenly_and_anew_for_each_seed() {
        let held_out = |seed: u64| {
            (0..10_000)
                .filter(|i| position(seed, &format!("{i}.jpg")) < 0.1)
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (one, two) = (held_out(1), held_out(2));
        assert!((900..1100).contains(&one.len()), "{}", one.len());
        let both = one.intersection(&two).count();
        assert!((50..150).contains(&both), "{both} of about 100 that chance alone gives");
    }
}
