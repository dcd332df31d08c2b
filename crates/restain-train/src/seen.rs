//! What a model has seen in training, for its card.

use std::collections::BTreeMap;

use rayon::prelude::*;
use restain_data::{Padding, Part, Sample, Settings};
use restain_slide::Mpp;
use restain_stain::reference::{Picture, Reference};

use crate::{Result, TrainConfig, domain::MEASURING};

/// How many fields are measured at the most.
const FIELDS: usize = 24;
/// Side of a field in micrometres, where patches have a scale.
const SIDE: f64 = 256.0;
/// Side of a field in pixels at the most, and where patches are pixels as they are.
const MOST: u32 = 1024;
/// The step that fields are drawn for: neither one of the run nor that of what else is measured.
const STEP: u64 = MEASURING - 1;

/// What a run shows its networks: the colours of the source domain, and the tissue of both. `None` where the scale of the source
/// domain is not known, or fewer than three of its fields have cells; a target domain like that is left out.
///
/// # Errors
/// Where a picture cannot be read.
pub(crate) fn seen(source: &Part, target: Option<&Part>, config: &TrainConfig) -> Result<Option<Reference>> {
    let mut seen = of_part(source, config)?;
    if let (Some(seen), Some(target)) = (&mut seen, target) {
        seen.profiles.extend(of_part(target, config)?.into_iter().flat_map(|target| target.profiles));
    }
    Ok(seen)
}

/// Measures up to 24 fields of 1024 px or 256 micrometres; which ones depends on the run's seed. Their scale is that of patches, of
/// their picture, or else that of the card.
fn of_part(part: &Part, config: &TrainConfig) -> Result<Option<Reference>> {
    let patches = part.settings();
    let side = patches.mpp.map_or(MOST, |mpp| ((SIDE / mpp) as u32).clamp(1, MOST));
    // Beyond the edge of a small picture there is more of the same.
    let fields = part.with_settings(Settings { side, padding: Padding::Reflect, ..patches.clone() });
    let scale = |sample: &Sample| patches.mpp.or(sample.picture.mpp.map(Mpp::mean)).or(config.card.mpp);
    let chosen: Vec<(u64, &Sample, f64)> = (0..)
        .zip(spread(part.samples()))
        .filter_map(|(item, sample)| Some((item, sample, scale(sample)?)))
        .collect();
    let drawn = chosen
        .into_par_iter()
        .map(|(item, sample, mpp)| Ok((fields.draw_of(sample, config.seed, STEP, item)?.rgb, mpp)));
    // All are read before they are measured, so of several faulty files always the same one is named.
    let drawn = drawn.collect::<Vec<Result<_>>>();
    let mut drawn = drawn.into_iter().collect::<Result<Vec<(Vec<u8>, f64)>>>()?;
    // A picture no larger than a field may have been drawn twice.
    drawn.dedup_by(|one, other| one.0 == other.0);
    let pictures = drawn.iter().map(|(rgb, mpp)| Picture { rgb, width: side as usize, mpp: *mpp });
    Ok(Reference::of(pictures).ok())
}

/// A sample for each field: as many of each group, or groups that lie evenly among all; those of a group side by side, and
/// evenly among its samples.
fn spread(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let mut groups: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        groups.entry(&sample.group).or_default().push(sample);
    }
    let groups: Vec<Vec<&Sample>> = groups.into_values().collect();
    (0..FIELDS).map(move |field| {
        let at = field * groups.len();
        let group = &groups[at / FIELDS];
        group[at % FIELDS * group.len() / FIELDS]
    })
}
