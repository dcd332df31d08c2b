//! A training run: data, steps, checkpoints, loss log, the finished model and its evaluation.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use candle_core::Device;
use restain_data::Part;
use restain_net::{ARCHITECTURE, Card, Checkpoint, Model, Precision, Storage};
use restain_stain::reference::Reference;
use serde::Serialize;

use crate::{
    Error, Result, TrainConfig,
    domain::{Parts, Preparation},
    error::While,
    evaluate::{Evaluation, evaluate},
    grid::{Grid, PICTURES},
    loader::Loader,
    losses::Losses,
    losslog::{LOG_FILE, LossLog},
    pace::{Pace, Rate},
    patches::{Sampler, Side},
    seen::seen,
    stage::{self, Loss},
    state::{self, Identity, STATE_FILE, write_whole},
    trainer::{Patches, Trainer},
};

/// Name of the evaluation in the output folder.
pub const EVALUATION_FILE: &str = "eval.json";
/// Folder of the snapshots in the output folder.
pub const SNAPSHOTS: &str = "snapshots";

/// Where the model after a step is kept, by [`TrainConfig::snapshot_every`].
pub fn snapshot_path(output: &Path, step: u64) -> PathBuf {
    output.join(SNAPSHOTS).join(format!("g-{step}.safetensors"))
}

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
    /// Share of that time, in 0..=1, that the networks waited for patches.
    pub waited: f64,
    /// Time left at that rate.
    pub left: Duration,
}

/// A line of the log.
#[derive(Serialize)]
struct Line {
    step: u64,
    stage: usize,
    #[serde(flatten)]
    losses: Losses,
    learning_rate: f64,
    /// The step's own time, with the wait for its patches.
    seconds: f64,
    patches_per_second: f64,
    waited: f64,
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
    let source = config.source.find(&config.patches)?;
    let target = config.target.as_ref().map(|target| target.find(&config.patches)).transpose()?;
    let unlabelled = source.training.samples().iter().filter(|sample| sample.label.is_none()).count();
    if unlabelled > 0 && config.stages.iter().any(|stage| stage.has(Loss::Task)) {
        let samples = source.training.samples().len();
        return Err(Error::Unlabelled { unlabelled, samples, what: "the loss `task`" });
    }
    let mut run = Run::open(config, commit, device, &source, target.as_ref())?;
    let of_target = target.as_ref().map(|parts| &parts.training);
    let preparations = config.input.fit(&source.training, of_target, config.seed)?;
    let finished = run.train([Some(&source.training), of_target], &preparations, stop, progress)?;
    run.checkpoint()?;
    let held_out = source.held_out.as_ref().filter(|_| finished);
    let evaluation = held_out.map(|part| run.evaluate(part, &preparations[0], device)).transpose()?;
    Ok(Outcome { steps: run.trainer.steps(), model: run.model_path(), evaluation })
}

struct Run<'a> {
    config: &'a TrainConfig,
    commit: &'a str,
    identity: Identity,
    /// For the model card.
    seen: Option<Reference>,
    trainer: Trainer,
    log: LossLog,
}

impl<'a> Run<'a> {
    /// A fresh run, or the one saved in the output folder.
    fn open(
        config: &'a TrainConfig,
        commit: &'a str,
        device: &Device,
        source: &Parts,
        target: Option<&Parts>,
    ) -> Result<Self> {
        let begin = config.begin_with.as_deref().map(|path| beginning(path, config.base)).transpose()?;
        let identity = Identity::new(config, begin.as_ref(), source, target);
        let snapshots = config.snapshot_every.map(|_| config.output.join(SNAPSHOTS));
        let folder = snapshots.as_ref().unwrap_or(&config.output);
        std::fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        let saved = config.output.join(STATE_FILE);
        let mut trainer = Trainer::new(config, begin.as_ref(), device)?;
        if saved.exists() {
            if !config.resume {
                return Err(Error::Occupied { path: saved });
            }
            state::restore(&saved, &identity, config, &mut trainer)?;
        }
        let log = LossLog::open(&config.output.join(LOG_FILE), trainer.steps())?;
        let seen_target = target.filter(|_| config.stages.iter().any(|stage| stage.has(Loss::Gan2)));
        let seen = seen(&source.training, seen_target.map(|parts| &parts.training), config)?;
        Ok(Self { config, commit, identity, seen, trainer, log })
    }

