//! What a supervisor and the process that works for it say to each other: a JSON object a line.

use std::path::PathBuf;

use restain_pipeline::Settings;
use serde::{Deserialize, Serialize};

/// To the worker. The end of the input, like [`Request::Stop`], ends it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Comes first.
    Setup {
        /// The output folder.
        output: PathBuf,
        /// Milliseconds since 1970 when the batch was begun.
        begun: u64,
    },
    /// A slide.
    Task(Task),
    /// Roll back and end.
    Stop,
}

/// A slide to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Stands for it in answers.
    pub(crate) index: usize,
    pub(crate) slide: PathBuf,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    /// Nothing else is to be worked on meanwhile.
    pub(crate) alone: bool,
    /// No message may hold the slide's own name.
    pub(crate) veiled: bool,
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The slide is being worked on.
    Started { index: usize },
    /// So many of so many pixels are done.
    Progress { index: usize, done: u64, total: u64 },
    /// The slide is no longer being worked on.
    Ended { index: usize, outcome: Outcome },
}

/// What has become of a slide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Its output is whole and has been verified.
    Done {
        pixels: u64,
        seconds: f64,
        bytes: u64,
        /// It was so before.
        already: bool,
    },
    /// Another process works on it.
    Busy,
    /// It cannot be done.
    Failed {
        error: String,
        /// Nor can any other.
        stops_all: bool,
    },
    /// It was rolled back, as the batch is stopped.
    Interrupted,
}
