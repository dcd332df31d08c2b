//! Which regions are looked at at the finest level.

use std::collections::BTreeSet;

use restain_slide::{LevelRect, LevelSize};

use crate::look::Coarse;

/// How many regions of each kind of suspicion, and of how many one: small slides would else be read whole.
const WORST: (usize, usize) = (12, 8);
/// Columns and rows of the fields that the slide is cut into, each of which gives the region with most tissue.
const FIELDS: (i64, i64) = (6, 4);
/// Those of a slide with fewer than four regions for each of these.
const FEW_FIELDS: (i64, i64) = (3, 2);

/// The regions with the least structure kept, those that have become least sharp, those that were smooth and have most detail
/// added, and for the rest a spread of those with most tissue: the same for the same slide.
pub(crate) fn sample(coarse: &[Coarse], size: LevelSize) -> Vec<LevelRect> {
    let mut chosen = BTreeSet::new();
    let most = (coarse.len() / WORST.1).clamp(1, WORST.0);
    let (columns, rows) = if coarse.len() as i64 >= 4 * FIELDS.0 * FIELDS.1 { FIELDS } else { FEW_FIELDS };
    let figures: [fn(&Coarse) -> Option<f64>; 3] = [
        |region| region.structure,
        |region| region.sharpness,
        |region| region.structure.is_none().then_some(-region.detail),
    ];
    for figure in figures {
        let mut worst: Vec<(f64, usize)> =
            coarse.iter().enumerate().filter_map(|(i, region)| Some((figure(region)?, i))).collect();
        worst.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        chosen.extend(worst.into_iter().take(most).map(|(_, i)| i));
    }
    let mut fullest = vec![None::<usize>; (columns * rows) as usize];
    for (i, region) in coarse.iter().enumerate() {
        let (x, y) = (region.rect.min.x * columns / size.width, region.rect.min.y * rows / size.height);
        let best = &mut fullest[(y * columns + x) as usize];
        if region.structure.is_some() && best.is_none_or(|best| coarse[best].tissue < region.tissue) {
            *best = Some(i);
        }
    }
    chosen.extend(fullest.into_iter().flatten());
    chosen.into_iter().map(|i| coarse[i].rect).collect()
}
