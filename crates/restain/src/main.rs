//! The command line of restain: it parses, calls the crates, and prints.

mod commands;
mod desktop;
mod folder;
mod interrupt;
mod memory;
mod pictures;
mod progress;
mod quantity;
mod say;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Exit code of a run that the user interrupted, as shells have it: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Stain normalization of whole cytology slides.
///
/// restain takes a scanned slide, removes its stain, and stains it anew in the style of the lab whose classifier
/// will read it. The result is a pyramidal TIFF that every slide viewer opens.
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match command.run() {
        Ok(code) => code,
        Err(error) => {
            say::error(format_args!("error: {error:#}"));
            if interrupt::requested() { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}
