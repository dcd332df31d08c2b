//! A moving average of G's parameters, often a better model than the last step's (Polyak & Juditsky 1992).

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Result, Tensor};
use candle_nn::VarMap;

use crate::weights;

/// The average of G's parameters. Running statistics are averaged as the rest is: they are those of parameters close by.
pub(crate) struct Ema {
    decay: f64,
    average: BTreeMap<String, Tensor>,
}

impl Ema {
    /// Begins with the parameters as they are.
    pub(crate) fn new(decay: f64, variables: &VarMap) -> Result<Self> {
        let copy =
            |(name, variable): (String, candle_core::Var)| Ok((name, variable.as_detached_tensor().copy()?));
        Ok(Self { decay, average: weights::named(variables).into_iter().map(copy).collect::<Result<_>>()? })
    }

    /// Takes in the parameters after step `step`, counted from 1. In the first steps the average forgets faster, as
    /// `(1 + step) / (10 + step)` (`num_updates` of TensorFlow's `ExponentialMovingAverage`), so that fresh weights do
    /// not linger in it.
    pub(crate) fn follow(&mut self, variables: &VarMap, step: u64) -> Result<()> {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        for (name, variable) in weights::named(variables) {
            if let Some(average) = self.average.get_mut(&name) {
                *average = ((&*average * decay)? + (variable.as_detached_tensor() * (1.0 - decay))?)?;
            }
        }
        Ok(())
    }

    /// The decay after the first steps.
    pub(crate) fn decay(&self) -> f64 {
        self.decay
    }

    /// The averages by the parameters' names.
    pub(crate) fn average(&self) -> &BTreeMap<String, Tensor> {
        &self.average
    }

    /// The averages on the CPU.
    pub(crate) fn on_cpu(&self) -> Result<BTreeMap<String, Tensor>> {
        let bring = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), tensor.to_device(&Device::Cpu)?));
        self.average.iter().map(bring).collect()
    }

    /// Goes back to the averages in `state`, named `ema.<parameter>`; stays as it is where there are none.
    pub(crate) fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        if !state.keys().any(|key| key.starts_with(PREFIX)) {
            return Ok(());
        }
        for (name, average) in &mut self.average {
            match state.get(&format!("{PREFIX}{name}")) {
                Some(saved) if saved.shape() == average.shape() => {
                    *average = saved.to_device(average.device())?;
                }
                _ => candle_core::bail!("{PREFIX}{name} is missing or has another shape"),
            }
        }
        Ok(())
    }
}

/// What the names of averages begin with in a state file.
pub(crate) const PREFIX: &str = "ema.";

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use candle_nn::VarBuilder;

    use super::*;

    #[test]
    fn averages_as_the_definition_says_and_forgets_its_start_faster() -> Result<()> {
        let variables = VarMap::new();
        VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu).get_with_hints(
            1,
            "x",
            candle_nn::init::ZERO,
        )?;
        let x = weights::named(&variables)["x"].clone();
        let mut ema = Ema::new(0.3, &variables)?;
        let mut truth = 0.0;
        for step in 1..=5_u8 {
            let value = f32::from(step * step);
            x.set(&Tensor::new(&[value], &Device::Cpu)?)?;
            ema.follow(&variables, u64::from(step))?;
            let early = (1.0 + f32::from(step)) / (10.0 + f32::from(step));
            let decay = early.min(0.3);
            truth = decay * truth + (1.0 - decay) * value;
            let average = ema.average()["x"].to_vec1::<f32>()?[0];
            assert!((average - truth).abs() < 1e-5, "{average} instead of {truth} after step {step}");
        }
        Ok(())
    }
}
