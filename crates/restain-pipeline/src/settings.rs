//! What a user can choose, as the command line and a YAML run configuration give it.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use restain_net::{DeviceChoice, Precision, read_configuration};
use restain_slide::{Extent, LevelRect, Slide, check_mpp};
use restain_tiff::{Compression, Subsampling};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const LEVEL_TWICE: &str = "choose the level by `level` or by `mpp`, not by both";

/// The settings of `restain normalize`; pipelines/normalize.yaml explains each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A checkpoint's path, `identity`, or the shipped model.
    pub model: Option<String>,
    /// A style's file, for the quantile map in place of a model.
    pub style: Option<PathBuf>,
    /// The style's file that stands in for the slide's own colours.
    pub own: Option<PathBuf>,
    /// Whose gray the pixels get: without a choice the slide's, unless the model was trained on standardized gray.
    pub gray: Option<GrayKind>,
    /// `auto`, `cpu`, `cuda` (all GPUs) or `cuda:N`.
    pub device: String,
    /// The numbers G is computed in.
    pub precision: Precision,
    /// Side of a core tile in pixels, a multiple of 64.
    pub tile: u32,
    /// Threads; as many as there are processors where `None`.
    pub threads: Option<usize>,
    /// What the process may hold in memory: `tile` and `threads` are made smaller where a slide would need more.
    pub memory: Option<ByteSize>,
    /// JPEG or lossless deflate.
    pub compression: CompressionKind,
    /// JPEG quality, 1..=100.
    pub quality: u8,
    /// JPEG chroma subsampling.
    pub subsampling: SubsamplingKind,
    /// The scanned bounds or the full slide.
    pub extent: ExtentKind,
    /// The level to read.
    pub level: Option<u32>,
    /// The level to read by its micrometres a pixel.
    pub mpp: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            style: None,
            own: None,
            gray: None,
            device: "auto".to_owned(),
            precision: Precision::Auto,
            tile: 1024,
            threads: None,
            memory: None,
            compression: CompressionKind::Jpeg,
            quality: 90,
            subsampling: SubsamplingKind::None,
            extent: ExtentKind::Bounds,
            level: None,
            mpp: None,
        }
    }
}

/// Whose gray the pixels get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrayKind {
    /// The slide's, mapped where there is a style: of what the model makes only the colour is taken.
    Slide,
    /// The model's.
    Model,
}

/// How tiles are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompressionKind {
    /// Small, with JPEG's loss.
    Jpeg,
    /// Lossless, several times as large.
    Deflate,
}

/// Chroma subsampling of JPEG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubsamplingKind {
    /// Colour at full resolution.
    #[serde(rename = "4:4:4")]
    None,
    /// Colour at half the resolution across.
    #[serde(rename = "4:2:2")]
    Across,
    /// Colour at half the resolution both ways.
    #[serde(rename = "4:2:0")]
    Both,
}

/// How much of the slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtentKind {
    /// What the scanner has seen.
    Bounds,
    /// Everything.
    Full,
}

impl From<ExtentKind> for Extent {
    fn from(kind: ExtentKind) -> Self {
        match kind {
            ExtentKind::Bounds => Self::Bounds,
            ExtentKind::Full => Self::Full,
        }
    }
}

