//! The weights of a fresh network, from the seed.

use candle_core::{Device, Tensor, Var};
use candle_nn::VarMap;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// How the weights of a fresh network are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// Normal with standard deviation 0.02 (pix2pix, Isola et al. 2017, 6.2): G and its discriminators.
    Small,
    /// Normal with variance 2 / (outputs x taps) in convolutions (He et al. 2015), uniform within 1 / sqrt(inputs) in
    /// fully connected layers, as torchvision does: T.
    Residual,
}

/// Draws the weights of convolutions and fully connected layers anew, from the seed, `prefix` and each one's name:
/// candle's own generator on the CPU cannot be seeded. Everything else begins constant.
pub(crate) fn seed(variables: &VarMap, seed: u64, prefix: &str, fresh: Fresh) -> candle_core::Result<()> {
    for (name, variable) in named(variables) {
        let dims = variable.dims();
        let values: Vec<f32> = if dims.len() < 2 {
            // The bias of a fully connected layer, which candle draws by chance.
            if fresh == Fresh::Small || name != "fc.bias" {
                continue;
            }
            vec![0.0; variable.elem_count()]
        } else {
            let key = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(prefix).chain_update(&name);
            let mut rng = ChaCha8Rng::from_seed(key.finalize().into());
            let mut draw: Box<dyn FnMut() -> f32> = match fresh {
                Fresh::Small => Box::new(|| 0.02 * normal(&mut rng)),
                Fresh::Residual if dims.len() == 4 => {
                    let deviation = (2.0 / (dims[0] * dims[2] * dims[3]) as f32).sqrt();
                    Box::new(move || deviation * normal(&mut rng))
                }
                Fresh::Residual => {
                    let bound = (dims[1] as f32).sqrt().recip();
                    Box::new(move || rng.random_range(-bound..bound))
                }
            };
            (0..variable.elem_count()).map(|_| draw()).collect()
        };
        variable
            .set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?.to_device(variable.device())?)?;
    }
    Ok(())
}

/// A value of the standard normal distribution (Box & Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

/// The variables, sorted by name.
pub(crate) fn named(variables: &VarMap) -> std::collections::BTreeMap<String, Var> {
    // A poisoned lock still guards whole variables: nothing is half written under it.
    let data = variables.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    data.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect()
}

/// The variables that gradients move: all but the running statistics of batch norm.
pub(crate) fn trainable(variables: &VarMap) -> std::collections::BTreeMap<String, Var> {
    named(variables).into_iter().filter(|(name, _)| !name.contains(".running_")).collect()
}
