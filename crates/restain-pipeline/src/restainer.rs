//! A model, and the way of a slide's pixels to it and back: the map before it, stain removal, and the gray that stays.

use rayon::prelude::*;
use restain_net::Model;
use restain_slide::Tile;
use restain_stain::removal::{Removal, Standard, gray, keep_gray};

use crate::quantile::Quantile;
use crate::settings::{GrayKind, Settings};
use crate::style::Style;
use crate::{Error, Result, crop};

/// A model, ready for one slide.
pub struct Restainer {
    model: Model,
    quantile: Option<Quantile>,
    removal: Removal,
    gray: GrayKind,
}

impl Restainer {
    /// Makes a model ready for one slide. Where there is a style, or the model was trained on standardized slides, `colours`
    /// is asked for those of the slide, with the SHA-256 of the file that stands in for them; the latter is given back.
    pub(crate) fn new(
        model: Model,
        settings: &Settings,
        colours: impl FnOnce() -> Result<(Style, Option<String>)>,
    ) -> Result<(Self, Option<String>)> {
        let removal = |standard| {
            let card = model.card();
            Removal::with_options(&card.input, standard).map_err(|error| {
                Error::Setting(format!("the model {}: {error}; a later restain may know it", card.name))
            })
        };
        let plain = removal(Standard::default())?;
        let gray = gray_kind(settings.gray, &plain)?;
        let (quantile, removal, own_sha256) = match &settings.style {
            Some(style) => {
                let (own, own_sha256) = colours()?;
                let quantile = Quantile::fit(style, &own)?;
                // Once mapped, the slide has the background and the cells of the style.
                let removal = removal(quantile.standard())?;
                (Some(quantile), removal, own_sha256)
            }
            None if plain.rests_on_standard() => {
                let (own, own_sha256) = colours()?;
                (None, removal(own.standard()?)?, own_sha256)
            }
            None if settings.own.is_some() => {
                let message = "`own` is of use only with a `style`, or to a model that was trained on standardized slides";
                return Err(Error::Setting(message.to_owned()));
            }
            None => (None, plain, None),
        };
        Ok((Self { model, quantile, removal, gray }, own_sha256))
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The map that comes before the model.
    pub(crate) fn quantile(&self) -> Option<&Quantile> {
        self.quantile.as_ref()
    }

    /// Whose gray pixels get.
    pub(crate) fn gray(&self) -> GrayKind {
        self.gray
    }

    /// Whether G gets RGB, as it removes the stain itself.
    pub(crate) fn gives_rgb(&self) -> bool {
        self.model.removes_stain() && !self.removal.rests_on_standard()
    }

    /// What G is to see of a window whose pixels are mapped, where there is a map: GM or, where G removes the stain itself,
    /// RGB.
    pub(crate) fn prepare(&self, rgb: Vec<u8>) -> Prepared {
        if self.gives_rgb() {
            return Prepared::Rgb { rgb, soft_mask: self.removal.soft_mask };
        }
        let mut gm = vec![0.0; rgb.len() / 3 * 2];
        self.removal.remove(&rgb, &mut gm);
        Prepared::Gm(gm)
    }

    /// Gives the core of a tile, as G has made it, the gray that G has seen, where that is to be kept.
    pub(crate) fn keep_gray(&self, tile: Tile, seen: &Prepared, core: &mut [u8]) {
        if self.gray == GrayKind::Model {
            return;
        }
        let rows = crop::rows(tile.window, tile.core).collect::<Vec<_>>();
        let lines = core.par_chunks_exact_mut(3 * tile.core.width() as usize);
        lines.zip(rows).for_each(|(line, row)| match seen {
            Prepared::Gm(gm) => keep_gray(&gm[row], line),
            Prepared::Rgb { rgb, .. } => {
                let pixels = rgb[3 * row.start..3 * row.end].as_chunks().0;
                keep_gray(&pixels.iter().map(|&pixel| gray(pixel)).collect::<Vec<_>>(), line);
            }
        });
    }
}

/// Whose gray pixels get from a model with this stain removal, where that is asked for.
fn gray_kind(asked: Option<GrayKind>, removal: &Removal) -> Result<GrayKind> {
    let standardized = removal.white_balance || removal.standard_gray;
    match asked {
        Some(GrayKind::Slide) if standardized => Err(Error::Setting(
            "the model was trained on standardized gray, so it cannot keep the slide's: leave `gray` out"
                .to_owned(),
        )),
        Some(kind) => Ok(kind),
        None if standardized => Ok(GrayKind::Model),
        None => Ok(GrayKind::Slide),
    }
}

/// A window as G takes it.
pub(crate) enum Prepared {
    /// GM `[2, H, W]`.
    Gm(Vec<f32>),
    /// Interleaved RGB, and the mask it is to get.
    Rgb { rgb: Vec<u8>, soft_mask: bool },
}

impl Prepared {
    pub(crate) fn pixels(&self) -> restain_net::Pixels<'_> {
        match self {
            Self::Gm(gm) => restain_net::Pixels::Gm(gm),
            &Self::Rgb { ref rgb, soft_mask } => restain_net::Pixels::Rgb { rgb, soft_mask },
        }
    }
}
