//! A training run of T: steps, checkpoints that are tried on the held-out part, state, log.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::{Device, Tensor};
use candle_nn::ModuleT;
use rayon::prelude::*;
use restain_data::{Label, Part, keyed};
use restain_net::{TaskNetwork, TaskWeights};
use serde::{Deserialize, Serialize};

use super::{CLASSES, Classifier, TaskConfig, augment::Fitted, is_abnormal};
use crate::{
    Error, Losses, Progress, Result, Scores,
    domain::fingerprint,
    error::While,
    loader::Loader,
    loss::task_loss,
    losslog::{LOG_FILE, LossLog},
    network::Parameters,
    pace::Pace,
    patches::{planes, turn},
    state::{self, STATE_FILE},
    trainer::{descend, finite, labels},
};

/// Folder of the checkpoints in the output folder.
pub const CHECKPOINTS: &str = "checkpoints";

/// T as it was after some step.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Checkpoint {
    /// The step, counted from 1.
    pub step: u64,
    /// What T reached then on the held-out part.
    pub validation: Scores,
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Steps taken in all, earlier parts of a resumed run included.
    pub steps: u64,
    /// Weights of the checkpoint with the best accuracy on the held-out part, the last of equals; `None` where there is no
    /// checkpoint yet.
    pub weights: Option<PathBuf>,
    /// All checkpoints, by their steps.
    pub checkpoints: Vec<Checkpoint>,
}

/// What a state file says of itself.
#[derive(Deserialize, Serialize)]
struct About {
    step: u64,
    checkpoints: Vec<Checkpoint>,
    identity: Identity,
}

/// What must be the same for a run to be the same run.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
struct Identity {
    seed: u64,
    patches: restain_data::Settings,
    batch: u32,
    network: super::Network,
    sight: super::Sight,
    augmentation: super::Augmentation,
    source: String,
}

/// A line of the log.
#[derive(Serialize)]
struct Line {
    step: u64,
    task: f32,
    learning_rate: f64,
    patches_per_second: f64,
    waited: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    validation: Option<Scores>,
}

/// Trains T by the configuration until the last step, or until `stop` is set. Every checkpoint is kept in the folder
/// [`CHECKPOINTS`] of the output, and the best one as `<name>.safetensors` beside it. A run that was stopped goes on with
/// `resume` set; on a CPU the continued run is the undisturbed one bit for bit.
///
/// # Errors
/// If the data, the output folder or a saved state is faulty, a sample has no label, or a loss or gradient is not finite.
pub fn train(
    config: &TaskConfig,
    device: &Device,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome> {
    let parts = config.source.find(&config.patches)?;
    let held_out = parts.held_out.as_ref().unwrap_or(&parts.training);
    for part in [&parts.training, held_out] {
        let unlabelled = part.samples().iter().filter(|sample| sample.label.is_none()).count();
        if unlabelled > 0 {
            return Err(Error::Unlabelled {
                unlabelled,
                samples: part.samples().len(),
                what: "the task network",
            });
        }
    }
    let mut run = Run::open(config, device, &parts.training)?;
    run.train(&parts.training, held_out, stop, progress)?;
    let weights = run.best().map(|_| run.weights_path());
    Ok(Outcome { steps: run.parameters.adam.steps(), weights, checkpoints: run.checkpoints })
}

/// Patches and labels of a step.
struct Batch {
    images: Vec<f32>,
    labels: Vec<Option<Label>>,
}

struct Run<'a> {
    config: &'a TaskConfig,
    device: &'a Device,
    identity: Identity,
    parameters: Parameters,
    network: TaskNetwork,
    checkpoints: Vec<Checkpoint>,
    log: LossLog,
}

