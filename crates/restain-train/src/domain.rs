//! The two domains of a run (paper, III.A): where their patches come from, and what is measured of them first.

use std::path::Path;

use rayon::prelude::*;
use restain_data::{Dataset, Manifest, Part, Sample, Settings, Source, Split};
use restain_net::hex;
use restain_stain::{
    histogram::Histogram,
    quantile::QuantileMap,
    removal::{Measurement, Removal, Standard},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result, error::Measuring};

/// How many patches of a domain its colours are measured on.
pub(crate) const MEASURED: u64 = 256;
/// The step that the measured patches are drawn for: beyond every step of a run.
pub(crate) const MEASURING: u64 = u64::MAX;

/// Where the patches of a domain come from. Paths begin at the folder in which the program runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Folders, tables and slides, as in a manifest of [`restain_data`].
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub sources: Vec<Source>,
    /// How their groups are cut into parts.
    #[serde(default, with = "serde_yaml::with::singleton_map_recursive")]
    pub split: Option<Split>,
    /// The part to train on; without a split, everything is the part `train`.
    #[serde(default = "train")]
    pub part: String,
    /// The part to evaluate on, which no step sees.
    #[serde(default)]
    pub held_out: Option<String>,
}

fn train() -> String {
    "train".to_owned()
}

/// The parts of a domain that a run uses.
#[derive(Debug)]
pub struct Parts {
    /// To train on.
    pub training: Part,
    /// To evaluate on.
    pub held_out: Option<Part>,
}

impl Domain {
    /// Finds the samples and cuts them into parts.
    ///
    /// # Errors
    /// Those of [`Dataset::build`] and [`Split::assign`], and [`Error::NoPart`].
    pub fn find(&self, patches: &Settings) -> Result<Parts> {
        let Self { sources, split, .. } = self.clone();
        let manifest = Manifest { patches: patches.clone(), sources, split };
        let mut parts = Dataset::build(&manifest, Path::new(""))?.split_as_stated()?;
        let known = parts.keys().cloned().collect::<Vec<_>>().join(", ");
        let mut take = |part: &String| {
            let fault = || Error::NoPart { part: part.clone(), known: known.clone() };
            parts.remove(part).ok_or_else(fault)
        };
        Ok(Parts { training: take(&self.part)?, held_out: self.held_out.as_ref().map(take).transpose()? })
    }
}

/// What a run depends on of some samples, without the names of files: SHA-256 in hexadecimal digits.
pub(crate) fn fingerprint(samples: &[Sample]) -> String {
    let mut hash = Sha256::new();
    for sample in samples {
        let name = sample.picture.path.file_name().unwrap_or_default();
        hash.update(name.as_encoded_bytes());
        let [x, y] = sample.centre();
        hash.update(format!("\0{x} {y} {} {:?}\n", sample.class, sample.label));
    }
    hex(&hash.finalize())
}

/// What is done to the pixels before G sees them, beside the stain removal of the paper; by default nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options that can be combined freely, as `Removal` has them"
)]
pub struct Input {
    /// Give the target domain, as a whole, the histograms of the source domain first.
    pub quantile_map: bool,
    /// Divide each channel by that of the domain's background.
    pub white_balance: bool,
    /// Standardize gray by the domain's background and cells.
    pub standard_gray: bool,
    /// Compare channels for the mask each over the background's.
    pub standard_mask: bool,
    /// A mask that says where it does not know.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub soft_mask: bool,
}

/// The way from the pixels of one domain to GM.
#[derive(Clone, Debug, Default)]
pub struct Preparation {
    /// What the pixels become first.
    pub map: Option<QuantileMap>,
    /// How their stain is removed.
    pub removal: Removal,
}

impl Preparation {
    /// GM `[2, H, W]` of interleaved RGB.
    ///
    /// # Panics
    /// If `rgb` is not `3 * n` bytes long where `gm` holds `2 * n` values.
    pub fn gm(&self, rgb: &[u8], gm: &mut [f32]) {
        match &self.map {
            None => self.removal.remove(rgb, gm),
            Some(map) => {
                let mut mapped = rgb.to_vec();
                map.apply(&mut mapped);
                self.removal.remove(&mapped, gm);
            }
        }
    }
}

/// The colours of a domain: those of 256 of its patches.
#[derive(Clone, Debug)]
pub struct Colours {
    /// How often each level occurs.
    pub histogram: Histogram,
    /// The background and the dark cells.
    pub standard: Standard,
}

impl Colours {
    /// Measures a part; which patches depends on the seed alone.
    ///
    /// # Errors
    /// Where a patch cannot be read.
    pub fn measure(part: &Part, seed: u64) -> Result<Self> {
        let measured = (0..MEASURED)
            .into_par_iter()
            .map(|item| {
                let rgb = part.draw(seed, MEASURING, item)?.rgb;
                let (mut histogram, mut measurement) = (Histogram::new(), Measurement::new());
                histogram.add(&rgb);
                measurement.add(&rgb);
                Ok((histogram, measurement))
            })
            // All are counted before they are added up, so of several faulty files always the same one is named.
            .collect::<Vec<Result<_>>>();
        let (mut histogram, mut measurement) = (Histogram::new(), Measurement::new());
        for one in measured {
            let (more, others) = one?;
            histogram.merge(&more);
            measurement.merge(&others);
        }
        Ok(Self { histogram, standard: measurement.standard().measuring("a domain")? })
    }
}

impl Input {
    /// The preparations of the source domain and of the target domain. Once mapped, the target has the colours of the source,
    /// so their standard is its own.
    ///
    /// # Errors
    /// Where a patch cannot be read.
    pub fn fit(self, source: &Part, target: Option<&Part>, seed: u64) -> Result<[Preparation; 2]> {
        let colours = Colours::measure(source, seed)?;
        let of_source = Preparation { map: None, removal: self.removal(colours.standard) };
        let Some(target) = target else { return Ok([of_source.clone(), of_source]) };
        let own = Colours::measure(target, seed)?;
        let of_target = if self.quantile_map {
            let map =
                QuantileMap::between(&own.histogram, &colours.histogram).measuring("the target domain")?;
            Preparation { map: Some(map), removal: of_source.removal }
        } else {
            Preparation { map: None, removal: self.removal(own.standard) }
        };
        Ok([of_source, of_target])
    }

    /// What a model was trained with, by the names in its card.
    ///
    /// # Errors
    /// Where a name is of no option.
    pub fn of_model(names: &[String]) -> Result<Self> {
        let removal =
            Removal::with_options(names, Standard::default()).measuring("the options of a model")?;
        let Removal { white_balance, standard_gray, standard_mask, soft_mask, .. } = removal;
        Ok(Self { quantile_map: false, white_balance, standard_gray, standard_mask, soft_mask })
    }

    /// What of it is done to the source domain.
    pub(crate) fn of_source(self) -> Self {
        Self { quantile_map: false, ..self }
    }

    /// What of it a model needs of every slide, for its card. The quantile map is for the target's alone, in training.
    pub(crate) fn named(self) -> Vec<String> {
        self.removal(Standard::default()).options()
    }

    fn removal(self, standard: Standard) -> Removal {
        let Self { white_balance, standard_gray, standard_mask, soft_mask, .. } = self;
        Removal { white_balance, standard_gray, standard_mask, soft_mask, standard }
    }
}
