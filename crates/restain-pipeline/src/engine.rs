//! What gives a slide its colours: a model, a quantile map, or nothing at all.

use std::path::Path;

use restain_net::{Area, Card, Model, Place, Window, find_place, halo};
use restain_slide::{LevelRect, Margin, Pixels, Tile};
use restain_stain::removal::remove_stain;

use crate::quantile::Quantile;
use crate::settings::Settings;
use crate::style::Style;
use crate::{Error, Result, crop};

/// The colours a slide is given.
pub enum Engine {
    /// Its own: pixels pass through unchanged. For tests, and to measure everything but G.
    Identity,
    /// Those of a style, each channel of each pixel by itself.
    Quantile(Box<Quantile>),
    /// Those of a model.
    Model(Box<Model>),
}

/// An engine and what is to be said about the choice of its device.
pub struct Selection {
    /// The engine.
    pub engine: Engine,
    /// Where it runs: `cpu`, `cuda:0` or `cuda:0, cuda:1`.
    pub device: String,
    /// Why it does not run on a GPU although it might have; one line.
    pub note: Option<String>,
}

impl Engine {
    /// The name under which the identity model is asked for.
    pub const IDENTITY: &str = "identity";

    /// Loads what `settings` ask for: the model, the shipped one where they name none, or a style's quantile map. Only
    /// for that, and without [`Settings::own`], `measure` is asked for the colours of what is to be normalized.
    ///
    /// # Errors
    /// [`Error::Setting`] where settings contradict each other; where the checkpoint does not fit, or the device asked
    /// for is not there; [`Error::Style`], [`Error::HardlyAnyColour`], and what `measure` fails with.
    pub fn select(settings: &Settings, measure: impl FnOnce() -> Result<Style>) -> Result<Selection> {
        let device = settings.device()?;
        let here = |engine| Selection { engine, device: Place::Cpu.to_string(), note: None };
        let model = match (settings.model.as_deref(), settings.style.as_deref()) {
            (Some(_), Some(_)) => {
                return Err(Error::Setting("choose `model` or `style`, not both".to_owned()));
            }
            (None, Some(style)) => {
                let quantile = Quantile::fit(style, settings.own.as_deref(), measure)?;
                return Ok(here(Self::Quantile(Box::new(quantile))));
            }
            (_, None) if settings.own.is_some() => {
                return Err(Error::Setting("`own` is of use with a `style` only".to_owned()));
            }
            (Some(Self::IDENTITY), None) => return Ok(here(Self::Identity)),
            (model, None) => model,
        };
        let (place, note) = find_place(device)?;
        let model = match model {
            Some(path) => Model::load(Path::new(path), &place, settings.precision)?,
            None => Model::shipped(&place, settings.precision)?,
        };
        let Card { name, input, .. } = model.card();
        if !input.is_empty() {
            let input = input.join(", ");
            let message = format!(
                "the model {name} was trained with the input options {input}, which slides cannot be given yet; take one \
                 that was trained without"
            );
            return Err(Error::Setting(message));
        }
        Ok(Selection { engine: Self::Model(Box::new(model)), device: place.to_string(), note })
    }

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
            Self::Model(model) => Some(model),
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

    /// What G is to see of a window: its stain is removed, unless G does that itself.
    pub(crate) fn prepare(&self, rgb: Vec<u8>) -> Prepared {
        if self.model().is_some_and(Model::removes_stain) {
            return Prepared::Rgb(rgb);
        }
        let mut gm = vec![0.0; rgb.len() / 3 * 2];
        remove_stain(&rgb, &mut gm);
        Prepared::Gm(gm)
    }

    /// Interleaved RGB of the core of a tile whose pixels need none of their surroundings; what was never scanned keeps
    /// the background colour.
    pub(crate) fn recolour(&self, tile: Tile, pixels: Pixels, background: [u8; 3]) -> Vec<u8> {
        let mut rgb = crop::rgb(pixels.rect, tile.core, pixels.rgb);
        if let Self::Quantile(quantile) = self {
            quantile.apply(&mut rgb);
            crop::composite(pixels.rect, tile.core, &pixels.coverage, background, &mut rgb);
        }
        rgb
    }

    /// Interleaved RGB of the cores of tiles whose windows have one size, in their order.
    pub(crate) fn restain<'a>(
        &self,
        tiles: impl Iterator<Item = (Tile, &'a Prepared)>,
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let Self::Model(model) = self else {
            return Err(Error::Setting("there is no G".to_owned()));
        };
        let windows: Vec<_> = tiles
            .map(|(tile, seen)| Window { pixels: seen.pixels(), core: area(tile.window, tile.core) })
            .collect();
        Ok(model.restain(&windows, height, width)?)
    }
}

/// A window as G takes it.
pub(crate) enum Prepared {
    /// GM `[2, H, W]`.
    Gm(Vec<f32>),
    /// Interleaved RGB.
    Rgb(Vec<u8>),
}

impl Prepared {
    fn pixels(&self) -> restain_net::Pixels<'_> {
        match self {
            Self::Gm(gm) => restain_net::Pixels::Gm(gm),
            Self::Rgb(rgb) => restain_net::Pixels::Rgb(rgb),
        }
    }
}

/// Where a core lies in its window.
fn area(window: LevelRect, core: LevelRect) -> Area {
    let core = core.translate(-window.min.to_vector()).to_usize();
    Area { rows: core.min.y..core.max.y, columns: core.min.x..core.max.x }
}
