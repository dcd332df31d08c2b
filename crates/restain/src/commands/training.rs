//! What the commands that train networks share: where they run, and how far they are.

use candle_core::Device;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use restain_net::open_device;
use restain_train::Progress;

use crate::{interrupt, memory, quantity};

/// The commit this was built from, for model cards and results.
pub(super) const COMMIT: &str = env!("RESTAIN_COMMIT");

/// How a command that trains runs.
#[derive(Args)]
pub(super) struct Training {
    /// Where to train: auto, cpu, cuda (the first GPU) or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,

    /// Print nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl Training {
    /// Opens the device, and says why it is none that was hoped for. Freed memory is kept from here on.
    pub(super) fn open(&self) -> anyhow::Result<Device> {
        memory::keep_freed();
        let (device, note) = open_device(self.device.parse()?)?;
        if let Some(note) = note.filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        Ok(device)
    }

    /// A progress bar over some steps.
    pub(super) fn bar(&self, steps: u64) -> anyhow::Result<ProgressBar> {
        let bar = ProgressBar::new(steps);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(ProgressStyle::with_template("{bar:32} {pos} of {len} steps  {msg}")?);
        Ok(bar)
    }
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

/// Fails where the user has stopped a run before its last step.
pub(super) fn ended(taken: u64, steps: u64) -> anyhow::Result<()> {
    if interrupt::requested() && taken < steps {
        anyhow::bail!("interrupted after step {taken}; continue with --resume");
    }
    Ok(())
}
