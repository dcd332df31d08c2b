use std::path::PathBuf;

use clap::Args;
use restain_train::task::{TaskConfig, train};

use super::training::{Training, ended, show};
use crate::interrupt;

/// Train a task network: normal and abnormal cells told apart
///
/// The network, a residual one, learns from labelled pictures or slides of one lab. It is what normalization is measured by, and it
/// can guide the training of a model (the loss `task` of `restain train`). Every checkpoint is kept and tried on the held-out
/// part. Ctrl-C saves the state; --resume goes on from it.
#[derive(Args)]
pub(crate) struct TrainTask {
    /// YAML configuration; pipelines/train-task.yaml explains every setting
    #[arg(long, value_name = "FILE.yaml")]
    config: PathBuf,

    /// Go on from the last saved state in the output folder
    #[arg(long)]
    resume: bool,

    #[command(flatten)]
    training: Training,
}

impl TrainTask {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = TaskConfig::load(&self.config)?;
        config.resume |= self.resume;
        let stop = interrupt::catch()?;
        let device = self.training.open()?;
        let bar = self.training.bar(config.steps)?;
        let outcome = train(&config, &device, stop, &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        let outcome = outcome?;
        ended(outcome.steps, config.steps)?;
        if let Some(weights) = outcome.weights.filter(|_| !self.training.quiet) {
            println!(
                "{}\n\n| step | accuracy | balanced | AUC |\n| --- | --- | --- | --- |",
                weights.display()
            );
            let share = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
            for checkpoint in outcome.checkpoints {
                let scores = checkpoint.validation;
                let [balanced, auc] = [scores.balanced_accuracy, scores.auc].map(share);
                println!("| {} | {:.3} | {balanced} | {auc} |", checkpoint.step, scores.accuracy);
            }
        }
        Ok(())
    }
}
