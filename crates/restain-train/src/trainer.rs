//! One step of stage one: per-pixel regression from GM to the image (paper, III.B.2a, equation 2).

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use restain_net::{Generator, mean_distance};

use crate::{Error, Result, TrainConfig, adam::Adam, error::While, patches::Batch, weights};

/// G in training: its variables and their optimizer.
pub(crate) struct Trainer {
    pub(crate) variables: VarMap,
    pub(crate) adam: Adam,
    generator: Generator,
    device: Device,
}

impl Trainer {
    /// A fresh G, its weights drawn from the seed.
    pub(crate) fn new(config: &TrainConfig, device: &Device) -> Result<Self> {
        let make = || {
            let variables = VarMap::new();
            let vb = VarBuilder::from_varmap(&variables, DType::F32, device);
            let generator = Generator::new(config.base, &vb)?;
            weights::seed(&variables, config.seed)?;
            let adam = Adam::new(weights::trainable(&variables), config.adam)?;
            Ok(Self { variables, generator, device: device.clone(), adam })
        };
        make().while_(|| format!("making a G of base width {}", config.base))
    }

    /// Takes one step and returns the loss before it. A loss that is not finite leaves the weights as they were.
    pub(crate) fn step(&mut self, batch: &Batch, side: u32, factor: f64) -> Result<f32> {
        let step = self.adam.steps() + 1;
        let doing = || format!("training step {step}");
        let loss = self.loss(batch, side as usize).while_(doing)?;
        let value = loss.to_scalar::<f32>().while_(doing)?;
        if !value.is_finite() {
            return Err(Error::NotFinite { step, what: "the loss".to_owned() });
        }
        loss.backward().and_then(|gradients| self.adam.step(&gradients, factor)).while_(doing)?;
        Ok(value)
    }

    /// Fails where a weight or a running statistic is no longer finite. The loss does not always show it: ReLU makes
    /// zeros of what is not a number.
    pub(crate) fn check_weights(&self) -> Result<()> {
        let step = self.adam.steps();
        for (name, variable) in weights::named(&self.variables) {
            let sum = variable.sum_all().and_then(|sum| sum.to_scalar::<f32>());
            if !sum.while_(|| format!("checking {name} after step {step}"))?.is_finite() {
                return Err(Error::NotFinite { step, what: format!("the weight {name}") });
            }
        }
        Ok(())
    }

    /// Equation 2 as a mean over the batch's values: the distance a value, whatever the size of the patches.
    fn loss(&self, batch: &Batch, side: usize) -> candle_core::Result<Tensor> {
        let tensor = |values: &[f32], channels: usize| {
            Tensor::from_slice(
                values,
                (values.len() / (channels * side * side), channels, side, side),
                &self.device,
            )
        };
        let output = self.generator.forward_t(&tensor(&batch.gm, 2)?, true)?;
        mean_distance(&output, &tensor(&batch.target, 3)?)
    }
}
