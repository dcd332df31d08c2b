//! A style: the colours of a lab as the histograms of its slides, measured once and kept in a file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use restain_slide::{Coverage, Extent, Margin, Mpp, Pixels, Slide, TileGrid};
use restain_stain::histogram::Histogram;
use restain_stain::removal::{Measurement, Standard};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::threads::thread_pool;
use crate::{Error, Result};

/// Version of the file. It also stands for how slides are measured: files of two versions do not mix.
const VERSION: u64 = 2;

/// Slides are measured on the level nearest to so many micrometres a pixel.
const MEASURED_MPP: f64 = 1.0;

/// Micrometres a pixel of a slide that does not say: a 40x objective, with which cytology is scanned.
const USUAL_MPP: f64 = 0.25;

/// Side of the tiles that are read for measuring, in pixels.
const TILE: u32 = 512;

/// A style's file has some 30 KB; nothing longer is read.
const MOST_BYTES: u64 = 1 << 20;

/// How often each level of red, green, blue and gray occurs in slides and pictures, pooled: every scanned pixel counts once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Style {
    slides: u64,
    pictures: u64,
    colours: Colours,
}

/// What is counted of pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Colours {
    histogram: Histogram,
    measurement: Measurement,
}

/// The style in its file, which names no slide.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u64,
    slides: u64,
    pictures: u64,
    pixels: u64,
    counts: Histogram,
    grays: Measurement,
}

/// What is looked at first, as another version may hold anything else.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl Style {
    /// Measures a slide on its level nearest to 1 micrometre a pixel; one that does not say its scale is taken to be
    /// scanned at 0.25. Pixels that were never or only partly scanned do not count.
    ///
    /// # Errors
    /// [`Error::NothingScanned`], [`Error::Slide`] where the slide is damaged, [`Error::Interrupted`] within a tile's
    /// work after `interrupt` is set, and [`Error::Threads`].
    pub fn of_slide(slide: &Slide, threads: usize, interrupt: &AtomicBool) -> Result<Self> {
        let level = level(slide);
        let grid = TileGrid::new(slide.extent(level, Extent::Bounds)?, TILE, Margin::None)?;
        let count = |index| {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            Ok(count(&slide.read(level, grid.tile(index).window)?))
        };
        let merge = |mut all: Colours, more: Colours| {
            all.merge(&more);
            Ok(all)
        };
        let tiles = || (0..grid.len()).into_par_iter().map(count).try_reduce(Colours::default, merge);
        let colours = thread_pool(threads)?.install(tiles)?;
        if colours.histogram.pixels() == 0 {
            return Err(Error::NothingScanned(slide.path().to_owned()));
        }
        Ok(Self { slides: 1, pictures: 0, colours })
    }

    /// Measures a picture at the scale it has; all its pixels count.
    pub fn of_picture(picture: &image::RgbImage) -> Self {
        let mut colours = Colours::default();
        colours.add(picture.as_raw());
        Self { slides: 0, pictures: 1, colours }
    }

    /// Adds what was measured elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.slides += other.slides;
        self.pictures += other.pictures;
        self.colours.merge(&other.colours);
    }

    /// Reads a style's file, and gives the SHA-256 of its bytes in hexadecimal digits beside it.
    ///
    /// # Errors
    /// [`Error::Style`] where it cannot be read, is of another version, or is not just what [`Style::save`] writes.
    pub fn load(path: &Path) -> Result<(Self, String)> {
        let wrong = |message: String| Error::Style { path: path.to_owned(), message };
        let bytes = restain_net::read_at_most(path, MOST_BYTES)
            .map_err(|error| wrong(format!("cannot read the style: {error}")))?;
        let style = Self::from_json(&bytes).map_err(|message| {
            wrong(format!("not a usable style: {message}; make one with `restain style`"))
        })?;
        Ok((style, format!("{:x}", Sha256::digest(&bytes))))
    }

    /// Reads the bytes of a style's file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let Version { version } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if version != VERSION {
            return Err(format!("it is of version {version}, and this restain reads version {VERSION}"));
        }
        let content: Content = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Content { slides, pictures, pixels, counts: histogram, grays: measurement, .. } = content;
        let counted = [histogram.pixels(), measurement.pixels()];
        if let Some(counted) = counted.into_iter().find(|&counted| counted != pixels) {
            return Err(format!("it says {pixels} pixels but counts {counted}"));
        }
        if histogram.sums() != measurement.sums() {
            return Err("the colours of its grays are not those that it counts".to_owned());
        }
        if pixels == 0 || (slides, pictures) == (0, 0) {
            return Err("it was measured on nothing".to_owned());
        }
        Ok(Self { slides, pictures, colours: Colours { histogram, measurement } })
    }

    /// Writes the style's file, whole or not at all: a line of JSON with a version, how many slides, pictures and pixels
    /// it was measured on, the counts of each channel, and of each level of gray the pixels and their colours. Nothing in it
    /// names a slide.
    ///
    /// # Errors
    /// [`Error::Style`] with what the system says.
    pub fn save(&self, path: &Path) -> Result<()> {
        let written =
            self.to_json().map_err(Into::into).and_then(|json| restain_net::write_whole(path, &json));
        written.map_err(|error| Error::Style {
            path: path.to_owned(),
            message: format!("cannot write the style: {error}"),
        })
    }

    /// The bytes of the style's file.
    ///
    /// # Errors
    /// None: it is written to memory.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let Self { slides, pictures, colours: Colours { histogram: counts, measurement: grays } } =
            self.clone();
        let pixels = counts.pixels();
        let content = Content { version: VERSION, slides, pictures, pixels, counts, grays };
        let mut json = serde_json::to_vec(&content)?;
        json.push(b'\n');
        Ok(json)
    }

    /// How many slides it was measured on.
    pub fn slides(&self) -> u64 {
        self.slides
    }

    /// How many pictures it was measured on.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// How many pixels were counted.
    pub fn pixels(&self) -> u64 {
        self.colours.histogram.pixels()
    }

    /// The counts of red, green and blue.
    pub fn histogram(&self) -> &Histogram {
        &self.colours.histogram
    }

    /// The colours of the background and of dark cells.
    ///
    /// # Errors
    /// [`Error::Colour`] where nothing was measured.
    pub fn standard(&self) -> Result<Standard> {
        Ok(self.colours.measurement.standard()?)
    }
}

