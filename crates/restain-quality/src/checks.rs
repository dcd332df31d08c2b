//! The checks for harm: what each is, from which value on it fires, and why there.

use restain_stain::lab;
use serde::{Deserialize, Serialize};

use crate::{
    Region,
    examine::Evidence,
    look::{Coarse, Fine},
};

/// Why, where there is no value.
const NOTHING: &str = "Nothing could be measured.";
/// How many regions a check names.
const REGIONS: usize = 6;

/// One check of a slide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, such as `structure`.
    pub name: String,
    /// What was measured; `None` where there was nothing to measure.
    pub value: Option<f64>,
    /// Where it fires.
    pub threshold: f64,
    /// Whether it did.
    pub fired: bool,
    /// What that means, in a sentence.
    pub why: String,
    /// Where it is worst, worst first.
    pub regions: Vec<Region>,
}

/// Which way a figure gets worse.
#[derive(Clone, Copy)]
enum Worse {
    Below(f64),
    Above(f64),
}
use Worse::{Above, Below};

impl Worse {
    fn threshold(self) -> f64 {
        let (Below(threshold) | Above(threshold)) = self;
        threshold
    }

    fn fires(self, value: f64) -> bool {
        match self {
            Below(threshold) => value < threshold,
            Above(threshold) => value > threshold,
        }
    }

    /// Large where it is bad.
    fn badness(self, value: f64) -> f64 {
        match self {
            Below(_) => -value,
            Above(_) => value,
        }
    }
}

/// A check by its worst region.
fn by_worst(
    name: &str,
    worse: Worse,
    mut figures: Vec<(f64, Region)>,
    why: impl Fn(f64, bool) -> String,
) -> Check {
    figures.sort_by(|a, b| worse.badness(b.0).total_cmp(&worse.badness(a.0)));
    let value = figures.first().map(|figure| figure.0);
    let fired = value.is_some_and(|value| worse.fires(value));
    figures.truncate(REGIONS);
    Check {
        name: name.to_owned(),
        value,
        threshold: worse.threshold(),
        fired,
        why: value.map_or_else(|| NOTHING.to_owned(), |value| why(value, fired)),
        regions: figures.into_iter().map(|figure| figure.1).collect(),
    }
}

impl Evidence<'_> {
    fn coarse(&self, figure: impl Fn(&Coarse) -> Option<f64>) -> Vec<(f64, Region)> {
        let region = |region: &Coarse| Some((figure(region)?, Region::of(region.rect, self.scale)));
        self.coarse.iter().filter_map(region).collect()
    }

    fn fine(&self, figure: impl Fn(&Fine) -> Option<f64>) -> Vec<(f64, Region)> {
        let region = |(rect, fine): &(_, Fine)| Some((figure(fine)?, Region::of(*rect, self.scale)));
        self.fine.iter().filter_map(region).collect()
    }
}

/// All of them; `docs/quality-checks.md` has what their thresholds were measured on.
pub(crate) fn all(evidence: &Evidence<'_>) -> Vec<Check> {
    let mut checks = vec![
        structure(evidence),
        displacement(evidence),
        sharpness(evidence),
        hallucination(evidence),
        noise(evidence),
        red_blue(evidence),
        mask(evidence),
        clipping(evidence),
        background(evidence),
    ];
    checks.extend(kind(evidence));
    checks
}

/// The worst region's SSIM (Wang et al. 2004) of gray, after that of the output was given the region's mean and contrast before.
fn structure(evidence: &Evidence<'_>) -> Check {
    by_worst("structure", Below(0.7), evidence.coarse(|region| region.structure), |value, fired| {
        if fired {
            format!("In some place the output shows another structure than the slide (SSIM {value:.2}).")
        } else {
            format!("Structures are kept everywhere (SSIM {value:.2} at least).")
        }
    })
}

/// By how many pixels the gray of the output lies beside that of the slide.
fn displacement(evidence: &Evidence<'_>) -> Check {
    /// How much better the correlation must be there.
    const BETTER: f64 = 0.03;
    let length = |fine: &Fine| {
        let (by, better) = fine.offset?;
        Some(if better > BETTER { (by[0] as f64).hypot(by[1] as f64) } else { 0.0 })
    };
    by_worst("displacement", Above(3.0), evidence.fine(length), |value, fired| {
        if fired {
            format!("A part of the output lies {value:.0} px beside its place.")
        } else {
            "What was compared lies in its place.".to_owned()
        }
    })
}

/// The share of high frequencies after over that before.
fn sharpness(evidence: &Evidence<'_>) -> Check {
    by_worst("sharpness", Below(0.25), evidence.fine(|fine| fine.sharpness), |value, fired| {
        let share = 100.0 * value;
        if fired {
            format!("A part of the output is blurred: it has {share:.0}% of the slide's fine detail.")
        } else {
            format!("The output is as sharp as the slide (it has {share:.0}% of its fine detail at least).")
        }
    })
}

