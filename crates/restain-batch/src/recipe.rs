//! What the pixels of an output depend on beside its slide.

use std::path::Path;

use restain_net::Precision;
use restain_pipeline::{CompressionKind, Engine, ExtentKind, GrayKind, Settings, SubsamplingKind};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The settings of an output, files by their hashes. Tiles, threads and device are not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Version of restain.
    pub restain: String,
    /// SHA-256 of the model's file; `None` for `identity` and for a style by itself.
    pub model_sha256: Option<String>,
    /// SHA-256 of the style's file.
    pub style_sha256: Option<String>,
    /// SHA-256 of the file of the slide's own style.
    pub own_sha256: Option<String>,
    /// Whose gray pixels get.
    pub gray: Option<GrayKind>,
    /// The numbers G is computed in.
    pub precision: Precision,
    /// How tiles are stored.
    pub compression: CompressionKind,
    /// JPEG quality.
    pub quality: u8,
    /// JPEG chroma subsampling.
    pub subsampling: SubsamplingKind,
    /// How much of the slide.
    pub extent: ExtentKind,
    /// The level read.
    pub level: Option<u32>,
    /// Micrometres a pixel of the level read.
    pub mpp: Option<f64>,
}

impl Recipe {
    /// That of some settings; reads the files that they name.
    ///
    /// # Errors
    /// Where a model or a style cannot be read.
    pub fn of(settings: &Settings) -> Result<Self> {
        let Settings {
            model,
            style,
            own,
            gray,
            precision,
            compression,
            quality,
            subsampling,
            extent,
            level,
            mpp,
            ..
        } = settings;
        let model = match (model.as_deref(), style) {
            (Some(Engine::IDENTITY), _) | (None, Some(_)) => None,
            (name, _) => Some(Path::new(name.unwrap_or(restain_net::SHIPPED_NAME))),
        };
        let hash = |path: &Path| restain_pipeline::Style::load(path).map(|(_, sha256)| sha256);
        Ok(Self {
            restain: env!("CARGO_PKG_VERSION").to_owned(),
            model_sha256: model.map(restain_net::sha256_of).transpose()?,
            style_sha256: style.as_deref().map(hash).transpose()?,
            own_sha256: own.as_deref().map(hash).transpose()?,
            gray: *gray,
            precision: *precision,
            compression: *compression,
            quality: *quality,
            subsampling: *subsampling,
            extent: *extent,
            level: *level,
            mpp: *mpp,
        })
    }
}
