//! The parameters of a network in training, with their optimizer.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Result, Tensor, backprop::GradStore};
use candle_nn::{VarBuilder, VarMap};

use crate::{
    adam::{Adam, AdamConfig},
    weights::{self, Fresh},
};

/// The parameters of G, D1, D2 or T.
pub(crate) struct Parameters {
    /// `g`, `d1`, `d2` or `t`: in the state file, and in errors.
    pub(crate) name: &'static str,
    pub(crate) variables: VarMap,
    pub(crate) adam: Adam,
}

impl Parameters {
    /// A fresh network, its weights drawn from the seed; `build` makes it of its parameters.
    pub(crate) fn new<N>(
        name: &'static str,
        seed: u64,
        adam: AdamConfig,
        device: &Device,
        build: impl FnOnce(&VarBuilder) -> Result<N>,
    ) -> Result<(Self, N)> {
        let variables = VarMap::new();
        let network = build(&VarBuilder::from_varmap(&variables, DType::F32, device))?;
        // G's weights are the ones it had when it was the only network.
        let prefix = if name == "g" { String::new() } else { format!("{name}.") };
        let fresh = if name == "t" { Fresh::Residual } else { Fresh::Small };
        weights::seed(&variables, seed, &prefix, fresh)?;
        let adam = Adam::new(weights::trainable(&variables), adam)?;
        Ok((Self { name, variables, adam }, network))
    }

    /// Scales gradients down until their norm over all variables is at most `limit`. Returns the norm before, which may
    /// not be finite; then nothing is changed.
    pub(crate) fn clip(&self, gradients: &mut GradStore, limit: f64) -> Result<f64> {
        let variables = weights::trainable(&self.variables);
        let mut squares = 0.0;
        for variable in variables.values() {
            if let Some(gradient) = gradients.get(variable) {
                squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
        }
        let norm = squares.sqrt();
        if norm.is_finite() && norm > limit {
            for variable in variables.values() {
                if let Some(gradient) = gradients.remove(variable) {
                    gradients.insert(variable, (gradient * (limit / norm))?);
                }
            }
        }
        Ok(norm)
    }

    /// Everything a run goes on from, as `<name>.weight.<parameter>`, `<name>.mean.<parameter>` and
    /// `<name>.square.<parameter>`.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, Tensor)> {
        let weights = weights::named(&self.variables)
            .into_iter()
            .map(|(name, variable)| (format!("weight.{name}"), variable.as_detached_tensor()));
        self.adam
            .state()
            .into_iter()
            .chain(weights)
            .map(|(key, tensor)| (format!("{}.{key}", self.name), tensor))
    }

    /// Takes the parameters of another network of the same shape, by their names.
    pub(crate) fn begin_with(&self, parameters: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, variable) in weights::named(&self.variables) {
            let Some(tensor) = parameters.get(&name) else { candle_core::bail!("{name} is missing") };
            variable.set(&tensor.to_device(variable.device())?)?;
        }
        Ok(())
    }

    /// Goes back to the state after `steps` steps of this network.
    pub(crate) fn restore(&mut self, steps: u64, state: &HashMap<String, Tensor>) -> Result<()> {
        let prefix = format!("{}.", self.name);
        let own: HashMap<String, Tensor> = state
            .iter()
            .filter_map(|(key, tensor)| Some((key.strip_prefix(&prefix)?.to_owned(), tensor.clone())))
            .collect();
        for (name, variable) in weights::named(&self.variables) {
            let Some(tensor) = own.get(&format!("weight.{name}")) else {
                candle_core::bail!("{prefix}weight.{name} is missing")
            };
            variable.set(&tensor.to_device(variable.device())?)?;
        }
        self.adam.restore(steps, &own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_the_direction_and_bounds_the_norm() -> Result<()> {
        let adam = AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let (parameters, [a, b]) = Parameters::new("d1", 1, adam, &Device::Cpu, |vb| {
            Ok([
                vb.get_with_hints(2, "a", candle_nn::init::ZERO)?,
                vb.get_with_hints(1, "b", candle_nn::init::ZERO)?,
            ])
        })?;
        // Gradients (3, 0) and (4): the norm is 5.
        let factors = Tensor::new(&[3_f32, 0.0], &Device::Cpu)?;
        let loss = ((&a * factors)?.sum_all()? + (&b * 4.0)?.sum_all()?)?;
        let mut gradients = loss.backward()?;
        let of = |gradients: &GradStore, x: &Tensor| gradients.get(x).map(Tensor::to_vec1::<f32>).transpose();
        assert!((parameters.clip(&mut gradients, 6.0)? - 5.0).abs() < 1e-6);
        assert_eq!(of(&gradients, &a)?, Some(vec![3.0, 0.0]));
        assert!((parameters.clip(&mut gradients, 1.0)? - 5.0).abs() < 1e-6);
        let clipped = [of(&gradients, &a)?, of(&gradients, &b)?].map(Option::unwrap_or_default).concat();
        assert!(clipped.iter().zip([0.6, 0.0, 0.8]).all(|(x, truth): (&f32, f32)| (x - truth).abs() < 1e-6));
        let loss = (&a * f64::INFINITY)?.sum_all()?;
        assert!(!parameters.clip(&mut loss.backward()?, 1.0)?.is_finite());
        Ok(())
    }

    #[test]
    fn networks_of_one_seed_differ_by_their_names() -> Result<()> {
        let adam = AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let fresh = |name| -> Result<Vec<f32>> {
            let build = |vb: &VarBuilder| vb.get((3, 4), "w");
            Parameters::new(name, 1, adam, &Device::Cpu, build)?.1.flatten_all()?.to_vec1()
        };
        assert_eq!(fresh("d1")?, fresh("d1")?);
        assert_ne!(fresh("d1")?, fresh("d2")?);
        Ok(())
    }
}
