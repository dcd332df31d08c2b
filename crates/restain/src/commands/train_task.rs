use std::path::PathBuf;

use clap::Args;
use restain_net::open_device;
use restain_train::task::{TaskConfig, train};

use super::train::{bar, show};
use crate::{interrupt, memory};

/// Train a task network: normal and abnormal cells told apart
///
/// The network (a ResNet) learns from labelled pictures or slides of one lab. It is what normalization is measured by, and it
/// can guide the training of a model (the loss `task` of `restain train`). Every checkpoint is kept and tried on the held-out
/// part. Ctrl-C saves the state; --resume goes on from it.
#[derive(Args)]
pub(crate) struct TrainTask {
    /// YAML configuration; pipelines/train-task.yaml explains every setting
    #[arg(long, value_name = "FILE.yaml")]
    config: PathBuf,

    /// Where to train: auto, cpu, cuda (the first GPU) or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,

    /// Go on from the last saved state in the output folder
    #[arg(long)]
    resume: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl TrainTask {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = TaskConfig::load(&self.config)?;
        config.resume |= self.resume;
        let stop = interrupt::catch()?;
        memory::keep_freed();
        let (device, note) = open_device(self.device.parse()?)?;
        if let Some(note) = note.filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let bar = bar(config.steps, self.quiet)?;
        let outcome = train(&config, &device, stop, &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        let outcome = outcome?;
        if interrupt::requested() && outcome.steps < config.steps {
            anyhow::bail!("interrupted after step {}; continue with --resume", outcome.steps);
        }
        if let Some(weights) = outcome.weights.filter(|_| !self.quiet) {
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