impl Colours {
    fn add(&mut self, rgb: &[u8]) {
        self.histogram.add(rgb);
        self.measurement.add(rgb);
    }

    fn merge(&mut self, other: &Self) {
        self.histogram.merge(&other.histogram);
        self.measurement.merge(&other.measurement);
    }
}

/// The level on which a slide is measured.
fn level(slide: &Slide) -> u32 {
    let finest = slide.info().mpp.map_or(USUAL_MPP, Mpp::mean);
    let distance = |downsample: f64| (finest * downsample / MEASURED_MPP).ln().abs();
    let levels = (0u32..).zip(slide.info().levels.iter().map(|level| distance(level.downsample)));
    levels.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(level, _)| level)
}

/// Counts the pixels that were wholly scanned.
fn count(pixels: &Pixels) -> Colours {
    let mut colours = Colours::default();
    match &pixels.coverage {
        Coverage::Nothing => {}
        Coverage::Everything => colours.add(&pixels.rgb),
        Coverage::Partly(alpha) => {
            for (pixel, _) in pixels.rgb.chunks_exact(3).zip(alpha).filter(|(_, alpha)| **alpha == u8::MAX) {
                colours.add(pixel);
            }
        }
    }
    colours
}

#[cfg(test)]
mod tests {
    use restain_stain::quantile::QuantileMap;

    use super::*;

