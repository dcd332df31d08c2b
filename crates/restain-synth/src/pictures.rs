//! A slide made of given pictures, side by side, blended at their joints.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use image::RgbImage;

use crate::{Error, Picture, Rect, Result, hash, spec::PERIOD};

/// Pictures with a shorter side than this are left out: crops of single cells make no slide.
const MIN_SIDE: u32 = 256;
/// Over this many pixels neighbours fade into each other.
const BLEND: u32 = 32;
/// Decoded pictures kept at hand: a photograph touches at most a few, and neighbours share them.
const KEPT: usize = 16;

/// Pictures of a folder laid out on a grid without end.
#[derive(Debug)]
pub(crate) struct Mosaic {
    paths: Vec<PathBuf>,
    /// Distance of the pictures, a divisor of [`PERIOD`]; each shows this and `BLEND` pixels more.
    pitch: [i64; 2],
    first: usize,
    period: Option<i64>,
    recent: Mutex<Vec<(usize, Arc<RgbImage>)>>,
}

impl Mosaic {
    /// The pictures of `folder` in the order of their names, the first chosen by `seed`.
    pub(crate) fn new(folder: &Path, seed: u64, period: Option<i64>) -> Result<Self> {
        let mut paths = Vec::new();
        let mut smallest = [u32::MAX; 2];
        for entry in folder.read_dir().map_err(Error::io("list", folder))? {
            let path = entry.map_err(Error::io("list", folder))?.path();
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            if !["jpg", "jpeg", "png"].iter().any(|known| extension == *known) {
                continue;
            }
            let (width, height) = image::image_dimensions(&path)
                .map_err(|source| Error::Picture { path: path.clone(), source })?;
            if width.min(height) >= MIN_SIDE {
                smallest = [smallest[0].min(width), smallest[1].min(height)];
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(Error::NoPictures { folder: folder.to_owned(), min: MIN_SIDE });
        }
        paths.sort();
        // All divisors of the period would do; the nearest below the smallest picture wastes the least of it.
        let pitch = smallest.map(|side| i64::from(PERIOD / PERIOD.div_ceil(side - BLEND)));
        let pitch = pitch.map(|side| (1..=side).rev().find(|p| i64::from(PERIOD) % p == 0).unwrap_or(1));
        let first = (hash::place(seed, 0, 0) % paths.len() as u64) as usize;
        Ok(Self { paths, pitch, first, period, recent: Mutex::default() })
    }

    /// Draws a rectangle.
    pub(crate) fn draw(&self, rect: Rect) -> Result<Picture> {
        let blend = i64::from(BLEND);
        let (right, bottom) = (rect.x + i64::from(rect.width), rect.y + i64::from(rect.height));
        let mut sum = vec![0_u32; 3 * rect.width as usize * rect.height as usize];
        for row in (rect.y - blend).div_euclid(self.pitch[1])..=(bottom - 1).div_euclid(self.pitch[1]) {
            for column in (rect.x - blend).div_euclid(self.pitch[0])..=(right - 1).div_euclid(self.pitch[0]) {
                let picture = self.picture(self.choose(column, row))?;
                let (left, top) = (column * self.pitch[0], row * self.pitch[1]);
                // The middle of the picture, so that borders of a larger one are not seen.
                let inset_x = (i64::from(picture.width()) - self.pitch[0] - blend) / 2;
                let inset_y = (i64::from(picture.height()) - self.pitch[1] - blend) / 2;
                for y in rect.y.max(top)..bottom.min(top + self.pitch[1] + blend) {
                    let weight_y = weight(y - top, self.pitch[1]);
                    for x in rect.x.max(left)..right.min(left + self.pitch[0] + blend) {
                        let weight = weight_y * weight(x - left, self.pitch[0]);
                        let pixel =
                            picture.get_pixel((x - left + inset_x) as u32, (y - top + inset_y) as u32);
                        let at = 3 * ((y - rect.y) * i64::from(rect.width) + x - rect.x) as usize;
                        for c in 0..3 {
                            sum[at + c] += weight * u32::from(pixel.0[c]);
                        }
                    }
                }
            }
        }
        let one = BLEND * BLEND;
        let rgb = sum.into_iter().map(|value| ((value + one / 2) / one) as u8).collect();
        Ok(Picture { width: rect.width, height: rect.height, rgb })
    }

    /// The picture of a place of the grid: in order along a row, each row starting elsewhere.
    fn choose(&self, column: i64, row: i64) -> usize {
        let wrap =
            |index: i64, pitch: i64| self.period.map_or(index, |period| index.rem_euclid(period / pitch));
        let (column, row) = (wrap(column, self.pitch[0]), wrap(row, self.pitch[1]));
        let count = self.paths.len() as i64;
        let stride = count.isqrt() + 2;
        (self.first as i64 + column + row * stride).rem_euclid(count) as usize
    }

    /// A decoded picture, from those at hand or from its file.
    fn picture(&self, index: usize) -> Result<Arc<RgbImage>> {
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, picture)) = recent().iter().find(|(kept, _)| *kept == index) {
            return Ok(picture.clone());
        }
        let path = &self.paths[index];
        let picture = image::open(path).map_err(|source| Error::Picture { path: path.clone(), source })?;
        let picture = Arc::new(picture.into_rgb8());
        let mut recent = recent();
        if recent.len() >= KEPT {
            recent.remove(0);
        }
        recent.push((index, picture.clone()));
        Ok(picture)
    }
}

/// How much, of `BLEND`, a picture counts `at` pixels from its start: rising over the first `BLEND` pixels,
/// falling over the last, so that neighbours always add up to `BLEND`.
fn weight(at: i64, pitch: i64) -> u32 {
    let blend = i64::from(BLEND);
    let weight = if at < blend { at } else { (pitch + blend - at).min(blend) };
    weight as u32
}
