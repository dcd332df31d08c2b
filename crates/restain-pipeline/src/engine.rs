//! What gives a slide its colours: a model, a quantile map, or nothing at all.

use std::path::Path;

use rayon::prelude::*;
use restain_net::{Area, Model, Place, SHIPPED_NAME, Window, find_place, halo};
use restain_slide::{LevelRect, Margin, Pixels, Tile};
use restain_stain::removal::{Removal, Standard, gray, keep_gray};

use crate::quantile::Quantile;
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

/// A model, and the way of a slide's pixels to it.
pub struct Restainer {
    model: Model,
    quantile: Option<Quantile>,
    removal: Removal,
    /// Whether of what the model makes only the colour is taken.
    keeps_gray: bool,
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

impl Engine {
    /// The name under which the identity model is asked for.
    pub const IDENTITY: &str = "identity";

    /// Loads what `settings` ask for: a model, the shipped one where they name neither a model nor a style, a style's
    /// quantile map, or both: the map first, then the model. Where there is a style, or the model was trained on
    /// standardized slides, `measure` is asked for the colours of what is to be normalized, unless [`Settings::own`] stands
    /// in for them.
    ///
    /// # Errors
    /// [`Error::Setting`] where settings contradict each other; where the checkpoint does not fit, or the device asked
    /// for is not there; [`Error::Style`], [`Error::HardlyAnyColour`], and what `measure` fails with.
    pub fn select(settings: &Settings, measure: impl FnOnce() -> Result<Style>) -> Result<Selection> {
        let device = settings.device()?;
        let Settings { model, style, own, .. } = settings;
        let colours = || match own {
            Some(path) => Style::load(path).map(|(own, sha256)| (own, Some(sha256))),
            None => measure().map(|own| (own, None)),
        };
        let here =
            |engine, own_sha256| Selection { engine, device: Place::Cpu.to_string(), note: None, own_sha256 };
        match (model.as_deref(), style) {
            (Some(Self::IDENTITY), None) if own.is_none() => return Ok(here(Self::Identity, None)),
            (Some(Self::IDENTITY), _) => {
                let message = "`identity` changes no colour: `style` and `own` are of no use to it";
                return Err(Error::Setting(message.to_owned()));
            }
            (None, Some(style)) => {
                let (own, own_sha256) = colours()?;
                return Ok(here(Self::Quantile(Box::new(Quantile::fit(style, &own)?)), own_sha256));
            }
            (_, _) => {}
        }
        let (place, note) = find_place(device)?;
        let name = model.as_deref().unwrap_or(SHIPPED_NAME);
        let model = Model::named(Path::new(name), &place, settings.precision)?;
        let removal = |standard| {
            let card = model.card();
            Removal::with_options(&card.input, standard).map_err(|error| {
                Error::Setting(format!("the model {}: {error}; a later restain may know it", card.name))
            })
        };
        let plain = removal(Standard::default())?;
        let (quantile, removal, own_sha256) = match style {
            Some(style) => {
                let (own, own_sha256) = colours()?;
                let quantile = Quantile::fit(style, &own)?;
                let removal = removal(quantile.standard())?;
                (Some(quantile), removal, own_sha256)
            }
            None if plain.rests_on_standard() => {
                let (own, own_sha256) = colours()?;
                (None, removal(own.standard()?)?, own_sha256)
            }
            None if own.is_some() => {
                let message = "`own` is of use only with a `style`, or to a model that was trained on standardized slides";
                return Err(Error::Setting(message.to_owned()));
            }
            None => (None, plain, None),
        };
        let has_gray = !(removal.white_balance || removal.standard_gray);
        if settings.gray == Some(GrayKind::Slide) && !has_gray {
            let message =
                "the model was trained on standardized gray, so it cannot keep the slide's: leave `gray` out";
            return Err(Error::Setting(message.to_owned()));
        }
        let keeps_gray = has_gray && settings.gray != Some(GrayKind::Model);
        let engine = Self::Model(Box::new(Restainer { model, quantile, removal, keeps_gray }));
        Ok(Selection { engine, device: place.to_string(), note, own_sha256 })
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
            Self::Model(restainer) => Some(&restainer.model),
        }
    }

    /// The quantile map, where there is one.
    pub(crate) fn quantile(&self) -> Option<&Quantile> {
        match self {
            Self::Identity => None,
            Self::Quantile(quantile) => Some(quantile),
            Self::Model(restainer) => restainer.quantile.as_ref(),
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
            Self::Model(restainer) if restainer.keeps_gray => Some(GrayKind::Slide),
            Self::Model(_) => Some(GrayKind::Model),
        }
    }

    /// Gives the core of a tile, as G has made it, the gray that G has seen, where that is to be kept.
    pub(crate) fn keep_gray(&self, tile: Tile, seen: &Prepared, core: &mut [u8]) {
        if self.gray() != Some(GrayKind::Slide) {
            return;
        }
        let rows = crop::rows(tile.window, tile.core).collect::<Vec<_>>();
        let lines = core.par_chunks_exact_mut(3 * tile.core.width() as usize);
        lines.zip(rows).for_each(|(line, row)| match seen {
            Prepared::Gm(gm) => keep_gray(&gm[row], line),
            Prepared::Rgb(rgb) => {
                let pixels = rgb[3 * row.start..3 * row.end].as_chunks().0;
                keep_gray(&pixels.iter().map(|&pixel| gray(pixel)).collect::<Vec<_>>(), line);
            }
        });
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

impl Restainer {
    /// What G is to see of a window whose pixels are mapped, where there is a map: GM or, where G removes the stain itself,
    /// RGB.
    pub(crate) fn prepare(&self, rgb: Vec<u8>) -> Prepared {
        if self.gives_rgb() {
            return Prepared::Rgb(rgb);
        }
        let mut gm = vec![0.0; rgb.len() / 3 * 2];
        self.removal.remove(&rgb, &mut gm);
        Prepared::Gm(gm)
    }

    /// Whether G gets RGB, as it removes the stain itself.
    pub(crate) fn gives_rgb(&self) -> bool {
        self.model.removes_stain() && self.removal.is_plain()
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