/// The share of a region where there are edges that were not there.
fn hallucination(evidence: &Evidence<'_>) -> Check {
    by_worst("hallucination", Above(0.01), evidence.coarse(|region| Some(region.edges)), |value, fired| {
        if fired {
            format!("The output shows edges that are not in the slide, on {:.1}% of a region.", 100.0 * value)
        } else {
            "The output shows no edges that are not in the slide.".to_owned()
        }
    })
}

/// How much more detail there is where the slide is flat.
fn noise(evidence: &Evidence<'_>) -> Check {
    by_worst("noise", Above(10.0), evidence.fine(|fine| fine.noise), |value, fired| {
        if fired {
            format!("The output has noise where the slide is smooth ({value:.1} levels more).")
        } else {
            "Where the slide is smooth, so is the output.".to_owned()
        }
    })
}

/// The cosine of R - B, each over that of its glass, before and after.
fn red_blue(evidence: &Evidence<'_>) -> Check {
    by_worst("red-blue", Below(-0.8), evidence.coarse(|region| region.colour), |value, fired| {
        if fired {
            format!(
                "What was warm has become cold, or the other way round, in some place (cosine {value:.2})."
            )
        } else {
            format!("No place has exchanged red and blue (cosine {value:.2} at least).")
        }
    })
}

/// The share of tissue whose mask, by which the paper encodes colour, is another one after.
fn mask(evidence: &Evidence<'_>) -> Check {
    let threshold = Above(0.4);
    let sum = |count: fn(&Coarse) -> u64| evidence.coarse.iter().map(count).sum::<u64>() as f64;
    let (changed, pixels) = (sum(|region| region.masks), sum(|region| region.pixels));
    let worst =
        evidence.coarse(|region| (region.tissue > 0.25).then(|| region.masks as f64 / region.pixels as f64));
    let value = (pixels > 0.0).then(|| changed / pixels);
    let fired = value.is_some_and(|value| threshold.fires(value));
    let why = value.map_or_else(
        || NOTHING.to_owned(),
        |value| {
            let share = 100.0 * value;
            let judged = if fired { "more than a change of style makes" } else { "as a change of style may" };
            format!(
                "Red became the strongest colour, or ceased to be it, on {share:.0}% of the tissue: {judged}."
            )
        },
    );
    Check { value, fired, why, ..by_worst("mask", threshold, worst, |_, _| String::new()) }
}

/// The share of a region that ends at 0 or, of tissue, at 255, and did not.
fn clipping(evidence: &Evidence<'_>) -> Check {
    by_worst("clipping", Above(0.05), evidence.coarse(|region| Some(region.clipped)), |value, fired| {
        let share = 100.0 * value;
        if fired {
            format!(
                "Colours end at black or at full light on {share:.0}% of a region, where they did not before."
            )
        } else {
            format!("Colours newly end at black or full light on {share:.1}% of a region at most.")
        }
    })
}

/// How far a* and b* of the glass are from the nearest of white, what they were, and those of the reference.
fn background(evidence: &Evidence<'_>) -> Check {
    let reference = evidence.reference.map(|reference| {
        let [_, a, b] = lab::from_srgb(reference.background.map(|level| level.round() as u8));
        [a, b]
    });
    let far = |region: &Coarse| {
        let [before, after] = region.glass?;
        let nearest = [[0.0; 2], before].into_iter().chain(reference);
        nearest.map(|[a, b]| (after[0] - a).hypot(after[1] - b)).min_by(f64::total_cmp)
    };
    by_worst("background", Above(9.0), evidence.coarse(far), |value, fired| {
        if fired {
            format!("Empty glass is tinted in some place: by {value:.0} in a* and b* of CIELAB.")
        } else {
            format!(
                "Empty glass is white, as it was, or as in the style (within {value:.0} in a* and b* of CIELAB)."
            )
        }
    })
}

/// How far the slide's tissue is from what the model saw in training.
fn kind(evidence: &Evidence<'_>) -> Option<Check> {
    let threshold = Above(1.5);
    let reference = evidence.reference?;
    if reference.profiles.is_empty() {
        return None;
    }
    let value = evidence.tissue.profile().and_then(|profile| reference.distance(&profile));
    let fired = value.is_some_and(|value| threshold.fires(value));
    let why = value.map_or_else(|| NOTHING.to_owned(), |value| {
        if fired {
            format!(
                "THE MODEL DOES NOT KNOW SLIDES OF THIS KIND: it is {value:.1} times as far from them as they are from each other. Do not trust the output."
            )
        } else {
            format!("The slide is of a kind that the model knows ({value:.1} times their own distance).")
        }
    });
    let name = "kind".to_owned();
    Some(Check { name, value, threshold: threshold.threshold(), fired, why, regions: vec![] })
}
