//! The weights of a fresh network, from the seed.

use candle_core::{Device, Tensor, Var};
use candle_nn::VarMap;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Standard deviation of fresh weights (pix2pix, Isola et al. 2017, 6.2).
const STANDARD_DEVIATION: f32 = 0.02;

/// Draws the weights of convolutions and fully connected layers anew, from the seed, `prefix` and each one's name:
/// candle's own generator on the CPU cannot be seeded. Everything else keeps its constant start.
pub(crate) fn seed(variables: &VarMap, seed: u64, prefix: &str) -> candle_core::Result<()> {
    let named = named(variables);
    for (name, variable) in named.iter().filter(|(_, variable)| variable.rank() >= 2) {
        let key = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(prefix).chain_update(name);
        let key = key.finalize();
        let mut rng = ChaCha8Rng::from_seed(key.into());
        let values: Vec<f32> =
            (0..variable.elem_count()).map(|_| STANDARD_DEVIATION * normal(&mut rng)).collect();
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
