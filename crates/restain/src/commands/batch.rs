use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use restain_batch::{
    BatchConfig, Ending, Event, Fate, OutFolder, PAGE, Rename, RunState, Shard, SlideSummary, Summary,
};
use restain_batch::{Supervisor, inputs, names};

use super::overrides::{InputArguments, ModelArguments, OutputArguments};
use super::{batch_worker, print_json};
use crate::{interrupt, quantity, say};

/// Exit code of a batch some of whose slides failed.
const SOME_FAILED: u8 = 3;
/// Exit code of wrong usage, as that of the command line's parser.
const USAGE: u8 = 2;

/// Normalize many slides, unattended
///
/// Every slide ends done, with an output that was verified, or failed, with its reason; one that fails is tried once more and
/// does not hold up the rest, and neither does one that crashes or hangs. What is done is recorded in the output folder, so
/// the same command goes on after any end: a slide is due again only where it, the model or a setting has changed. Several
/// processes and machines may run the same command on one shared folder: each slide is done once.
///
/// Exit codes: 0 all slides are done; 1 nothing could run; 2 wrong usage; 3 some slides failed or are still due; 130
/// interrupted. `restain status` shows from another terminal how far a batch is.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct Batch {
    /// Slides; folders, searched with all folders in them; patterns such as 'scans/*.mrxs'; manifests: CSV files with the
    /// column `slide` and, if wanted, `output`, `model`, `level`, `mpp`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,

    /// The folder for the outputs, each called as its slide, and for summary.csv and summary.json
    #[arg(short, long, value_name = "OUTDIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    storage: OutputArguments,

    /// YAML run file that holds the whole job; the command line wins over it. See pipelines/batch.yaml
    #[arg(long, value_name = "FILE.yaml")]
    config: Option<PathBuf>,

    /// Print the job as a run file, and do nothing
    #[arg(long)]
    print_config: bool,

    /// The i-th of n parts of the slides, such as 2/4 [default: all, or in an array job of Slurm its task's part]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Give a slide up after so many minutes
    #[arg(long, value_name = "MINUTES")]
    timeout: Option<f64>,

    /// End with the first slide that fails
    #[arg(long)]
    stop_on_error: bool,

    /// Call outputs as their slides (no), or by a hash of the slide's content (hash), which tells nothing of a patient;
    /// then the slides' own names appear in no output, record and message, only in the mapping [default: no]
    #[arg(long, value_name = "HOW", value_parser = ["no", "hash"])]
    rename: Option<String>,

    /// Where to write which slide became which output, readable by you alone; what it says of others stays [default:
    /// OUTDIR-names.csv beside the folder]
    #[arg(long, value_name = "FILE.csv")]
    mapping: Option<PathBuf>,

    /// Print the summary as one JSON object on stdout
    #[arg(long)]
    json: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Batch {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let (mapping, json, quiet, print) = (self.mapping.clone(), self.json, self.quiet, self.print_config);
        let (config, output) = match self.config() {
            Ok(config) => config,
            Err(error) => {
                say::error(format_args!("error: {error:#}"));
                return Ok(ExitCode::from(USAGE));
            }
        };
        if print {
            say::line(serde_yaml::to_string(&config)?.trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        let interrupt = interrupt::catch()?;
        let mut items = inputs::find(&config.inputs, &output)?;
        if config.rename == Rename::Hash {
            items = names::hash(items, config.limit());
        }
        // After the renaming, so that two machines take the same parts.
        if let Some(shard) = config.shard {
            items = shard.of(items);
        }
        let out = OutFolder::create(&output)?;
        if config.rename == Rename::Hash {
            names::write_mapping(&out, mapping.as_deref(), &items)?;
        }
        let program = std::env::current_exe().context("cannot find this program itself")?;
        let command = || {
            let mut command = Command::new(&program);
            command.arg(batch_worker::NAME);
            command
        };
        let supervisor = Supervisor { items: &items, config: &config, out: &out, command: &command };
        let bar = bar(quiet || json, items.len());
        let ended = supervisor.run(interrupt, &mut |event| match event {
            Event::Slide(slide) => bar.suspend(|| print_slide(slide, quiet || json)),
            Event::State(state) => show(&bar, state),
            Event::Trouble(error) => bar.suspend(|| say::error(format_args!("error: {error}"))),
        });
        bar.finish_and_clear();
        let (summary, ending) = ended?;
        if json {
            print_json(&summary)?;
        } else if !quiet {
            print_summary(&summary);
            let page = output.join(PAGE);
            if page.is_file() {
                say::line(format_args!("{}: each slide before and after", page.display()));
            }
        }
        Ok(match ending {
            Ending::AllDone => ExitCode::SUCCESS,
            Ending::SomeFailed | Ending::Stopped => ExitCode::from(SOME_FAILED),
            Ending::Interrupted => {
                say::error(format_args!("interrupted; the same command goes on from here"));
                ExitCode::from(crate::INTERRUPTED)
            }
        })
    }

    /// The run file with the command line on top, and the output folder.
    fn config(self) -> anyhow::Result<(BatchConfig, PathBuf)> {
        let mut config = self.config.as_deref().map(BatchConfig::load).transpose()?.unwrap_or_default();
        if !self.inputs.is_empty() {
            config.inputs = self.inputs;
        }
        if self.output.is_some() {
            config.output = self.output;
        }
        self.input.apply(&mut config.normalize)?;
        self.model.apply(&mut config.normalize)?;
        self.storage.apply(&mut config.normalize)?;
        config.timeout = self.timeout.or(config.timeout);
        config.shard =
            self.shard.or(config.shard).or_else(|| Shard::of_slurm(|name| std::env::var(name).ok()));
        config.stop_on_error |= self.stop_on_error;
        match self.rename.as_deref() {
            Some("hash") => config.rename = Rename::Hash,
            Some(_) => config.rename = Rename::No,
            None => {}
        }
        if config.inputs.is_empty() {
            bail!("which slides? Name slides, folders, patterns or a manifest");
        }
        if let Some(minutes) = config.timeout.filter(|minutes| !(minutes.is_finite() && *minutes > 0.0)) {
            bail!("a timeout of {minutes} minutes makes no sense");
        }
        if self.mapping.is_some() && config.rename == Rename::No {
            bail!("a mapping is of use only with --rename hash");
        }
        config.normalize.check()?;
        let Some(output) = config.output.clone() else {
            bail!("where do the outputs go? Name a folder with -o")
        };
        Ok((config, output))
    }
}

fn bar(quiet: bool, slides: usize) -> ProgressBar {
    let bar = ProgressBar::new(slides as u64);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos} of {len} slides  {msg}") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, state: &RunState) {
    bar.set_position(state.done + state.failed);
    let failed = if state.failed > 0 { format!("{} failed, ", state.failed) } else { String::new() };
    bar.set_message(failed + &how_far(state));
}