    /// A style's file.
    fn file() -> String {
        let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([6 * x as u8, 8 * y as u8, 77]));
        let file = tempfile::NamedTempFile::new().unwrap();
        Style::of_picture(&picture).save(file.path()).unwrap();
        std::fs::read_to_string(file.path()).unwrap()
    }

    /// A file of so many pixels of one gray.
    fn gray_alone(level: usize, pixels: u64) -> String {
        let at =
            |count: u64| (0..256).map(|other| if other == level { count } else { 0 }).collect::<Vec<_>>();
        let (counts, sums) = (at(pixels), at(level as u64 * pixels));
        let channels = |list: &[u64]| serde_json::json!({"red": list, "green": list, "blue": list});
        let mut grays = channels(&sums);
        grays["pixels"] = serde_json::json!(counts);
        let counts = channels(&counts);
        serde_json::json!({
            "version": 2, "slides": 1, "pictures": 0, "pixels": pixels, "counts": counts, "grays": grays,
        })
        .to_string()
    }

    #[test]
    fn a_style_survives_its_file() {
        let style = Style::from_json(file().as_bytes()).unwrap();
        assert_eq!((style.slides(), style.pictures(), style.pixels()), (0, 1, 40 * 30));
        let counts = style.histogram().counts();
        assert_eq!((counts[0][6], counts[1][8], counts[2][77]), (30, 40, 1200));
        assert!(
            file()
                .starts_with(r#"{"version":2,"slides":0,"pictures":1,"pixels":1200,"counts":{"red":[30,0,"#)
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let red = r#""red":[30,"#;
        for (from, to, said) in [
            ("\"version\":2", "\"version\":1", "version 1"),
            ("\"version\":2,", "", "missing field `version`"),
            ("\"slides\":0,", "", "missing field `slides`"),
            ("\"slides\":0", "\"slides\":-1", "column"),
            ("\"slides\":0", "\"slides\":0,\"name\":\"Jane\"", "unknown field `name`"),
            ("\"pictures\":1", "\"pictures\":0", "measured on nothing"),
            ("\"pixels\":1200", "\"pixels\":1201", "1201 pixels but counts 1200"),
            (red, r#""red":[31,"#, "equally many"),
            (red, r#""red":[30,0,"#, "counts of red are not 256"),
            (red, r#""red":["#, "counts of red are not 256"),
            (red, r#""red":[30.5,"#, "column"),
            (red, r#""red":[-30,"#, "column"),
            (red, r#""red":[9007199254740993,"#, "2^53"),
            (red, r#""red":[18446744073709551615,"#, "2^53"),
            ("}}", "}} and more", "trailing"),
        ] {
            let damaged = file().replacen(from, to, 1);
            assert_ne!(damaged, file(), "{from}");
            let error = Style::from_json(damaged.as_bytes()).unwrap_err();
            assert!(error.contains(said), "{from} to {to}: {error}");
        }
        assert!(Style::from_json(gray_alone(0, 0).as_bytes()).unwrap_err().contains("nothing"));
        let other = gray_alone(77, 5).replacen(",385,", ",384,", 1);
        assert!(Style::from_json(other.as_bytes()).unwrap_err().contains("colours of its grays"));
    }

    /// What still parses can be fitted.
    #[test]
    fn no_damage_is_fatal() {
        let (whole, style) = (file(), Style::from_json(file().as_bytes()).unwrap());
        assert!((0..whole.len() - 1).all(|end| Style::from_json(&whole.as_bytes()[..end]).is_err()));
        let mut survivors = 0;
        for at in 0..whole.len() {
            for byte in [b'0', b'9', b'-', b'"', b'[', b',', 0xff] {
                let mut damaged = whole.clone().into_bytes();
                damaged[at] = byte;
                if let Ok(damaged) = Style::from_json(&damaged) {
                    QuantileMap::fit(damaged.histogram(), style.histogram()).unwrap();
                    survivors += 1;
                }
            }
        }
        assert!(survivors < whole.len(), "{survivors} damaged files were taken");
        let [dark, bright] = [0, 255]
            .map(|level| Style::from_json(gray_alone(level, Histogram::MOST_IN_FILE).as_bytes()).unwrap());
        let map = QuantileMap::fit(dark.histogram(), bright.histogram()).unwrap();
        assert_eq!(map.tables()[0][0], 255);
    }

    #[test]
    fn files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.style.json");
        let said = || Style::load(&path).unwrap_err().to_string();
        assert!(said().contains("lab.style.json: cannot read the style"), "{}", said());
        std::fs::write(&path, "not JSON").unwrap();
        assert!(said().contains("lab.style.json: not a usable style: expected"), "{}", said());
        std::fs::write(&path, vec![b' '; MOST_BYTES as usize + 1]).unwrap();
        assert!(said().contains("longer than"), "{}", said());
        std::fs::write(&path, file()).unwrap();
        let sha256 = Style::load(&path).unwrap().1;
        assert!(sha256.len() == 64 && sha256.bytes().all(|digit| digit.is_ascii_hexdigit()), "{sha256}");
    }
}
