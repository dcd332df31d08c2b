//! One step of training: D1 and D2 learn to tell, then G learns from them and from the images (paper, III.B.2 and III.C).

use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use restain_data::Label;
use restain_net::{Checkpoint, Discriminator, Generator, TaskNetwork, mean_distance};

use crate::{
    Error, Result, TrainConfig,
    config::Gan,
    ema::Ema,
    error::While,
    loss::{discriminator_loss, generator_loss, task_loss},
    losses::Losses,
    network::Parameters,
    patches::Batch,
    stage::{Loss, Place},
    weights,
};

/// What one step trains on.
pub(crate) struct Patches {
    /// Of the source domain.
    pub(crate) source: Batch,
    /// Of the target domain, for the stages that want them.
    pub(crate) target: Option<Batch>,
}

/// G and its discriminators in training.
pub(crate) struct Trainer {
    pub(crate) g: Parameters,
    /// The discriminators that some stage of the run asks for.
    pub(crate) d1: Option<Adversary>,
    pub(crate) d2: Option<Adversary>,
    pub(crate) ema: Option<Ema>,
    generator: Generator,
    /// T, frozen.
    task: Option<TaskNetwork>,
    gan: Gan,
    clip: Option<f64>,
    side: usize,
    device: Device,
}

/// A discriminator in training.
pub(crate) struct Adversary {
    pub(crate) parameters: Parameters,
    discriminator: Discriminator,
}

impl Trainer {
    /// Fresh networks, their weights drawn from the seed, or those of G the ones of `begin`.
    pub(crate) fn new(config: &TrainConfig, begin: Option<&Checkpoint>, device: &Device) -> Result<Self> {
        let side = config.patches.side as usize;
        let adversary = |name, loss| -> candle_core::Result<Option<Adversary>> {
            if !config.stages.iter().any(|stage| stage.has(loss)) {
                return Ok(None);
            }
            let build = |vb: &VarBuilder| Discriminator::new(config.gan.base, side, vb);
            let (parameters, discriminator) = Parameters::new(name, config.seed, config.adam, device, build)?;
            Ok(Some(Adversary { parameters, discriminator }))
        };
        let guide = config.task.as_ref().filter(|_| config.stages.iter().any(|stage| stage.has(Loss::Task)));
        let task = guide.map(|guide| guide.load(device)).transpose()?;
        let make = || {
            let build = |vb: &VarBuilder| Generator::new(config.base, vb);
            let (g, generator) = Parameters::new("g", config.seed, config.adam, device, build)?;
            if let Some(begin) = begin {
                g.begin_with(&begin.parameters)?;
            }
            let ema = config.ema.map(|decay| Ema::new(decay, &g.variables)).transpose()?;
            let (d1, d2) = (adversary("d1", Loss::Gan1)?, adversary("d2", Loss::Gan2)?);
            let (gan, clip, device) = (config.gan, config.clip, device.clone());
            Ok(Self { g, d1, d2, ema, generator, task, gan, clip, side, device })
        };
        make().while_(|| format!("making the networks, G of base width {}", config.base))
    }

    /// Steps taken in all: G moves in each.
    pub(crate) fn steps(&self) -> u64 {
        self.g.adam.steps()
    }

    /// The networks in training.
    pub(crate) fn networks(&self) -> impl Iterator<Item = &Parameters> {
        let adversaries = [&self.d1, &self.d2].into_iter().flatten();
        std::iter::once(&self.g).chain(adversaries.map(|adversary| &adversary.parameters))
    }

    /// The networks in training, to restore them.
    pub(crate) fn networks_mut(&mut self) -> impl Iterator<Item = &mut Parameters> {
        let adversaries = [&mut self.d1, &mut self.d2].into_iter().flatten();
        std::iter::once(&mut self.g).chain(adversaries.map(|adversary| &mut adversary.parameters))
    }