impl<'a> Run<'a> {
    /// A fresh run, or the one saved in the output folder.
    fn open(config: &'a TaskConfig, device: &'a Device, training: &Part) -> Result<Self> {
        let folder = config.output.join(CHECKPOINTS);
        std::fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder, source })?;
        let build = |vb: &candle_nn::VarBuilder| TaskNetwork::new(config.network.into(), CLASSES, vb);
        let (mut parameters, network) = Parameters::new("t", config.seed, config.adam, device, build)
            .while_(|| "making the task network".to_owned())?;
        if let Some(backbone) = &config.backbone {
            TaskWeights::load_backbone(backbone, config.network.into())?.give(&parameters.variables)?;
        }
        let identity = Identity {
            seed: config.seed,
            patches: config.patches.clone(),
            batch: config.batch,
            network: config.network,
            sight: config.sight,
            augmentation: config.augmentation,
            source: fingerprint(training.samples()),
        };
        let path = config.output.join(STATE_FILE);
        let mut checkpoints = Vec::new();
        if path.exists() {
            if !config.resume {
                return Err(Error::Occupied { path });
            }
            let (about, state): (About, _) = state::read(&path)?;
            let fault = |reason: String| Error::State { path: path.clone(), reason };
            if about.identity != identity {
                return Err(fault(
                    "network, data or settings differ from the run that was saved; start afresh in another `output`"
                        .to_owned(),
                ));
            }
            parameters.restore(about.step, &state).map_err(|error| fault(error.to_string()))?;
            checkpoints = about.checkpoints;
        }
        let log = LossLog::open(&config.output.join(LOG_FILE), parameters.adam.steps())?;
        Ok(Self { config, device, identity, parameters, network, checkpoints, log })
    }

    /// Takes the steps left.
    fn train(
        &mut self,
        training: &Part,
        held_out: &Part,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<()> {
        let config = self.config;
        let (first, steps) = (self.parameters.adam.steps(), config.steps);
        if first >= steps {
            return Ok(());
        }
        let augmentation = config.augmentation.fit(training, config.seed)?;
        let prepare = |step| batch(config, training, &augmentation, step);
        let mut pace = Pace::new((first, steps), config.batch);
        std::thread::scope(|scope| {
            let mut loader = Loader::start(scope, &prepare, (first, steps), config.loader_threads);
            for step in first..steps {
                if stop.load(Ordering::Relaxed) {
                    return self.save();
                }
                let batch = pace.waiting(|| loader.next())??;
                let learning_rate = config.learning_rate * config.schedule.factor(step, steps);
                let task = self.step(&batch, learning_rate)?;
                let (done, rate) = (step + 1, pace.after(step + 1));
                let due = done.is_multiple_of(config.checkpoint_every) || done == steps;
                let validation = if due { Some(self.checkpoint(done, held_out)?) } else { None };
                let (patches_per_second, waited) = (rate.patches_per_second, rate.waited);
                self.log.add(&Line {
                    step: done,
                    task,
                    learning_rate,
                    patches_per_second,
                    waited,
                    validation,
                })?;
                if due {
                    self.save()?;
                }
                let losses = Losses { g: task, task: Some(task), ..Losses::default() };
                progress(&Progress {
                    step: done,
                    steps,
                    stage: 1,
                    losses,
                    patches_per_second,
                    waited,
                    left: rate.left,
                });
            }
            Ok(())
        })
    }

    /// Takes one step and returns the loss before it.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<f32> {
        let step = self.parameters.adam.steps() + 1;
        let side = self.config.patches.side as usize;
        let loss = || {
            let images = Tensor::from_slice(&batch.images, (batch.labels.len(), 3, side, side), self.device)?;
            task_loss(&self.network.forward_t(&images, true)?, &labels(&batch.labels, self.device)?)
        };
        let loss = loss().while_(|| format!("training step {step}, the task network"))?;
        let value = finite(&loss, "task", step)?;
        descend(&mut self.parameters, &loss, (learning_rate, self.config.clip), step)?;
        Ok(value)
    }

    /// Tries T on the held-out part, and keeps its weights.
    fn checkpoint(&mut self, step: u64, held_out: &Part) -> Result<Scores> {
        let weights = TaskWeights::of(&self.network, &self.parameters.variables)?;
        let classifier = Classifier::new(weights.frozen(self.device)?, self.config.sight, self.device);
        let patches = held_out.samples().par_iter().map(|sample| held_out.read(sample));
        let patches: Vec<_> = patches.collect::<Vec<_>>().into_iter().collect::<Result<_, _>>()?;
        let pixels: Vec<&[u8]> = patches.iter().map(|patch| &*patch.rgb).collect();
        let probabilities = classifier.probabilities(&pixels, self.config.patches.side)?;
        let predictions: Vec<_> = probabilities.into_iter().zip(patches.iter().map(is_abnormal)).collect();
        let validation = Scores::of(&predictions)
            .ok_or(Error::NotFinite { step, what: "what the task network says".to_owned() })?;
        weights.save(&checkpoint_path(&self.config.output, step))?;
        self.checkpoints.push(Checkpoint { step, validation });
        if self.best() == Some(step) {
            weights.save(&self.weights_path())?;
        }
        Ok(validation)
    }

    /// The step of the checkpoint with the best accuracy, the last of equals.
    fn best(&self) -> Option<u64> {
        let accuracy = |checkpoint: &Checkpoint| checkpoint.validation.accuracy;
        let better = |a: &&Checkpoint, b: &&Checkpoint| accuracy(a).total_cmp(&accuracy(b));
        self.checkpoints.iter().max_by(better).map(|checkpoint| checkpoint.step)
    }

    fn save(&mut self) -> Result<()> {
        self.log.flush()?;
        let about = About {
            step: self.parameters.adam.steps(),
            checkpoints: self.checkpoints.clone(),
            identity: self.identity.clone(),
        };
        let tensors: HashMap<_, _> = self.parameters.state().collect();
        state::write(&self.config.output.join(STATE_FILE), &about, &tensors)
    }

    fn weights_path(&self) -> PathBuf {
        self.config.output.join(format!("{}.safetensors", self.config.name))
    }
}

/// Where the weights after a step are kept.
pub fn checkpoint_path(output: &Path, step: u64) -> PathBuf {
    output.join(CHECKPOINTS).join(format!("{step}.safetensors"))
}

/// The batch of a step, which depends on the seed and the step alone.
fn batch(config: &TaskConfig, part: &Part, augmentation: &Fitted, step: u64) -> Result<Batch> {
    let mut batch = Batch { images: Vec::new(), labels: Vec::new() };
    for item in 0..u64::from(config.batch) {
        let patch = part.draw(config.seed, step, item)?;
        let mut rng = keyed(config.seed, step, item);
        rng.set_stream(1); // the part has drawn from stream 0
        let mut rgb = turn(&patch.rgb, patch.side, &mut rng);
        augmentation.change(&mut rgb, &mut rng);
        config.sight.look(&mut rgb);
        planes(&rgb, &mut batch.images);
        batch.labels.push(patch.label);
    }
    Ok(batch)
}
