//! Many slides, unattended: every one is done and proven good, or named with its reason.
//!
//! [`BatchConfig`] says what is asked for, [`inputs::find`] which slides that are. [`Supervisor`] hands them, one after
//! another, to a process of its own that runs [`worker::run`]: whatever a slide does there, it crashes, hangs or eats memory,
//! the batch goes on. What is known of a slide lies in its [`Record`] in the output folder, under a [`lock`](folder), so that
//! a batch goes on after any end, and several processes and machines share one folder.

mod config;
mod error;
mod findings;
mod fingerprint;
mod folder;
mod gather;
pub mod inputs;
pub mod message;
pub mod names;
mod process;
mod recipe;
mod record;
mod report;
mod run;
mod shard;
mod supervisor;
pub mod worker;

pub use config::{BatchConfig, Rename};
pub use error::Error;
pub use findings::Findings;
pub use fingerprint::Fingerprint;
pub use folder::OutFolder;
pub use gather::{FIGURES, PAGE, read_report, write_report};
pub use recipe::Recipe;
pub use record::{Output, Record, State};
pub use report::{Fate, RunState, SlideSummary, Status, Summary};
pub use shard::Shard;
pub use supervisor::{Ending, Event, Supervisor};

/// What a fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
