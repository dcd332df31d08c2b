//! What a supervisor and the process that works for it say to each other: a JSON object a line. Files are given as
//! [`OsString`]: JSON holds any of them so, and of paths only those that are UTF-8.

use std::ffi::OsString;

use restain_pipeline::Settings;
use serde::{Deserialize, Serialize};

/// To the worker. The end of the input, like [`Request::Stop`], ends it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Comes first.
    Setup {
        /// The output folder.
        output: OsString,
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
pub struct Task {
    /// Stands for it in answers.
    pub index: usize,
    /// Its file.
    pub slide: OsString,
    /// Name of its output, without `.tif`.
    pub name: String,
    /// How it is normalized.
    pub settings: Settings,
    /// Nothing else is to be worked on meanwhile.
    pub alone: bool,
    /// No message may hold the slide's own name.
    pub veiled: bool,
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The slide is being worked on.
    Started {
        /// As in its task.
        index: usize,
    },
    /// So many of so many pixels are done.
    Progress {
        /// As in its task.
        index: usize,
        /// Pixels done.
        done: u64,
        /// Pixels in all.
        total: u64,
    },
    /// The slide is no longer being worked on.
    Ended {
        /// As in its task.
        index: usize,
        /// What has become of it.
        outcome: Outcome,
    },
}

/// What has become of a slide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Its output is whole and has been verified.
    Done {
        /// Of level 0.
        pixels: u64,
        /// Of work.
        seconds: f64,
        /// Of the output.
        bytes: u64,
        /// It was so before.
        already: bool,
    },
    /// Another process works on it.
    Busy,
    /// It cannot be done.
    Failed {
        /// Why.
        error: String,
        /// Nor can any other.
        stops_all: bool,
    },
    /// It was rolled back, as the batch is stopped.
    Interrupted,
}
