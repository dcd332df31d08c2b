//! The ways of treating the target's pictures, fitted and ready.

use rayon::prelude::*;
use restain_data::Part;
use restain_net::{Area, Model, Pixels, Window};
use restain_stain::{
    quantile::QuantileMap,
    reinhard::{Reinhard, Statistics},
    removal::keep_gray,
};
use restain_train::domain::{Colours, Preparation};

use crate::{Result, trained::Snapshot};

/// Patches that G takes at a time.
const AT_ONCE: usize = 32;
/// Patches of a domain that Reinhard's statistics are of.
const MEASURED: u64 = 256;
/// The step that they are drawn for.
const MEASURING: u64 = u64::MAX;

/// What is done to pictures of the target.
pub(crate) enum Method {
    None,
    Quantile(Box<QuantileMap>),
    Reinhard(Reinhard),
    Generator(Box<Trained>),
}

/// G, as it was on the way there, and the way of each domain to GM.
pub(crate) struct Trained {
    pub(crate) model: Model,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) source: Preparation,
    pub(crate) target: Preparation,
    /// Whether what G makes gets the gray that it has seen.
    pub(crate) keep_gray: bool,
}

impl Method {
    /// The quantile map of the target onto the source.
    pub(crate) fn quantile(source: &Part, target: &Part, seed: u64) -> Result<Self> {
        let [source, target] = [source, target].map(|part| Colours::measure(part, seed));
        Ok(Self::Quantile(Box::new(QuantileMap::between(&target?.histogram, &source?.histogram)?)))
    }

    /// Reinhard's transfer from the target to the source.
    pub(crate) fn reinhard(source: &Part, target: &Part, seed: u64) -> Result<Self> {
        let measure = |part: &Part| -> Result<Statistics> {
            let mut statistics = Statistics::new();
            for item in 0..MEASURED {
                statistics.add(&part.draw(seed, MEASURING, item)?.rgb);
            }
            Ok(statistics)
        };
        Ok(Self::Reinhard(Reinhard::fit(&measure(target)?, &measure(source)?)?))
    }

    /// Patches of the target, `side` x `side` px of interleaved RGB, as T is to see them.
    pub(crate) fn normalize(&self, patches: &[Vec<u8>], side: u32) -> Result<Vec<Vec<u8>>> {
        let each = |change: &(dyn Fn(&mut [u8]) + Sync)| {
            let changed = patches.par_iter().map(|patch| {
                let mut patch = patch.clone();
                change(&mut patch);
                patch
            });
            Ok(changed.collect())
        };
        match self {
            Self::None => Ok(patches.to_vec()),
            Self::Quantile(map) => each(&|rgb| map.apply(rgb)),
            Self::Reinhard(transfer) => each(&|rgb| transfer.apply(rgb)),
            Self::Generator(g) => g.restain(&g.model, &g.target, patches, side),
        }
    }

    /// Patches of the source and back again (paper, Table II); `None` where a method has nothing to do with them.
    pub(crate) fn reconstruct(&self, patches: &[Vec<u8>], side: u32) -> Result<Option<Vec<Vec<u8>>>> {
        match self {
            Self::Generator(g) => g.restain(&g.model, &g.source, patches, side).map(Some),
            _ => Ok(None),
        }
    }
}

impl Trained {
    /// What G, as it is or was in a snapshot, makes of patches of a domain, `side` x `side` px of interleaved RGB.
    pub(crate) fn restain(
        &self,
        model: &Model,
        preparation: &Preparation,
        patches: &[Vec<u8>],
        side: u32,
    ) -> Result<Vec<Vec<u8>>> {
        let side = side as usize;
        let mut restained = Vec::with_capacity(patches.len());
        for some in patches.chunks(AT_ONCE) {
            let gm = |rgb: &Vec<u8>| {
                let mut gm = vec![0.0; rgb.len() / 3 * 2];
                preparation.gm(rgb, &mut gm);
                gm
            };
            let gms: Vec<Vec<f32>> = some.iter().map(gm).collect();
            let window = |gm| Window { pixels: Pixels::Gm(gm), core: Area::whole(side, side) };
            let windows: Vec<Window<'_>> = gms.iter().map(|gm| window(gm)).collect();
            let mut made = model.restain(&windows, side, side)?;
            if self.keep_gray {
                for (rgb, gm) in made.iter_mut().zip(&gms) {
                    keep_gray(&gm[..side * side], rgb);
                }
            }
            restained.extend(made);
        }
        Ok(restained)
    }
}
