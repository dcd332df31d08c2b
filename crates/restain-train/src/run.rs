//! A training run: data, steps, checkpoints, loss log, the finished model and its evaluation.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use candle_core::Device;
use restain_net::{ARCHITECTURE, Card, Checkpoint, Model, Precision, Storage};

use crate::{
    Error, Result, TrainConfig,
    dataset::{self, Split},
    evaluate::{Evaluation, evaluate},
    loader::Loader,
    losslog::{LOG_FILE, LossLog},
    patches::Sampler,
    state::{self, Identity, STATE_FILE, write_whole},
    trainer::Trainer,
};

/// Name of the evaluation in the output folder.
pub const EVALUATION_FILE: &str = "eval.json";

/// How far a run is, after each step.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The step just taken, counted from 1.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// L1 loss of the step's batch, images in 0..=1.
    pub loss: f32,
    /// Patches a second since the run was started or resumed.
    pub patches_per_second: f64,
    /// Time left at that rate.
    pub left: Duration,
}

/// What a run left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Steps taken in all, earlier parts of a resumed run included.
    pub steps: u64,
    /// The model after the last of them.
    pub model: PathBuf,
    /// What it reaches on the held-out fields; `None` where the run was stopped early or nothing is held out.
    pub evaluation: Option<Evaluation>,
}

/// Trains G by the configuration until the last step, or until `stop` is set, and writes model, training state, loss
/// log and evaluation to the output folder. A run that was stopped goes on with `resume` set.
///
/// `commit` is the commit of restain that trains, for the model card. At every checkpoint the model is written as
/// well, so that it can be tried while training goes on.
///
/// # Errors
/// If the data, the output folder or a saved state is faulty, or the loss is no longer finite.
pub fn run(
    config: &TrainConfig,
    commit: &str,
    device: &Device,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome> {
    let split = Split::find(config)?;
    let mut run = Run::open(config, commit, device, &split)?;
    let finished = run.train(&split, stop, progress)?;
    run.checkpoint()?;
    let evaluation = if finished { run.evaluate(&split, device)? } else { None };
    Ok(Outcome { steps: run.trainer.adam.steps(), model: run.model_path(), evaluation })
}

struct Run<'a> {
    config: &'a TrainConfig,
    commit: &'a str,
    identity: Identity,
    trainer: Trainer,
    log: LossLog,
}

impl<'a> Run<'a> {
    /// A fresh run, or the one saved in the output folder.
    fn open(config: &'a TrainConfig, commit: &'a str, device: &Device, split: &Split) -> Result<Self> {
        let identity = Identity::new(config, split);
        std::fs::create_dir_all(&config.output)
            .map_err(|source| Error::Write { path: config.output.clone(), source })?;
        let saved = config.output.join(STATE_FILE);
        let mut trainer = Trainer::new(config, device)?;
        if saved.exists() {
            if !config.resume {
                return Err(Error::Occupied { path: saved });
            }
            state::restore(&saved, &identity, &trainer.variables, &mut trainer.adam)?;
        }
        let log = LossLog::open(&config.output.join(LOG_FILE), trainer.adam.steps())?;
        Ok(Self { config, commit, identity, trainer, log })
    }

    /// Takes the steps left; returns whether the last one was reached.
    fn train(
        &mut self,
        split: &Split,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<bool> {
        let config = self.config;
        let first = self.trainer.adam.steps();
        if first >= config.steps {
            return Ok(true);
        }
        let sampler = Sampler {
            fields: dataset::decode(&split.training, config)?,
            patch: config.patch,
            batch: config.batch,
            seed: config.seed,
            augmentation: config.augmentation.clone(),
        };
        let started = Instant::now();
        std::thread::scope(|scope| {
            let mut loader = Loader::start(scope, &sampler, (first, config.steps), config.loader_threads);
            for step in first..config.steps {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let begun = Instant::now();
                let factor = config.schedule.factor(step, config.steps);
                let loss = self.trainer.step(&loader.next()?, config.patch, factor)?;
                let done = step + 1;
                let seconds = begun.elapsed().as_secs_f64();
                self.log.add(done, loss, factor * config.adam.learning_rate, seconds)?;
                let rate = (done - first) as f64 / started.elapsed().as_secs_f64();
                progress(&Progress {
                    step: done,
                    steps: config.steps,
                    loss,
                    patches_per_second: rate * f64::from(config.batch),
                    left: Duration::from_secs_f64((config.steps - done) as f64 / rate),
                });
                if done.is_multiple_of(config.checkpoint_every) && done < config.steps {
                    self.checkpoint()?;
                }
            }
            Ok(true)
        })
    }

    /// Writes loss log, training state and model, if the weights are sound.
    fn checkpoint(&mut self) -> Result<()> {
        self.log.flush()?;
        self.trainer.check_weights()?;
        let path = self.config.output.join(STATE_FILE);
        state::save(&path, &self.identity, &self.trainer.variables, &self.trainer.adam)?;
        Ok(self.model(BTreeMap::new())?.save(&self.model_path(), STORAGE)?)
    }

    /// Evaluates the model in the form in which it is stored, and writes the figures to a file and the model card.
    fn evaluate(&self, split: &Split, device: &Device) -> Result<Option<Evaluation>> {
        if split.held_out.is_empty() {
            return Ok(None);
        }
        let path = self.model_path();
        let bytes = self.model(BTreeMap::new())?.to_bytes(STORAGE)?;
        let evaluation =
            evaluate(&Model::from_bytes(&path, &bytes, &device.into(), Precision::F32)?, &split.held_out)?;
        let figures = BTreeMap::from([
            ("fields".to_owned(), evaluation.fields.len() as f64),
            ("l1".to_owned(), evaluation.model.l1),
            ("psnr".to_owned(), evaluation.model.psnr),
            ("ssim".to_owned(), evaluation.model.ssim),
        ]);
        // JSON knows no infinity, which is the PSNR of a perfect copy.
        let figures = figures.into_iter().filter(|(_, value)| value.is_finite()).collect();
        self.model(figures)?.save(&path, STORAGE)?;
        write_json(&self.config.output.join(EVALUATION_FILE), &evaluation)?;
        Ok(Some(evaluation))
    }

    /// The weights as they are now, with their card.
    fn model(&self, held_out: BTreeMap<String, f64>) -> Result<Checkpoint> {
        let fields = self.config.card.clone();
        let card = Card {
            name: self.config.name.clone(),
            architecture: ARCHITECTURE.to_owned(),
            base: self.config.base,
            source_style: fields.source_style,
            trained_on: fields.trained_on,
            licence: fields.licence,
            commit: self.commit.to_owned(),
            mpp: fields.mpp,
            sha256: String::new(), // set as it is saved
            held_out,
        };
        Ok(Checkpoint::of(card, &self.trainer.variables)?)
    }

    fn model_path(&self) -> PathBuf {
        self.config.output.join(format!("{}.safetensors", self.config.name))
    }
}

/// Half precision: rounding weights to 11 bits moves no output by a visible amount, and halves the file.
const STORAGE: Storage = Storage::F16;

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Write { path: path.to_path_buf(), source: error.into() })?;
    write_whole(path, json.as_bytes())
}
