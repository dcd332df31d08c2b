//! Keeps a process at work, slide after slide, and outlives whatever happens to it.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use restain_pipeline::Loaded;

use crate::config::{BatchConfig, Rename};
use crate::inputs::Item;
use crate::message::Answer;
use crate::process::Process;
use crate::report::SlideSummary;
use crate::run::Run;
use crate::{Error, OutFolder, Recipe, Result, RunState, Summary};

/// How often it looks at the clock.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// How often it says how far it is.
const SAY: Duration = Duration::from_secs(1);
/// How long it waits before it asks again for slides that others work on.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a process may end before it works on any slide.
const FALSE_STARTS: u32 = 3;
/// A batch to be run.
pub struct Supervisor<'a> {
    /// The slides, in their order.
    pub items: &'a [Item],
    /// What is asked for.
    pub config: &'a BatchConfig,
    /// Where outputs go.
    pub out: &'a OutFolder,
    /// Starts a process that runs [`crate::worker::run`] on its standard input and output.
    pub command: &'a dyn Fn() -> Command,
}

/// What a supervisor tells.
pub enum Event<'a> {
    /// A slide is no longer worked on.
    Slide(&'a SlideSummary),
    /// How far the batch is; comes ten times a second.
    State(&'a RunState),
    /// Something about the batch could not be written.
    Trouble(&'a Error),
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every slide is done.
    AllDone,
    /// Some slides failed.
    SomeFailed,
    /// It was stopped by the user.
    Interrupted,
    /// It was ended by a slide's failure, or by one that all others would share, such as a full disk.
    Stopped,
}

impl Supervisor<'_> {
    /// Runs the batch to its end, or until `stop` is set, and writes its summary.
    ///
    /// # Errors
    /// Where the model or a style cannot be read; [`Error::Start`] where nothing can be run.
    /// What happens to a slide is in the summary.
    pub fn run(&self, stop: &AtomicBool, tell: &mut dyn FnMut(Event<'_>)) -> Result<(Summary, Ending)> {
        // What all slides need is looked at before any of them fails for it.
        Loaded::new(&self.config.normalize)?;
        Recipe::of(&self.config.normalize)?;
        self.out.forget_runs(RunState::is_over);
        let mut run = Run::new(self);
        let mut worker: Option<Process> = None;
        let (mut false_starts, mut said, mut asked) = (0, None::<Instant>, None::<Instant>);
        loop {
            if stop.load(Ordering::Relaxed) || run.is_over() {
                break;
            }
            if run.waits() {
                if asked.is_none_or(|at| at.elapsed() >= AGAIN) {
                    asked = Some(Instant::now());
                    run.ask_again();
                } else {
                    thread::sleep(TICK);
                }
            }
            if worker.is_none() && run.is_due() {
                worker = Some(Process::start((self.command)(), self.out.path(), run.state.begun)?);
            }
            if let Some(at_work) = &mut worker {
                run.hand_out(at_work)?;
                match at_work.answer(TICK) {
                    Ok(answer) => {
                        if matches!(answer, Answer::Started { .. }) {
                            false_starts = 0;
                        }
                        run.take(answer, tell);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        let reason = worker
                            .take()
                            .map(|gone| gone.reason(self.config.rename == Rename::No))
                            .unwrap_or_default();
                        if !run.has_started() {
                            false_starts += 1;
                            if false_starts == FALSE_STARTS {
                                return Err(Error::Start(std::io::Error::other(reason)));
                            }
                        }
                        run.bury(&reason, tell);
                    }
                }
                if let Some(late) = run.late() {
                    if let Some(at_work) = worker.take() {
                        at_work.kill();
                    }
                    run.give_up(late, tell);
                }
            }
            run.update();
            tell(Event::State(&run.state));
            if said.is_none_or(|at| at.elapsed() >= SAY) {
                said = Some(Instant::now());
                // A full disk is told by the slide that meets it.
                let _ = self.out.write_run(&run.state.name(), &run.state);
            }
        }
        if let Some(at_work) = worker {
            run.wind_up(at_work, tell);
        }
        Ok(run.finish(stop.load(Ordering::Relaxed), tell))
    }
}
