use std::path::PathBuf;

use clap::Args;
use restain_evaluate::{REPORT_FILE, config::Config, evaluate, report};

use super::training::{COMMIT, Training, show};
use crate::interrupt;

/// Measure what normalization is worth: how well a task network reads another lab's pictures, before and after
///
/// Trains the task network and the models of every row of the configuration, each with every seed, tests them on the target
/// domain, and writes results.json, tables (results.md), plots and panels of pictures. What was trained is kept in OUT/work:
/// the same command goes on where it was stopped.
#[derive(Args)]
pub(crate) struct Evaluate {
    /// YAML configuration; pipelines/evaluate-cric.yaml explains every setting
    #[arg(long, value_name = "FILE.yaml")]
    config: PathBuf,

    /// Folder for the results; made where it is missing
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Seeds to run, in place of those of the configuration
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    seeds: Vec<u64>,

    #[command(flatten)]
    training: Training,
}

impl Evaluate {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = Config::load(&self.config)?;
        if !self.seeds.is_empty() {
            config.seeds.clone_from(&self.seeds);
        }
        let stop = interrupt::catch()?;
        let device = self.training.open()?;
        let command =
            format!("restain evaluate --config {} -o {}", self.config.display(), self.output.display());
        let mut shown: Option<(String, indicatif::ProgressBar)> = None;
        let results =
            evaluate(&config, &self.output, [COMMIT, &command], &device, stop, &mut |what, progress| {
                if shown.as_ref().is_none_or(|(before, _)| before != what) {
                    if !self.training.quiet {
                        eprintln!("{what}: {} steps", progress.steps);
                    }
                    if let Ok(bar) = self.training.bar(progress.steps) {
                        shown = Some((what.to_owned(), bar));
                    }
                }
                if let Some((_, bar)) = &shown {
                    show(bar, progress);
                }
            })?;
        if !self.training.quiet {
            println!("{}\n\n{}", self.output.join(REPORT_FILE).display(), report(&results));
        }
        Ok(())
    }
}
