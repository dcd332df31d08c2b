//! What the pixels of an output depend on beside its slide.

use std::path::Path;

use restain_pipeline::{Engine, Settings, Style};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The settings of an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of restain.
    pub restain: String,
    /// SHA-256 of the model's file; `None` for `identity` and for a style by itself.
    pub model_sha256: Option<String>,
    /// SHA-256 of the style's file.
    pub style_sha256: Option<String>,
    /// SHA-256 of the file of the slide's own style.
    pub own_sha256: Option<String>,
    /// All settings but those files, and those that change no pixel: tile, threads, memory and device.
    pub settings: Settings,
}

/// SHA-256 of the files that settings name.
#[derive(Debug, Clone)]
pub(crate) struct Hashes {
    model: Option<String>,
    style: Option<String>,
    own: Option<String>,
}

impl Hashes {
    /// Reads the files.
    ///
    /// # Errors
    /// Where a model or a style cannot be read.
    pub(crate) fn of(Settings { model, style, own, .. }: &Settings) -> Result<Self> {
        let model = match (model.as_deref(), style) {
            (Some(Engine::IDENTITY), _) | (None, Some(_)) => None,
            (name, _) => Some(Path::new(name.unwrap_or(restain_net::SHIPPED_NAME))),
        };
        let hash = |path: &Path| Style::load(path).map(|(_, sha256)| sha256);
        Ok(Self {
            model: model.map(restain_net::sha256_of).transpose()?,
            style: style.as_deref().map(hash).transpose()?,
            own: own.as_deref().map(hash).transpose()?,
        })
    }
}

impl Recipe {
    /// That of some settings; reads the files that they name.
    ///
    /// # Errors
    /// Where a model or a style cannot be read.
    pub fn of(settings: &Settings) -> Result<Self> {
        Ok(Self::new(settings, Hashes::of(settings)?))
    }

    /// That of some settings, whose files have these hashes.
    pub(crate) fn new(settings: &Settings, hashes: Hashes) -> Self {
        let Settings { device, tile, threads, memory, .. } = Settings::default();
        Self {
            restain: env!("CARGO_PKG_VERSION").to_owned(),
            model_sha256: hashes.model,
            style_sha256: hashes.style,
            own_sha256: hashes.own,
            settings: Settings {
                model: None,
                style: None,
                own: None,
                device,
                tile,
                threads,
                memory,
                ..settings.clone()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_pixels_changes_the_recipe() {
        let of = |settings: Settings| Recipe::of(&settings).expect("a recipe");
        let plain = of(Settings::default());
        assert!(plain.model_sha256.is_some());
        let quick = Settings { tile: 512, threads: Some(1), device: "cpu".to_owned(), ..Settings::default() };
        assert_eq!(of(quick), plain);
        let shipped = Settings { model: Some("shipped".to_owned()), ..Settings::default() };
        assert_eq!(of(shipped), plain);
        let identity = of(Settings { model: Some(Engine::IDENTITY.to_owned()), ..Settings::default() });
        assert_eq!(identity.model_sha256, None);
        for other in [
            Settings { quality: 80, ..Settings::default() },
            Settings { level: Some(1), ..Settings::default() },
        ] {
            assert_ne!(of(other), plain);
        }
    }
}
