//! Networks that a benchmark needs, trained once: each lies in a folder that is named by everything it depends on, so that
//! rows and benchmarks share what they have in common, and an evaluation that was stopped goes on.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use candle_core::Device;
use restain_net::hex;
use restain_train::{
    Progress, STATE_FILE, TrainConfig,
    config::{CardFields, Guide},
    domain::{Domain, Input},
    snapshot_path,
    stage::{Loss, Stage},
    task::{Augmentation, Outcome, Sight, TaskConfig, train},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    config::{Config, Stages},
};

/// The task network of a row.
pub(crate) struct TrainedTask {
    pub(crate) folder: PathBuf,
    pub(crate) outcome: Outcome,
    pub(crate) sight: Sight,
}

/// G as it was after some step, counted over all stages.
pub(crate) struct Snapshot {
    pub(crate) step: u64,
    pub(crate) model: PathBuf,
}

/// Where networks are trained, and who is told.
pub(crate) struct Workshop<'a> {
    pub(crate) config: &'a Config,
    pub(crate) cache: &'a Path,
    pub(crate) commit: &'a str,
    pub(crate) device: &'a Device,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) progress: &'a mut dyn FnMut(&str, &Progress),
}

/// A short name for everything in a value.
pub(crate) fn key(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(|error| Error::Key(error.to_string()))?;
    Ok(hex(&Sha256::digest(json)[..6]))
}

impl Workshop<'_> {
    /// T for a seed, what it sees and an augmentation.
    pub(crate) fn task(
        &mut self,
        seed: u64,
        sight: Sight,
        augmentation: Augmentation,
    ) -> Result<TrainedTask> {
        let config = self.config.task_config(self.cache, seed, (sight, augmentation))?;
        let title = format!("T, seed {seed}, {}", name(&(sight, augmentation)));
        let outcome = train(&config, self.device, self.stop, &mut |now| (self.progress)(&title, now))?;
        if outcome.steps < config.steps {
            return Err(Error::Stopped);
        }
        Ok(TrainedTask { folder: config.output, outcome, sight })
    }

    /// G for a seed, a target and stages; returns its snapshots, by rising step: those that are asked for and there, the
    /// end of every stage, and so at last the finished model. Where G was trained in all but the last of the stages, it goes
    /// on from there.
    pub(crate) fn generator(
        &mut self,
        seed: u64,
        target: &Domain,
        stages: &Stages,
        guide: &Path,
    ) -> Result<Vec<Snapshot>> {
        let last = stages.stages.len().saturating_sub(1);
        let earlier = Stages { stages: stages.stages[..last].to_vec(), ..stages.clone() };
        let mut snapshots =
            if last > 0 { self.generator(seed, target, &earlier, guide)? } else { Vec::new() };
        let config = self.config.generator_config(self.cache, seed, target, stages, guide)?;
        let state = config.output.join(STATE_FILE);
        if last > 0 && !state.exists() {
            let from = self
                .config
                .generator_config(self.cache, seed, target, &earlier, guide)?
                .output
                .join(STATE_FILE);
            let fault = |source| Error::Write { path: state.clone(), source };
            std::fs::create_dir_all(&config.output).map_err(fault)?;
            // Under another name first, so that the state is never there in part.
            let copy = state.with_extension("copy");
            std::fs::copy(&from, &copy).and_then(|_| std::fs::rename(&copy, &state)).map_err(fault)?;
        }
        let title = format!("G, seed {seed}, {}", losses(&stages.stages));
        let outcome = restain_train::run(&config, self.commit, self.device, self.stop, &mut |now| {
            (self.progress)(&title, now);
        })?;
        let end = config.steps();
        if outcome.steps < end {
            return Err(Error::Stopped);
        }
        // Those of earlier stages lie where these were trained.
        let begin = snapshots.last().map_or(0, |snapshot| snapshot.step);
        let due = |step: &u64| config.snapshot_every.is_some_and(|every| step.is_multiple_of(every));
        let kept = (begin + 1..end)
            .filter(due)
            .map(|step| Snapshot { step, model: snapshot_path(&config.output, step) });
        snapshots.extend(kept.filter(|snapshot| snapshot.model.exists()));
        snapshots.push(Snapshot { step: end, model: outcome.model });
        Ok(snapshots)
    }
}

impl Config {
    /// The training of T whose results are kept in `cache`.
    pub(crate) fn task_config(
        &self,
        cache: &Path,
        seed: u64,
        (sight, augmentation): (Sight, Augmentation),
    ) -> Result<TaskConfig> {
        let Self { task, patches, source, .. } = self;
        let mut config = TaskConfig {
            name: "t".to_owned(),
            output: PathBuf::new(),
            patches: patches.clone(),
            source: source.domain(Some(&source.validation)),
            seed,
            network: task.network,
            backbone: task.backbone.clone(),
            sight,
            augmentation,
            batch: task.batch,
            steps: task.steps,
            learning_rate: task.learning_rate,
            schedule: task.schedule,
            adam: task.adam,
            clip: task.clip,
            checkpoint_every: task.checkpoint_every,
            loader_threads: 1,
            resume: true,
        };
        config.output = cache.join(format!("t-{}", key(&config)?));
        Ok(config)
    }

