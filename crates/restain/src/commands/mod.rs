//! One file a command.

mod compare;
mod evaluate;
mod inspect;
mod normalize;
mod normalize_image;
mod overrides;
mod patches;
mod style;
mod synth;
mod train;
mod train_task;
mod training;
mod verify;

use clap::Subcommand;

/// What restain can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Normalize(normalize::Normalize),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
    Compare(compare::Compare),
    NormalizeImage(normalize_image::NormalizeImage),
    Style(style::MeasureStyle),
    #[command(subcommand)]
    Synth(synth::Synth),
    Patches(patches::Patches),
    Train(train::Train),
    TrainTask(train_task::TrainTask),
    Evaluate(evaluate::Evaluate),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Normalize(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Compare(command) => command.run(),
            Self::NormalizeImage(command) => command.run(),
            Self::Style(command) => command.run(),
            Self::Synth(command) => command.run(),
            Self::Patches(command) => command.run(),
            Self::Train(command) => command.run(),
            Self::TrainTask(command) => command.run(),
            Self::Evaluate(command) => command.run(),
        }
    }
}

/// Prints one JSON object on stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
