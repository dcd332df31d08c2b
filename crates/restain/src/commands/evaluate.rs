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

    /// Rows to measure, by name, in place of all
    #[arg(long, value_name = "ROW,...", value_delimiter = ',')]
    rows: Vec<String>,

    /// Benchmarks to measure on, by name, in place of all
    #[arg(long, value_name = "BENCHMARK,...", value_delimiter = ',')]
    benchmarks: Vec<String>,

    #[command(flatten)]
    training: Training,
}

impl Evaluate {
    /// What was run, for the results: all that they depend on.
    fn command(&self) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(ToString::to_string).collect();
        let chosen = [("seeds", &seeds), ("rows", &self.rows), ("benchmarks", &self.benchmarks)];
        let chosen = chosen.into_iter().filter(|(_, names)| !names.is_empty());
        let chosen = chosen.map(|(what, names)| format!(" --{what} {}", names.join(",")));
        let (config, output) = (self.config.display(), self.output.display());
        format!("restain evaluate --config {config} -o {output}{}", chosen.collect::<Vec<_>>().concat())
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = Config::load(&self.config)?;
        if !self.seeds.is_empty() {
            config.seeds.clone_from(&self.seeds);
        }
        config.keep(&self.rows, &self.benchmarks)?;
        let stop = interrupt::catch()?;
        let device = self.training.open()?;
        let command = self.command();
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
