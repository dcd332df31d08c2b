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
    error::While,
    evaluate::{Evaluation, evaluate},
    loader::Loader,
    losses::Losses,
    losslog::{LOG_FILE, LossLog},
    patches::{Domain, Sampler},
    stage::{self, Loss},
    state::{self, Identity, STATE_FILE, write_whole},
    trainer::{Patches, Trainer},
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
    /// The step's stage, counted from 1.
    pub stage: usize,
    /// The step's losses.
    pub losses: Losses,
    /// Patches of the source domain a second since the run was started or resumed.
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
/// If the data, the output folder or a saved state is faulty, or a loss or weight is no longer finite; the output folder
/// then holds what the last checkpoint wrote.
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
    Ok(Outcome { steps: run.trainer.steps(), model: run.model_path(), evaluation })
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
            state::restore(&saved, &identity, config, &mut trainer)?;
        }
        let log = LossLog::open(&config.output.join(LOG_FILE), trainer.steps())?;
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
        let (first, steps) = (self.trainer.steps(), config.steps());
        if first >= steps {
            return Ok(true);
        }
        let files: Vec<_> = split.training.iter().chain(&split.target).collect();
        let mut fields = dataset::decode(&files, config)?;
        let of_target = fields.split_off(split.training.len());
        let sampler = |domain, fields| Sampler {
            fields,
            patch: config.patch,
            batch: config.batch,
            seed: config.seed,
            domain,
            augmentation: config.augmentation.clone(),
        };
        let (source, target) = (sampler(Domain::Source, fields), sampler(Domain::Target, of_target));
        let prepare = |step| {
            let has_target = stage::place(&config.stages, step).is_some_and(|at| at.stage.has(Loss::Gan2));
            Patches { source: source.batch(step), target: has_target.then(|| target.batch(step)) }
        };
        let started = Instant::now();
        std::thread::scope(|scope| {
            let mut loader = Loader::start(scope, &prepare, (first, steps), config.loader_threads);
            for step in first..steps {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let begun = Instant::now();
                let Some(place) = stage::place(&config.stages, step) else { break };
                let losses = self.trainer.step(&loader.next()?, place)?;
                let done = step + 1;
                let seconds = begun.elapsed().as_secs_f64();
                self.log.add(done, place, &losses, seconds)?;
                let rate = (done - first) as f64 / started.elapsed().as_secs_f64();
                progress(&Progress {
                    step: done,
                    steps,
                    stage: place.number,
                    losses,
                    patches_per_second: rate * f64::from(config.batch),
                    left: Duration::from_secs_f64((steps - done) as f64 / rate),
                });
                if done.is_multiple_of(config.checkpoint_every) && done < steps {
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
        state::save(&path, &self.identity, self.config, &self.trainer)?;
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

    /// G's weights as they are now, or their moving average where there is one, with their card.
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
        match &self.trainer.ema {
            Some(ema) => Ok(Checkpoint {
                card,
                parameters: ema.on_cpu().while_(|| "reading the moving average".to_owned())?,
            }),
            None => Ok(Checkpoint::of(card, &self.trainer.g.variables)?),
        }
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
