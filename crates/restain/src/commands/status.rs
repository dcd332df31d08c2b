use std::path::PathBuf;

use clap::Args;
use restain_batch::{OutFolder, RunState, Status};

use super::{batch::how_far, print_json};
use crate::{quantity, say};

/// Show how far a batch is
///
/// Reads what `restain batch` says of itself in its output folder, from another terminal or another machine. Names the slides
/// that failed, with their reasons.
#[derive(Args)]
pub(crate) struct ShowStatus {
    /// The output folder of the batch
    #[arg(value_name = "OUTDIR")]
    folder: PathBuf,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl ShowStatus {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let status = Status::of(&OutFolder::open(&self.folder)?);
        if self.json {
            return print_json(&status);
        }
        for run in &status.running {
            say::line(format_args!(
                "running on {}, process {}{}: {}, {}",
                run.host,
                run.process,
                part(run),
                counts(run),
                how_far(run)
            ));
        }
        match &status.last {
            Some(run) if run.ended => say::line(format_args!("ended{}: {}", part(run), counts(run))),
            Some(run) => say::line(format_args!(
                "gone{}, without a word for {}: {}; run the same command again",
                part(run),
                quantity::seconds(run.silent_seconds()),
                counts(run)
            )),
            None if status.running.is_empty() => say::line(format_args!("nothing was run here yet")),
            None => {}
        }
        for (name, error) in &status.failed {
            say::line(format_args!("failed: {name}: {error}"));
        }
        say::line(format_args!(
            "in this folder, of all runs and parts: {} done, {} failed",
            quantity::count(status.done, "slide"),
            status.failed.len()
        ));
        Ok(())
    }
}

fn part(run: &RunState) -> String {
    run.shard.map_or(String::new(), |shard| format!(", part {shard}"))
}

fn counts(run: &RunState) -> String {
    let RunState { total, done, failed, .. } = run;
    format!("{done} of {} done, {failed} failed, {} due", quantity::count(*total, "slide"), run.due())
}
