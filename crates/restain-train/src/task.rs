//! T, the task network (paper, IV.B.1): its training, and what it says of patches.

mod augment;
mod config;
mod run;

use std::path::Path;

use candle_core::{Device, Tensor};
use candle_nn::ModuleT;
use restain_data::{Label, Patch};
use restain_net::{ResNet, TaskNetwork, TaskWeights};
use restain_stain::removal::gray;
use serde::{Deserialize, Serialize};

pub use augment::Augmentation;
pub use config::TaskConfig;
pub use run::{CHECKPOINTS, Checkpoint, Outcome, checkpoint_path, train};

use crate::{Result, config::Guide, error::While, patches::planes};

/// What T tells apart: normal, then abnormal.
pub(crate) const CLASSES: usize = 2;
/// Patches that T takes at a time where it learns nothing.
const AT_ONCE: usize = 64;

/// Which network T is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The number of its layers.
    pub kind: Kind,
    /// Channels after the first convolution; all others follow. Weights of torchvision have 64.
    pub width: usize,
}

/// A residual network by the number of its layers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The small choice.
    Resnet18,
    /// The network of the paper.
    Resnet50,
}

impl Default for Network {
    fn default() -> Self {
        Self { kind: Kind::Resnet50, width: 64 }
    }
}

impl From<Network> for ResNet {
    fn from(network: Network) -> Self {
        let kind = match network.kind {
            Kind::Resnet18 => Self::R18,
            Kind::Resnet50 => Self::R50,
        };
        kind.with_width(network.width)
    }
}

impl Guide {
    /// T with its weights, frozen.
    pub(crate) fn load(&self, device: &Device) -> Result<TaskNetwork> {
        Ok(TaskWeights::load(&self.weights, self.network.into(), CLASSES)?.frozen(device)?)
    }
}

/// What T sees of a patch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// Its colours.
    #[default]
    Colour,
    /// Its gray, three times: the row "Gray" of Table I.
    Gray,
}

impl Sight {
    /// Changes interleaved RGB to what T sees.
    pub(crate) fn look(self, rgb: &mut [u8]) {
        if self == Self::Gray {
            for pixel in rgb.as_chunks_mut::<3>().0 {
                *pixel = [(255.0 * gray(*pixel)).round() as u8; 3];
            }
        }
    }
}

/// A trained T, frozen.
#[derive(Clone, Debug)]
pub struct Classifier {
    network: TaskNetwork,
    sight: Sight,
    device: Device,
}

impl Classifier {
    /// Loads T.
    ///
    /// # Errors
    /// If the weights cannot be read or are of another network.
    pub fn load(weights: &Path, network: Network, sight: Sight, device: &Device) -> Result<Self> {
        let guide = Guide { weights: weights.to_owned(), network };
        Ok(Self { network: guide.load(device)?, sight, device: device.clone() })
    }

    pub(crate) fn new(network: TaskNetwork, sight: Sight, device: &Device) -> Self {
        Self { network, sight, device: device.clone() }
    }

    /// How probable it is, in 0..=1, that each of some square patches of interleaved RGB, all of one `side`, is abnormal.
    ///
    /// # Errors
    /// If the network fails.
    pub fn probabilities(&self, patches: &[&[u8]], side: u32) -> Result<Vec<f64>> {
        let run = |x: &Tensor| {
            let logits = self.network.forward_t(x, false)?;
            let odds = (logits.narrow(1, 1, 1)? - logits.narrow(1, 0, 1)?)?.squeeze(1)?;
            odds.to_vec1::<f32>()
        };
        let odds = self.each(patches, side, run)?;
        Ok(odds.into_iter().map(|odds| 1.0 / (1.0 + f64::from(-odds).exp())).collect())
    }

    /// What T sees in each of some patches before it decides.
    ///
    /// # Errors
    /// If the network fails.
    pub fn features(&self, patches: &[&[u8]], side: u32) -> Result<Vec<Vec<f32>>> {
        self.each(patches, side, |x| self.network.features(x, false)?.to_vec2::<f32>())
    }

    fn each<T>(
        &self,
        patches: &[&[u8]],
        side: u32,
        run: impl Fn(&Tensor) -> candle_core::Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::with_capacity(patches.len());
        for some in patches.chunks(AT_ONCE) {
            let mut images = Vec::new();
            for &patch in some {
                let mut rgb = patch.to_vec();
                self.sight.look(&mut rgb);
                planes(&rgb, &mut images);
            }
            let shape = (some.len(), 3, side as usize, side as usize);
            let x = Tensor::from_vec(images, shape, &self.device);
            all.extend(x.and_then(|x| run(&x)).while_(|| "running the task network".to_owned())?);
        }
        Ok(all)
    }
}

/// Whether a patch is labelled abnormal.
pub(crate) fn is_abnormal(patch: &Patch) -> bool {
    patch.label == Some(Label::Abnormal)
}
