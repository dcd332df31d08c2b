use std::path::PathBuf;

use clap::Args;
use restain_train::{TrainConfig, run};

use super::training::{COMMIT, Training, ended, show};
use crate::interrupt;

/// Train a model on pictures of the lab whose style is wanted
///
/// The network learns to give each picture its colours back from what stain removal leaves: gray, and where red is
/// strongest. In stages that ask for it, discriminators teach it to make pictures, and those of another lab too, look
/// like real ones. log.jsonl in the output folder holds the losses of each step, pictures/ what G makes of some
/// patches. Ctrl-C saves the state; --resume goes on from it.
#[derive(Args)]
pub(crate) struct Train {
    /// YAML training configuration; pipelines/train-stages12.yaml explains every setting
    #[arg(long, value_name = "FILE.yaml")]
    config: PathBuf,

    /// Go on from the last saved state in the output folder
    #[arg(long)]
    resume: bool,

    #[command(flatten)]
    training: Training,
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = TrainConfig::load(&self.config)?;
        config.resume |= self.resume;
        let stop = interrupt::catch()?;
        let device = self.training.open()?;
        let bar = self.training.bar(config.steps())?;
        let outcome = run(&config, COMMIT, &device, stop, &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        let outcome = outcome?;
        ended(outcome.steps, config.steps())?;
        if !self.training.quiet {
            println!("{}", outcome.model.display());
            if let Some(evaluation) = outcome.evaluation {
                println!("\n{evaluation}");
            }
        }
        Ok(())
    }
}
