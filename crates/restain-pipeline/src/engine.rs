//! What gives a slide its colours: a model, a quantile map, or nothing at all.

use std::path::Path;

use restain_net::{Area, Model, Place, SHIPPED_NAME, Window, find_place, halo};
use restain_slide::{LevelRect, Margin, Pixels, Tile};
use restain_stain::reference::Reference;

use crate::quantile::Quantile;
use crate::restainer::{Prepared, Restainer};
use crate::settings::{GrayKind, Settings};
use crate::style::Style;
use crate::{Error, Result, crop};

/// The colours a slide is given.
pub enum Engine {
    /// Its own: pixels pass through unchanged. For tests, and to measure everything but G.
    Identity,
    /// Those of a style, each channel of each pixel by itself.
    Quantile(Box<Quantile>),
    /// Those of a model.
    Model(Box<Restainer>),
}

/// An engine and what is to be said about the choice of its device.
pub struct Selection {
    /// The engine.
    pub engine: Engine,
    /// Where it runs: `cpu`, `cuda:0` or `cuda:0, cuda:1`.
    pub device: String,
    /// Why it does not run on a GPU although it might have; one line.
    pub note: Option<String>,
    /// SHA-256 of the style's file that stands in for the colours of what is to be normalized, in hexadecimal digits.
    pub own_sha256: Option<String>,
}

/// What slides with the same settings share: the model on its device, where they ask for one.
pub struct Loaded {
    settings: Settings,
    model: Option<Model>,
    device: String,
    note: Option<String>,
}

impl Loaded {
    /// Loads what `settings` ask for: a model, the shipped one where they name neither a model nor a style.
    ///
    /// # Errors
    /// [`Error::Setting`] where settings contradict each other; where the checkpoint does not fit, or the device asked for is
    /// not there.
    pub fn new(settings: &Settings) -> Result<Self> {
        let device = settings.device()?;
        let Settings { model, style, own, gray, .. } = settings;
        let loaded = |model, place: &Place, note| {
            Ok(Self { settings: settings.clone(), model, device: place.to_string(), note })
        };
        if model.as_deref() == Some(Engine::IDENTITY) {
            return match (style, own, gray) {
                (None, None, None) => loaded(None, &Place::Cpu, None),
                _ => Err(Error::Setting(
                    "`identity` changes no colour: `style`, `own` and `gray` are of no use to it".to_owned(),
                )),
            };
        }
        if model.is_none() && style.is_some() {
            if gray.is_some() {
                return Err(Error::Setting("`gray` is of use to a model only".to_owned()));
            }
            return loaded(None, &Place::Cpu, None);
        }
        let (place, note) = find_place(device)?;
        let name = model.as_deref().unwrap_or(SHIPPED_NAME);
        let model = Model::named(Path::new(name), &place, settings.precision)?;
        loaded(Some(model), &place, note)
    }

    /// The model, where there is one.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// The colours that slides are given, and what the model has seen; `None` where a model does not say it, or there is
    /// neither model nor style.
    ///
    /// # Errors
    /// [`Error::Style`].
    pub fn reference(&self) -> Result<Option<Reference>> {
        match (&self.model, &self.settings.style) {
            (Some(model), _) => Ok(model.card().seen.clone()),
            (None, Some(style)) => {
                let (style, _) = Style::load(style)?;
                Ok(Some(Reference::of_style(style.histogram().clone(), style.standard()?.white)))
            }
            (None, None) => Ok(None),
        }
    }

    /// Makes it ready for one slide. Where there is a style, for the quantile map
    /// or for the map first and then the model, or the model was trained on standardized slides, `measure` is asked for the
    /// colours of what is to be normalized, unless [`Settings::own`] stands in for them.
    ///
    /// # Errors
    /// [`Error::Setting`] where settings contradict each other; [`Error::Style`], [`Error::HardlyAnyColour`], and what
    /// `measure` fails with.
    pub fn select(&self, measure: impl FnOnce() -> Result<Style>) -> Result<Selection> {
        let settings = &self.settings;
        let colours = || match &settings.own {
            Some(path) => Style::load(path).map(|(own, sha256)| (own, Some(sha256))),
            None => measure().map(|own| (own, None)),
        };
        let (engine, own_sha256) = match (&self.model, &settings.style) {
            (Some(model), _) => {
                let (restainer, own_sha256) = Restainer::new(model.clone(), settings, colours)?;
                (Engine::Model(Box::new(restainer)), own_sha256)
            }
            (None, Some(style)) => {
                let (own, own_sha256) = colours()?;
                (Engine::Quantile(Box::new(Quantile::fit(style, &own)?)), own_sha256)
            }
            (None, None) => (Engine::Identity, None),
        };
        Ok(Selection { engine, device: self.device.clone(), note: self.note.clone(), own_sha256 })
    }
}

impl Engine {
    /// The name under which the identity model is asked for.
    pub const IDENTITY: &str = "identity";

    /// What a window needs beyond its core for the core to come out right.
    pub fn margin(&self) -> Margin {
        match self {
            Self::Identity | Self::Quantile(_) => Margin::None,
            Self::Model(_) => Margin::Halo(halo()),
        }
    }

    /// The model, where it is one.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::Identity | Self::Quantile(_) => None,
            Self::Model(restainer) => Some(restainer.model()),
        }
    }

    /// The quantile map, where there is one.
    pub(crate) fn quantile(&self) -> Option<&Quantile> {
        match self {
            Self::Identity => None,
            Self::Quantile(quantile) => Some(quantile),
            Self::Model(restainer) => restainer.quantile(),
        }
    }

    /// Windows of a size that G takes at a time.
    pub(crate) fn batch_size(&self, window: LevelRect) -> usize {
        let size = window.size().to_usize();
        self.model().map_or(1, |model| model.batch_size(size.height, size.width))
    }

    /// Threads that may run G at once.
    pub(crate) fn workers(&self) -> usize {
        self.model().map_or(1, Model::workers)
    }

    /// Whether G leaves the threads of the pool to others.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.model().is_some_and(Model::removes_stain)
    }

    /// Interleaved RGB of the core of a tile whose pixels need none of their surroundings; what was never scanned keeps
    /// the background colour.
    pub(crate) fn recolour(&self, tile: Tile, pixels: Pixels, background: [u8; 3]) -> Vec<u8> {
        let mut rgb = crop::rgb(pixels.rect, tile.core, pixels.rgb);
        if let Self::Quantile(quantile) = self {
            quantile.apply_to_scanned(&mut rgb, tile.core, (pixels.rect, &pixels.coverage), background);
        }
        rgb
    }

    /// Whose gray pixels have, where there is a model.
    pub(crate) fn gray(&self) -> Option<GrayKind> {
        match self {
            Self::Identity | Self::Quantile(_) => None,
            Self::Model(restainer) => Some(restainer.gray()),
        }
    }

    /// Interleaved RGB of the cores of tiles whose windows have one size, in their order.
    pub(crate) fn restain<'a>(
        &self,
        tiles: impl Iterator<Item = (Tile, &'a Prepared)>,
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let Some(model) = self.model() else {
            return Err(Error::Setting("there is no G".to_owned()));
        };
        let windows: Vec<_> = tiles
            .map(|(tile, seen)| Window { pixels: seen.pixels(), core: area(tile.window, tile.core) })
            .collect();
        Ok(model.restain(&windows, height, width)?)
    }
}

/// Where a core lies in its window.
fn area(window: LevelRect, core: LevelRect) -> Area {
    let core = core.translate(-window.min.to_vector()).to_usize();
    Area { rows: core.min.y..core.max.y, columns: core.min.x..core.max.x }
}
