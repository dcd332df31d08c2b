//! What the stages share while a slide is on its way: the reason to stop, the clock of each stage, the progress.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvError, SendError};
use serde::Serialize;

use crate::Error;

/// A stage of the pipeline, in the order of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Reading windows of the slide.
    Read,
    /// Stain removal, RGB to GM.
    Stain,
    /// G, GM to RGB.
    Generate,
    /// Cores into pyramid tiles.
    Reassemble,
    /// Tiles to JPEG or deflate.
    Encode,
    /// Encoded tiles to the file.
    Write,
}

impl StageName {
    /// All stages, in the order of the data.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Stain, Self::Generate, Self::Reassemble, Self::Encode, Self::Write];

    /// The name as logs and reports show it: that of the file the stage lives in.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Stain => "stain",
            Self::Generate => "generate",
            Self::Reassemble => "reassemble",
            Self::Encode => "encode",
            Self::Write => "write",
        }
    }
}

/// A stage stops: it failed and has said why to [`Control`], or a neighbour is gone and has done so.
#[derive(Debug)]
pub(crate) struct Halt;

impl<T> From<SendError<T>> for Halt {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

impl From<RecvError> for Halt {
    fn from(_: RecvError) -> Self {
        Self
    }
}

/// How far the slide is; read by whoever shows progress, from any thread.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    done: AtomicU64,
    read: AtomicBool,
}

impl Progress {
    /// Pixels of level 0 of the output, and how many of them have been through G.
    pub fn pixels(&self) -> (u64, u64) {
        (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed))
    }

    /// Whether the whole slide has been read: what is left to do needs it no more.
    pub fn is_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self, total: u64) {
        self.read.store(false, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn all_read(&self) {
        self.read.store(true, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, pixels: u64) {
        self.done.fetch_add(pixels, Ordering::Relaxed);
    }
}

/// Shared by all stages of one run.
pub(crate) struct Control<'a> {
    interrupt: &'a AtomicBool,
    failed: AtomicBool,
    root_cause: Mutex<Option<Error>>,
    busy: [AtomicU64; StageName::ALL.len()],
    pub(crate) progress: &'a Progress,
}

impl<'a> Control<'a> {
    pub(crate) fn new(interrupt: &'a AtomicBool, progress: &'a Progress) -> Self {
        Self {
            interrupt,
            failed: AtomicBool::new(false),
            root_cause: Mutex::new(None),
            busy: Default::default(),
            progress,
        }
    }

    /// Records why the run fails; the first reason given is the root cause, later ones are its echo.
    pub(crate) fn fail(&self, error: impl Into<Error>) -> Halt {
        self.root_cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.into());
        self.failed.store(true, Ordering::Release);
        Halt
    }

    /// Asked before each piece of work, so that an interrupt or a failure elsewhere stops the stage within one.
    pub(crate) fn check(&self) -> Result<(), Halt> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(self.fail(Error::Interrupted));
        }
        if self.failed.load(Ordering::Acquire) { Err(Halt) } else { Ok(()) }
    }

    /// Does a piece of a stage's work: its time counts as busy, and its panic becomes the run's error.
    pub(crate) fn work<T>(
        &self,
        stage: StageName,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Halt> {
        self.check()?;
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(work));
        self.add_busy(stage, started.elapsed());
        match outcome {
            Ok(result) => result.map_err(|error| self.fail(error)),
            Err(panic) => {
                Err(self.fail(Error::Panic { stage: stage.as_str(), message: panic_message(&*panic) }))
            }
        }
    }

    fn add_busy(&self, stage: StageName, time: Duration) {
        self.busy[stage as usize].fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Seconds the stage was at work, summed over its threads.
    pub(crate) fn busy_seconds(&self, stage: StageName) -> f64 {
        Duration::from_nanos(self.busy[stage as usize].load(Ordering::Relaxed)).as_secs_f64()
    }

    pub(crate) fn into_root_cause(self) -> Option<Error> {
        self.root_cause.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