    /// Takes the steps left; returns whether the last one was reached.
    fn train(
        &mut self,
        parts: [Option<&Part>; 2],
        preparations: &[Preparation; 2],
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<bool> {
        let config = self.config;
        let (first, steps) = (self.trainer.steps(), config.steps());
        if first >= steps {
            return Ok(true);
        }
        let sampler = |((part, preparation), domain): ((Option<&Part>, &Preparation), Side)| {
            Some(Sampler {
                part: part?.clone(),
                preparation: preparation.clone(),
                batch: config.batch,
                seed: config.seed,
                domain,
                augmentation: config.augmentation.clone(),
            })
        };
        let domains = parts.into_iter().zip(preparations).zip([Side::Source, Side::Target]);
        let samplers: Vec<Sampler> = domains.filter_map(sampler).collect();
        let every = config.pictures_every;
        let grid = if every > 0 { Some(self.grid(&samplers)?) } else { None };
        let prepare = |step| -> Result<Patches> {
            let has_target = stage::place(&config.stages, step).is_some_and(|at| at.stage.has(Loss::Gan2));
            let target =
                samplers.get(1).filter(|_| has_target).map(|sampler| sampler.batch(step)).transpose()?;
            Ok(Patches { source: samplers[0].batch(step)?, target })
        };
        let mut pace = Pace::new((first, steps), config.batch);
        std::thread::scope(|scope| {
            let mut loader = Loader::start(scope, &prepare, (first, steps), config.loader_threads);
            for step in first..steps {
                if stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let Some(place) = stage::place(&config.stages, step) else { break };
                let begun = Instant::now();
                let patches = pace.waiting(|| loader.next())??;
                let losses = self.trainer.step(&patches, place)?;
                let done = step + 1;
                let Rate { patches_per_second, waited, left } = pace.after(done);
                self.log.add(&Line {
                    step: done,
                    stage: place.number,
                    losses,
                    learning_rate: place.factor * place.stage.learning_rate.g,
                    seconds: begun.elapsed().as_secs_f64(),
                    patches_per_second,
                    waited,
                })?;
                let stage = place.number;
                progress(&Progress { step: done, steps, stage, losses, patches_per_second, waited, left });
                if let Some(grid) = grid.as_ref().filter(|_| done.is_multiple_of(every)) {
                    let path = config.output.join(PICTURES).join(format!("step-{done:06}.png"));
                    grid.write(&path, |gm| self.trainer.reconstruct(gm))?;
                }
                // Before the checkpoint: a run that is killed between the two takes the step again.
                let of_step = |every| done.is_multiple_of(every) || place.last;
                if config.snapshot_every.is_some_and(of_step) {
                    self.snapshot(done)?;
                }
                if done.is_multiple_of(config.checkpoint_every) && done < steps {
                    self.checkpoint()?;
                }
            }
            Ok(true)
        })
    }

    /// The patches that grids of pictures show, and the folder for them.
    fn grid(&self, samplers: &[Sampler]) -> Result<Grid> {
        let folder = self.config.output.join(PICTURES);
        std::fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder, source })?;
        Grid::new(samplers, self.config.patches.side)
    }

    /// Writes loss log, training state and model, if the weights are sound.
    fn checkpoint(&mut self) -> Result<()> {
        self.log.flush()?;
        self.trainer.check_weights()?;
        let path = self.config.output.join(STATE_FILE);
        state::save(&path, &self.identity, self.config, &self.trainer)?;
        Ok(self.model(BTreeMap::new())?.save(&self.model_path(), STORAGE)?)
    }

    /// Writes the model as it is after a step, if the weights are sound.
    fn snapshot(&self, step: u64) -> Result<()> {
        self.trainer.check_weights()?;
        Ok(self.model(BTreeMap::new())?.save(&snapshot_path(&self.config.output, step), STORAGE)?)
    }

    /// Evaluates the model in the form in which it is stored, and writes the figures to a file and the model card.
    fn evaluate(&self, held_out: &Part, preparation: &Preparation, device: &Device) -> Result<Evaluation> {
        let path = self.model_path();
        let bytes = self.model(BTreeMap::new())?.to_bytes(STORAGE)?;
        let model = Model::from_bytes(&path, &bytes, &device.into(), Precision::F32)?;
        let evaluation = evaluate(&model, held_out, preparation)?;
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
        Ok(evaluation)
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
            input: self.config.input.named(),
            held_out,
            seen: self.seen.clone(),
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

/// The model that G begins with.
fn beginning(path: &Path, wanted: usize) -> Result<Checkpoint> {
    let checkpoint = Checkpoint::named(path)?;
    let base = checkpoint.card.base;
    if base == wanted {
        Ok(checkpoint)
    } else {
        Err(Error::BeginWith { path: path.to_owned(), base, wanted })
    }
}

/// Half precision: rounding weights to 11 bits moves no output by a visible amount, and halves the file.
const STORAGE: Storage = Storage::F16;

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Write { path: path.to_path_buf(), source: error.into() })?;
    write_whole(path, json.as_bytes())
}