    /// Begins the moving average, where there is one, with the parameters as they are.
    pub(crate) fn restart_ema(&mut self) -> candle_core::Result<()> {
        if let Some(ema) = &mut self.ema {
            *ema = Ema::new(ema.decay(), &self.g.variables)?;
        }
        Ok(())
    }

    /// Takes one step and returns its losses. Fails at the first loss that is not finite.
    pub(crate) fn step(&mut self, patches: &Patches, place: Place) -> Result<Losses> {
        let step = self.steps() + 1;
        let stage = place.stage;
        let mut losses = Losses::default();
        let doing = |what: &'static str| move || format!("training step {step}, {what}");

        // Both domains go through G as one batch: batch norm then sees, in training as at use, one set of statistics for
        // both, and the running ones follow it. Batches of their own would have each domain normalized by itself, which
        // no slide is at use.
        let count = patches.source.gm.len() / (2 * self.side * self.side);
        let generate = || {
            let source = self.tensor(&patches.source.gm, 2)?;
            let gm = match &patches.target {
                Some(target) => Tensor::cat(&[source, self.tensor(&target.gm, 2)?], 0)?,
                None => source,
            };
            let output = self.generator.forward_t(&gm, true)?;
            let target = output.dim(0)? - count;
            let of_target = (target > 0).then(|| output.narrow(0, count, target)).transpose()?;
            Ok((output.narrow(0, 0, count)?, of_target, self.tensor(&patches.source.images, 3)?))
        };
        let (from_source, from_target, real) = generate().while_(doing("G"))?;

        let rate = place.factor * stage.learning_rate.d.unwrap_or(0.0);
        let d1 = self.d1.as_mut().filter(|_| stage.has(Loss::Gan1));
        let d2 = self.d2.as_mut().filter(|_| stage.has(Loss::Gan2));
        let mut guides = Vec::with_capacity(2);
        for (loss, adversary, generated, value) in [
            (Loss::Gan1, d1, Some(&from_source), &mut losses.d1),
            (Loss::Gan2, d2, from_target.as_ref(), &mut losses.d2),
        ] {
            if let (Some(adversary), Some(generated)) = (adversary, generated) {
                *value = Some(adversary.learn(&real, generated, (rate, self.clip), step)?);
                guides.push((loss, adversary.discriminator.frozen(), generated));
            }
        }

        // (5): D1 and D2, as they are now, guide G.
        let mut terms = Vec::with_capacity(4);
        if let Some(weight) = stage.weight(Loss::L1) {
            let distance = mean_distance(&from_source, &real).while_(doing("loss l1"))?;
            losses.l1 = Some(finite(&distance, "l1", step)?);
            terms.push((distance, weight));
        }
        if let (Some(task), Some(weight)) = (&self.task, stage.weight(Loss::Task)) {
            let labels = labels(&patches.source.labels, &self.device);
            let term = task.forward_t(&from_source, false).and_then(|logits| task_loss(&logits, &labels?));
            let term = term.while_(doing("loss task"))?;
            losses.task = Some(finite(&term, "task", step)?);
            terms.push((term, weight));
        }
        for (loss, guide, generated) in guides {
            let (name, value) = match loss {
                Loss::Gan1 => ("gan1", &mut losses.gan1),
                _ => ("gan2", &mut losses.gan2),
            };
            let term = guide.logits(generated).and_then(|logits| generator_loss(self.gan.form, &logits));
            let term = term.while_(doing(name))?;
            *value = Some(finite(&term, name, step)?);
            terms.push((term, stage.weight(loss).unwrap_or_default()));
        }
        let sum = weighted_sum(terms).while_(doing("the sum of losses"))?;
        losses.g = finite(&sum, "g", step)?;
        descend(&mut self.g, &sum, (place.factor * stage.learning_rate.g, self.clip), step)?;
        if let Some(ema) = &mut self.ema {
            ema.follow(&self.g.variables, step).while_(doing("the moving average"))?;
        }
        Ok(losses)
    }