/// How far a batch is beside its counts of slides: `8.1 MP/s, 2 h 5 min left, at slide-12`.
pub(super) fn how_far(state: &RunState) -> String {
    let mut parts = vec![format!("{:.1} MP/s", state.mp_per_s())];
    parts.extend(state.seconds_left().map(|seconds| format!("{} left", quantity::seconds(seconds))));
    if !state.current.is_empty() {
        parts.push(format!("at {}", state.current.join(", ")));
    }
    parts.join(", ")
}

fn print_slide(slide: &SlideSummary, quiet: bool) {
    let SlideSummary { name, fate, already, pixels, seconds, bytes, error } = slide;
    match (fate, error) {
        (Fate::Failed, Some(error)) => say::error(format_args!("error: {name}: {error}")),
        _ if quiet || *already => {}
        _ => say::line(format_args!(
            "{name}.tif: {:.1} MP, {}, {}",
            *pixels as f64 / 1e6,
            quantity::bytes(*bytes),
            quantity::seconds(*seconds)
        )),
    }
}

fn print_summary(summary: &Summary) {
    let RunState { total, done, already, failed, seconds, .. } = &summary.run;
    let before = if *already > 0 { format!(" ({already} of them before)") } else { String::new() };
    say::line(format_args!(
        "{done} of {} done{before}, {failed} failed, {} due; {}, {:.1} MP/s",
        quantity::count(*total, "slide"),
        summary.run.due(),
        quantity::seconds(*seconds),
        summary.run.mp_per_s()
    ));
}
