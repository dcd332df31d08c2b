//! What is measured of a row: accuracy at every checkpoint of T, nearness to the truth, distances to the source.

use candle_core::Device;
use rayon::prelude::*;
use restain_data::{Label, Part};
use restain_stain::{
    gaussian::Gaussian,
    histogram::{Histogram, bhattacharyya},
    metrics::{ColourDifference, Difference, Ssim, frechet},
};
use restain_train::{
    Scores,
    domain::Preparation,
    task::{Checkpoint, Classifier, Network, checkpoint_path},
};

use crate::{CheckpointResult, Error, Fidelity, Result, Seen, trained::TrainedTask};

/// Most dimensions of features that their Fréchet distance is taken in; its time grows with their cube.
const DIMENSIONS: usize = 128;

/// The patches of a part, each about its sample, in the order of the samples.
pub(crate) struct Patches {
    pub(crate) rgb: Vec<Vec<u8>>,
    /// Whether each is abnormal; `None` where one has no label.
    pub(crate) abnormal: Option<Vec<bool>>,
}

impl Patches {
    /// Reads at most `most` of the samples, spread evenly.
    pub(crate) fn read(part: &Part, most: usize) -> Result<Self> {
        let step = part.samples().len().div_ceil(most).max(1);
        let samples: Vec<_> = part.samples().iter().step_by(step).collect();
        let patches: Vec<_> = samples.par_iter().map(|sample| Ok(part.read(sample)?.rgb)).collect();
        let abnormal = samples.iter().map(|sample| Some(sample.label? == Label::Abnormal)).collect();
        Ok(Self { rgb: patches.into_iter().collect::<Result<_>>()?, abnormal })
    }
}

/// What every checkpoint of T says of patches, which are as it is to see them.
pub(crate) fn checkpoints(
    task: &TrainedTask,
    network: Network,
    device: &Device,
    patches: &[Vec<u8>],
    abnormal: Option<&[bool]>,
    side: u32,
) -> Result<Vec<CheckpointResult>> {
    let try_one = |Checkpoint { step, validation }: &Checkpoint| {
        let target = match abnormal {
            None => None,
            Some(abnormal) => {
                let weights = checkpoint_path(&task.folder, *step);
                let t = Classifier::load(&weights, network, task.sight, device)?;
                Some(scores(&t, patches, abnormal, side)?)
            }
        };
        Ok(CheckpointResult { step: *step, validation: *validation, target })
    };
    task.outcome.checkpoints.iter().map(try_one).collect()
}

/// What one T says of patches, which are as it is to see them.
pub(crate) fn scores(t: &Classifier, patches: &[Vec<u8>], abnormal: &[bool], side: u32) -> Result<Scores> {
    let pixels: Vec<&[u8]> = patches.iter().map(Vec::as_slice).collect();
    let said = t.probabilities(&pixels, side)?;
    let pairs: Vec<_> = said.into_iter().zip(abnormal.iter().copied()).collect();
    Scores::of(&pairs).ok_or(Error::Nothing("the task network says what is no probability"))
}

/// How far GM of the target's patches is from that of the truth's, each prepared as its domain is.
pub(crate) fn seen(
    [of_target, of_truth]: [&Preparation; 2],
    patches: &[Vec<u8>],
    truth: &[Vec<u8>],
) -> Option<Seen> {
    let (mut gray, mut mask, mut pixels) = (0.0, 0.0, 0);
    for (patch, truth) in patches.iter().zip(truth) {
        let count = patch.len() / 3;
        let (mut a, mut b) = (vec![0.0; 2 * count], vec![0.0; 2 * count]);
        of_target.gm(patch, &mut a);
        of_truth.gm(truth, &mut b);
        let apart = |range: std::ops::Range<usize>| -> f64 {
            a[range.clone()].iter().zip(&b[range]).map(|(a, b)| f64::from((a - b).abs())).sum()
        };
        gray += apart(0..count);
        mask += apart(count..2 * count);
        pixels += count;
    }
    (pixels > 0).then(|| Seen { gray: 255.0 * gray / pixels as f64, mask: mask / pixels as f64 })
}

/// How near patches are to the truth.
pub(crate) fn fidelity(patches: &[Vec<u8>], truth: &[Vec<u8>], side: u32) -> Option<Fidelity> {
    let (mut difference, mut colour) = (Difference::new(), ColourDifference::new());
    let mut ssim = 0.0;
    for (patch, truth) in patches.iter().zip(truth) {
        difference.add(patch, truth);
        colour.add(patch, truth);
        let mut one = Ssim::new(side as usize);
        one.push_rows(patch, truth);
        ssim += one.mean()? / patches.len() as f64;
    }
    Some(Fidelity { psnr: difference.psnr()?, ssim, ciede2000: colour.mean()? })
}

/// The histogram of patches.
pub(crate) fn histogram(patches: &[Vec<u8>]) -> Histogram {
    let mut histogram = Histogram::new();
    for patch in patches {
        histogram.add(patch);
    }
    histogram
}

/// Bhattacharyya distance of two sets of patches.
pub(crate) fn colour_distance(a: &[Vec<u8>], b: &[Vec<u8>]) -> Option<f64> {
    bhattacharyya(&histogram(a), &histogram(b))
}

/// Squared Fréchet distance of the colours of two sets of patches.
pub(crate) fn frechet_of_colours(a: &[Vec<u8>], b: &[Vec<u8>]) -> Option<f64> {
    let of = |patches: &[Vec<u8>]| {
        let mut gaussian = Gaussian::new(3);
        for patch in patches {
            gaussian.add_rgb(patch);
        }
        gaussian
    };
    frechet(&of(a), &of(b))
}

/// Squared Fréchet distance of the best T's features of two sets of patches; of many features the means of neighbours.
pub(crate) fn frechet_of_features(
    task: &TrainedTask,
    network: Network,
    device: &Device,
    [a, b]: [&[Vec<u8>]; 2],
    side: u32,
) -> Result<Option<f64>> {
    let Some(weights) = &task.outcome.weights else { return Ok(None) };
    let t = Classifier::load(weights, network, task.sight, device)?;
    let of = |patches: &[Vec<u8>]| -> Result<Option<Gaussian>> {
        let pixels: Vec<&[u8]> = patches.iter().map(Vec::as_slice).collect();
        let mut gaussian: Option<Gaussian> = None;
        for features in t.features(&pixels, side)? {
            let neighbours = features.len().div_ceil(DIMENSIONS);
            let mean =
                |some: &[f32]| some.iter().map(|&value| f64::from(value)).sum::<f64>() / some.len() as f64;
            let features: Vec<f64> = features.chunks(neighbours).map(mean).collect();
            gaussian.get_or_insert_with(|| Gaussian::new(features.len())).add(&features);
        }
        Ok(gaussian)
    };
    Ok(of(a)?.zip(of(b)?).and_then(|(a, b)| frechet(&a, &b)))
}