    /// Fails where a weight or a running statistic is no longer finite. The losses do not always show it: ReLU makes
    /// zeros of what is not a number.
    pub(crate) fn check_weights(&self) -> Result<()> {
        let step = self.steps();
        for network in self.networks() {
            for (name, variable) in weights::named(&network.variables) {
                let name = format!("{}.{name}", network.name);
                let sum = variable.sum_all().and_then(|sum| sum.to_scalar::<f32>());
                if !sum.while_(|| format!("checking {name} after step {step}"))?.is_finite() {
                    return Err(Error::NotFinite { step, what: format!("the weight {name}") });
                }
            }
        }
        Ok(())
    }

    /// What G, as it is, makes of GM `[N, 2, side, side]`: `[N, 3, side, side]` in 0..=1.
    pub(crate) fn reconstruct(&self, gm: &[f32]) -> Result<Vec<f32>> {
        let output = self.tensor(gm, 2).and_then(|gm| self.generator.forward_t(&gm, false));
        output.and_then(|output| output.flatten_all()?.to_vec1()).while_(|| "reconstructing".to_owned())
    }

    /// A batch of square images.
    fn tensor(&self, values: &[f32], channels: usize) -> candle_core::Result<Tensor> {
        let count = values.len() / (channels * self.side * self.side);
        Tensor::from_slice(values, (count, channels, self.side, self.side), &self.device)
    }
}

impl Adversary {
    /// Takes one step towards telling real images from generated ones, which G does not feel, and returns the loss
    /// before it.
    fn learn(&mut self, real: &Tensor, generated: &Tensor, how: How, step: u64) -> Result<f32> {
        let name = self.parameters.name;
        // In batches of their own: each has the statistics of its kind.
        let logits = |images: &Tensor| self.discriminator.logits(images);
        let loss = logits(real)
            .and_then(|real| discriminator_loss(&real, &logits(&generated.detach())?))
            .while_(|| format!("training step {step}, {name}"))?;
        let value = finite(&loss, name, step)?;
        descend(&mut self.parameters, &loss, how, step)?;
        Ok(value)
    }
}

/// 1 for each abnormal image, else 0, `[N]`.
pub(crate) fn labels(labels: &[Option<Label>], device: &Device) -> candle_core::Result<Tensor> {
    let values = labels.iter().map(|label| f32::from(u8::from(*label == Some(Label::Abnormal))));
    Tensor::from_iter(values, device)
}

/// Learning rate, and the largest norm of a gradient.
pub(crate) type How = (f64, Option<f64>);

/// Moves a network one step down the gradient of a loss.
pub(crate) fn descend(network: &mut Parameters, loss: &Tensor, (rate, clip): How, step: u64) -> Result<()> {
    let name = network.name;
    let doing = || format!("training step {step}, the gradient of {name}");
    let mut gradients = loss.backward().while_(doing)?;
    if let Some(limit) = clip
        && !network.clip(&mut gradients, limit).while_(doing)?.is_finite()
    {
        return Err(Error::NotFinite { step, what: format!("the gradient of {name}") });
    }
    network.adam.step(&gradients, rate).while_(doing)
}

/// The value of a loss, which has to be finite.
pub(crate) fn finite(loss: &Tensor, name: &str, step: u64) -> Result<f32> {
    let value = loss.to_dtype(DType::F32).and_then(|loss| loss.to_scalar::<f32>());
    let value = value.while_(|| format!("training step {step}, loss {name}"))?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::NotFinite { step, what: format!("the loss {name}") })
    }
}

/// The sum of tensors times their weights; there is at least one.
fn weighted_sum(terms: Vec<(Tensor, f64)>) -> candle_core::Result<Tensor> {
    let mut weighted = terms.into_iter().map(|(term, weight)| term * weight);
    let Some(first) = weighted.next() else { candle_core::bail!("a stage without a loss") };
    weighted.try_fold(first?, |sum, term| sum + term?)
}
