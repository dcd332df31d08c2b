//! How far a batch is, and what has become of each slide.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::record::{host, now};
use crate::{OutFolder, Result, Shard, State};

/// What the names of summaries begin with.
pub(crate) const SUMMARY: &str = "summary";
/// Seconds without a word after which a running batch counts as gone: it speaks every second.
const SILENT: f64 = 30.0;

/// What a process says of its batch, every second.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunState {
    /// The machine.
    pub host: String,
    /// The process.
    pub process: u32,
    /// Its part of the slides.
    pub shard: Option<Shard>,
    /// Milliseconds since 1970 when it was begun.
    pub begun: u64,
    /// Milliseconds since 1970 when it said this.
    pub updated: u64,
    /// Whether it has ended.
    pub ended: bool,
    /// Slides it was asked for.
    pub total: u64,
    /// Slides that are done.
    pub done: u64,
    /// Of these, those that were done before.
    pub already: u64,
    /// Slides that failed.
    pub failed: u64,
    /// Slides it works on.
    pub current: Vec<String>,
    /// Pixels of the slides that it has normalized.
    pub pixels: u64,
    /// Pixels that it has normalized of the current slides.
    pub under_way: u64,
    /// Seconds it has taken.
    pub seconds: f64,
    /// Bytes of the slides it has dealt with, and of all.
    pub bytes: [u64; 2],
}

impl RunState {
    pub(crate) fn begin(shard: Option<Shard>, total: usize) -> Self {
        Self {
            host: host(),
            process: std::process::id(),
            shard,
            begun: now(),
            updated: now(),
            ended: false,
            total: total as u64,
            done: 0,
            already: 0,
            failed: 0,
            current: Vec::new(),
            pixels: 0,
            under_way: 0,
            seconds: 0.0,
            bytes: [0, 0],
        }
    }

    /// What is said in the bytes of a file; `None` where they say nothing of this kind.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}-{}", self.host, self.process, self.begun)
    }

    /// Seconds since it said anything.
    pub fn silent_seconds(&self) -> f64 {
        now().saturating_sub(self.updated) as f64 / 1e3
    }

    /// Whether it still runs, as far as can be told from afar.
    pub fn is_alive(&self) -> bool {
        // Of a process on this very machine the system knows more.
        let is_gone = self.host == host() && !Path::new(&format!("/proc/{}", self.process)).exists();
        !self.ended && !is_gone && self.silent_seconds() < SILENT
    }

    /// Whether what a run has said of itself is of none that goes on.
    pub(crate) fn is_over(json: &[u8]) -> bool {
        serde_json::from_slice(json).map_or(true, |run: Self| !run.is_alive())
    }

    /// Slides that are neither done nor failed.
    pub fn due(&self) -> u64 {
        self.total.saturating_sub(self.done).saturating_sub(self.failed)
    }

    /// Megapixels a second.
    pub fn mp_per_s(&self) -> f64 {
        if self.seconds > 0.0 {
            (self.pixels as f64 + self.under_way as f64) / 1e6 / self.seconds
        } else {
            0.0
        }
    }

    /// Seconds left, by the bytes of the slides; unknown before the first is done.
    pub fn seconds_left(&self) -> Option<f64> {
        let [dealt, all] = self.bytes;
        (self.pixels > 0 && dealt > 0).then(|| self.seconds * all.saturating_sub(dealt) as f64 / dealt as f64)
    }
}

/// What is going on in an output folder.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Runs that go on.
    pub running: Vec<RunState>,
    /// The run that spoke last, where none goes on.
    pub last: Option<RunState>,
    /// Slides of all runs and shards whose outputs are done.
    pub done: u64,
    /// Slides of all runs and shards that failed, and why.
    pub failed: Vec<(String, String)>,
}

impl Status {
    /// Reads what the runs say of themselves, and what is known of each slide.
    pub fn of(out: &OutFolder) -> Self {
        let mut runs: Vec<RunState> = out.runs().iter().filter_map(|json| RunState::parse(json)).collect();
        runs.sort_by_key(|run| run.updated);
        let last = runs.last().cloned();
        let running: Vec<_> = runs.into_iter().filter(RunState::is_alive).collect();
        let mut status =
            Self { last: last.filter(|_| running.is_empty()), running, done: 0, failed: Vec::new() };
        for (name, record) in out.records() {
            match record.state {
                // One whose output was taken away is due again.
                State::Done => status.done += u64::from(out.output(&name).is_file()),
                State::Failed => status.failed.push((name, record.error.unwrap_or_default())),
                State::Running => {}
            }
        }
        status
    }
}

/// What has become of a slide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Its output is whole and was verified.
    Done,
    /// It could not be done.
    Failed,
    /// It was not tried, or given back.
    Due,
}

/// A line of the summary.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlideSummary {
    /// Name of the output, without `.tif`.
    pub name: String,
    /// What has become of it.
    pub fate: Fate,
    /// Whether it was done before this run.
    pub already: bool,
    /// Pixels of level 0.
    pub pixels: u64,
    /// Seconds of work.
    pub seconds: f64,
    /// Bytes of the output.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// What has become of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// The run.
    pub run: RunState,
    /// Its slides.
    pub slides: Vec<SlideSummary>,
}

impl Summary {
    /// What is said in the bytes of a file; `None` where they say nothing of this kind.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Writes `summary.csv` and `summary.json`; those of a shard have its number in their names.
    pub(crate) fn save(&self, out: &OutFolder) -> Result<()> {
        let part = self
            .run
            .shard
            .map_or(String::new(), |shard| format!("-{}", shard.to_string().replace('/', "-of-")));
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        out.write(&format!("{SUMMARY}{part}.json"), &json)?;
        let mut csv = csv::Writer::from_writer(Vec::new());
        for slide in &self.slides {
            // Into memory: it cannot fail.
            let _ = csv.serialize(slide);
        }
        out.write(&format!("{SUMMARY}{part}.csv"), &csv.into_inner().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_numbers_are_too_large_to_be_told() {
        let most = u64::MAX;
        let run = RunState { total: 1, done: most, failed: most, pixels: most, under_way: most, ..state() };
        assert_eq!(run.due(), 0);
        assert!(RunState { seconds: 1.0, ..run }.mp_per_s() > 3e13);
        let run = RunState { total: most, done: 1, failed: 2, ..state() };
        assert_eq!(run.due(), most - 3);
    }

    fn state() -> RunState {
        RunState::begin(None, 0)
    }
}