    /// The training of G whose results are kept in `cache`.
    pub(crate) fn generator_config(
        &self,
        cache: &Path,
        seed: u64,
        target: &Domain,
        stages: &Stages,
        guide: &Path,
    ) -> Result<TrainConfig> {
        let Self { patches, source, generator, task, .. } = self;
        let Some(generator) = generator else {
            return Err(Error::Nothing("how to train G is missing: `generator`"));
        };
        let has = |loss: Loss| stages.stages.iter().any(|stage| stage.has(loss));
        let weights = guide.to_owned();
        let mut config = TrainConfig {
            name: "g".to_owned(),
            output: PathBuf::new(),
            patches: patches.clone(),
            source: source.domain(None),
            // What does not see the target is the same for every target, mapped or not.
            target: has(Loss::Gan2).then(|| target.clone()),
            input: Input { quantile_map: stages.input.quantile_map && has(Loss::Gan2), ..stages.input },
            seed,
            base: generator.base,
            begin_with: None,
            batch: generator.batch,
            stages: stages.stages.clone(),
            adam: generator.adam,
            gan: generator.gan,
            task: has(Loss::Task).then_some(Guide { weights, network: task.network }),
            clip: generator.clip,
            ema: generator.ema,
            augmentation: generator.augmentation.clone(),
            checkpoint_every: 500,
            pictures_every: 0,
            snapshot_every: None,
            loader_threads: 1,
            resume: true,
            card: CardFields {
                source_style: source.name.clone(),
                trained_on: source.name.clone(),
                licence: "not for use: trained for a comparison".to_owned(),
                mpp: patches.mpp,
            },
        };
        config.output = cache.join(format!("g-{}", key(&config)?));
        // Not part of the name, as snapshots change nothing of what is trained.
        config.snapshot_every = generator.snapshot_every;
        Ok(config)
    }
}

/// The losses of stages, as a person reads them.
fn losses(stages: &[Stage]) -> String {
    stages.iter().map(losses_of).collect::<Vec<_>>().join(", then ")
}

/// The losses of a stage.
pub(crate) fn losses_of(stage: &Stage) -> String {
    stage.losses.keys().map(name).collect::<Vec<_>>().join("+")
}

/// A setting as it is written in YAML.
fn name(setting: &impl Serialize) -> String {
    let json = serde_json::to_string(setting).unwrap_or_default();
    json.replace(['"', '[', ']'], "").replace(',', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Normalize;

    /// A network that is not found under its name is trained anew, for hours. Where this fails for a change of what is
    /// trained, write the new names.
    #[test]
    fn names_of_trained_networks_stay() -> Result<()> {
        let path = format!("{}/../../pipelines/evaluate-cric.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut config = Config::load(Path::new(&path))?;
        let cache = Path::new("out/evaluate-cric/work");
        for snapshot_every in [None, Some(7)] {
            config.generator.iter_mut().for_each(|generator| generator.snapshot_every = snapshot_every);
            let tasks = [
                (Sight::Colour, Augmentation::None),
                (Sight::Gray, Augmentation::None),
                (Sight::Colour, Augmentation::Pca),
                (Sight::Colour, Augmentation::Hsv),
            ];
            let tasks = tasks.map(|of| config.task_config(cache, 1, of));
            let tasks = tasks.into_iter().map(|of| Ok(of?.output)).collect::<Result<Vec<_>>>()?;
            assert_eq!(
                tasks,
                ["t-0989e9076bd2", "t-bba0099a36d1", "t-7e076364e843", "t-f512658b8147"]
                    .map(|name| cache.join(name))
            );
            // Of those that see no target.
            let (nowhere, guide) = (config.source.domain(None), tasks[0].join("t.safetensors"));
            let of_row = |name: &str| {
                let row = config.rows.iter().find(|row| row.name == name).expect("a row of the file");
                let Normalize::Generator(stages) = &row.normalize else { panic!("`{name}` has no G") };
                let trained = config.generator_config(cache, 1, &nowhere, stages, &guide)?;
                assert_eq!(trained.snapshot_every, snapshot_every);
                Ok(trained.output)
            };
            let rows = ["l1-gan1", "standard-l1-gan1", "l1-gan1-task"].map(of_row);
            let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
            assert_eq!(
                rows,
                ["g-d071cbf436be", "g-dba6a71477a2", "g-00068cd3a883"].map(|name| cache.join(name))
            );
        }
        Ok(())
    }
}
