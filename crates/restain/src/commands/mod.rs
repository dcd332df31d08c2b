//! One file a command.

mod batch;
mod batch_worker;
mod compare;
mod doctor;
mod evaluate;
mod inspect;
mod normalize;
mod normalize_image;
mod overrides;
mod patches;
mod preview;
mod report;
mod status;
mod style;
mod synth;
mod train;
mod train_task;
mod training;
mod verify;
mod view;

use std::process::ExitCode;

use clap::Subcommand;

/// What restain can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Normalize(normalize::Normalize),
    Preview(preview::MakePreview),
    Batch(batch::Batch),
    Status(status::ShowStatus),
    Verify(verify::Verify),
    Report(report::WriteReport),
    View(view::View),
    Inspect(inspect::Inspect),
    Doctor(doctor::Doctor),
    Compare(compare::Compare),
    NormalizeImage(normalize_image::NormalizeImage),
    Style(style::MeasureStyle),
    #[command(subcommand)]
    Synth(synth::Synth),
    Patches(patches::Patches),
    Train(train::Train),
    TrainTask(train_task::TrainTask),
    Evaluate(evaluate::Evaluate),
    #[command(hide = true, name = batch_worker::NAME)]
    BatchWorker,
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Batch(command) => return command.run(),
            Self::Status(command) => command.run(),
            Self::BatchWorker => batch_worker::run(),
            Self::Normalize(command) => command.run(),
            Self::Preview(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Report(command) => command.run(),
            Self::View(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Doctor(command) => command.run(),
            Self::Compare(command) => command.run(),
            Self::NormalizeImage(command) => command.run(),
            Self::Style(command) => command.run(),
            Self::Synth(command) => command.run(),
            Self::Patches(command) => command.run(),
            Self::Train(command) => command.run(),
            Self::TrainTask(command) => command.run(),
            Self::Evaluate(command) => command.run(),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// Prints one JSON object on stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    crate::say::line(serde_json::to_string_pretty(value)?);
    Ok(())
}