impl Settings {
    /// Reads a YAML run configuration; what it leaves out has its default.
    ///
    /// # Errors
    /// [`Error::Config`] with line and column of what is wrong.
    pub fn from_yaml(path: &Path) -> Result<Self> {
        let text = read_configuration(path).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: format!("cannot read the run configuration: {error}"),
        })?;
        Self::parse(&text, path)
    }

    /// Reads a YAML run configuration from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Settings::from_yaml`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        // An empty document is no mapping to serde_yaml, but says the same as one: every default.
        let nothing = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if nothing {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text)
            .map_err(|error| Error::Config { path: path.to_owned(), message: error.to_string() })
    }

    /// Checks what can be checked without a slide: device, threads, tile, quality, and one choice of the level that makes sense.
    ///
    /// # Errors
    /// [`Error::Setting`], and [`Error::Slide`] for an impossible `mpp`.
    pub fn check(&self) -> Result<()> {
        self.device()?;
        self.threads()?;
        let Self { tile, quality, .. } = *self;
        if tile == 0 || !tile.is_multiple_of(64) {
            return Err(Error::Setting(format!("a tile of {tile} px is not a multiple of 64")));
        }
        if !(1..=100).contains(&quality) {
            return Err(Error::Setting(format!("JPEG quality {quality} is not between 1 and 100")));
        }
        if self.level.is_some() && self.mpp.is_some() {
            return Err(Error::Setting(LEVEL_TWICE.to_owned()));
        }
        // A batch tells its worker the settings in JSON, which knows no other numbers: it would read level 0 instead.
        self.mpp.map_or(Ok(()), check_mpp)?;
        Ok(())
    }

    /// The device asked for.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn device(&self) -> Result<DeviceChoice> {
        self.device.parse().map_err(|error: restain_net::Error| Error::Setting(error.to_string()))
    }

    /// The number of threads, at least 1.
    ///
    /// # Errors
    /// [`Error::Setting`] for none or more than 1024.
    pub fn threads(&self) -> Result<usize> {
        match self.threads {
            None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
            Some(threads @ 1..=1024) => Ok(threads),
            Some(threads) => Err(Error::Setting(format!("{threads} threads: choose 1 to 1024"))),
        }
    }

    /// The level to read of `slide`, and what of it, in its pixels.
    ///
    /// # Errors
    /// [`Error::Setting`] where both `level` and `mpp` are given, [`Error::Slide`] where the slide has no such
    /// level.
    pub fn input(&self, slide: &Slide) -> Result<(u32, LevelRect)> {
        let level = match (self.level, self.mpp) {
            (Some(_), Some(_)) => {
                return Err(Error::Setting(LEVEL_TWICE.to_owned()));
            }
            (Some(level), None) => level,
            (None, Some(mpp)) => slide.level_for_mpp(mpp)?,
            (None, None) => 0,
        };
        Ok((level, slide.extent(level, self.extent.into())?))
    }

    pub(crate) fn compression(&self) -> Compression {
        match self.compression {
            CompressionKind::Deflate => Compression::Deflate,
            CompressionKind::Jpeg => Compression::Jpeg {
                quality: self.quality,
                subsampling: match self.subsampling {
                    SubsamplingKind::None => Subsampling::S444,
                    SubsamplingKind::Across => Subsampling::S422,
                    SubsamplingKind::Both => Subsampling::S420,
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Settings> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        Settings::from_yaml(file.path())
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(parse("# nothing\n").unwrap(), Settings::default());
        let settings = parse("tile: 512\nsubsampling: 4:2:0\n").unwrap();
        assert_eq!((settings.tile, settings.subsampling), (512, SubsamplingKind::Both));
        assert_eq!(settings.quality, Settings::default().quality);
    }

    #[test]
    fn a_scale_is_a_number_above_0() {
        for (mpp, sound) in [("0.25", true), (".nan", false), (".inf", false), ("0", false), ("-1", false)] {
            let settings = parse(&format!("mpp: {mpp}\n")).unwrap();
            assert_eq!(settings.check().is_ok(), sound, "{mpp}");
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (yaml, line) in [("quality: 90\ntiles: 512\n", "line 2"), ("quality: 90\n\nlevel: [\n", "line")] {
            let message = parse(yaml).unwrap_err().to_string();
            assert!(message.contains(line), "{message}");
        }
    }

    #[test]
    fn the_shipped_configuration_holds_the_defaults() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/normalize.yaml"));
        assert_eq!(Settings::from_yaml(path).unwrap(), Settings::default());
    }
}
