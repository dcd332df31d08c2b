use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use restain_net::open_device;
use restain_train::{Progress, TrainConfig, run};

use crate::{interrupt, memory, quantity};

/// The commit this was built from, for the model card.
pub(super) const COMMIT: &str = env!("RESTAIN_COMMIT");

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

/// A progress bar over some steps.
pub(super) fn bar(steps: u64, quiet: bool) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(steps);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(ProgressStyle::with_template("{bar:32} {pos} of {len} steps  {msg}")?);
    Ok(bar)
}

/// Shows how far a run is.
pub(super) fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(progress.step);
    bar.set_message(format!(
        "stage {}  {}  {:.1} patches/s  {} left",
        progress.stage,
        progress.losses,
        progress.patches_per_second,
        quantity::seconds(progress.left.as_secs_f64())
    ));
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = TrainConfig::load(&self.config)?;
        config.resume |= self.resume;
        let stop = interrupt::catch()?;
        memory::keep_freed();
        let (device, note) = open_device(self.device.parse()?)?;
        if let Some(note) = note.filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let bar = bar(config.steps(), self.quiet)?;
        let outcome = run(&config, COMMIT, &device, stop, &mut |progress| show(&bar, progress));
        bar.finish_and_clear();
        let outcome = outcome?;
        if interrupt::requested() && outcome.steps < config.steps() {
            anyhow::bail!("interrupted after step {}; continue with --resume", outcome.steps);
        }
        if !self.quiet {
            println!("{}", outcome.model.display());
            if let Some(evaluation) = outcome.evaluation {
                println!("\n{evaluation}");
            }
        }
        Ok(())
    }
}
