//! Keeps a process at work, slide after slide, and outlives whatever happens to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use restain_pipeline::{Loaded, Settings};

use crate::config::{BatchConfig, Rename};
use crate::fingerprint::bytes_of;
use crate::inputs::Item;
use crate::message::{Answer, Outcome, Request, Task};
use crate::record::now;
use crate::report::{Fate, SlideSummary};
use crate::{Error, Fingerprint, OutFolder, Recipe, Record, Result, RunState, State, Summary, names};

/// How often it looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// How often it says how far it is.
const SAY: Duration = Duration::from_secs(1);
/// How long it waits before it asks again for slides that others work on.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a process that was asked to stop may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Slides handed out at a time.
const HANDED_OUT: usize = 2;
/// How often a process may end while it works on a slide, before it is the slide's fault.
const CRASHES: u32 = 2;
/// How often a process may end before it works on any slide.
const FALSE_STARTS: u32 = 3;
/// Bytes of what a process said last that are kept.
const LAST_WORDS: usize = 2000;

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
    /// It was ended by a slide's failure, or by one that all others would share.
    Stopped,
}

/// The process, and what it has been given.
struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<Answer>,
    last_words: JoinHandle<String>,
}

/// A slide that was handed out.
struct Handed {
    /// When nothing but the process kept it from being started.
    waits: Instant,
    started: Option<Instant>,
    pixels: u64,
}

/// The batch while it runs.
struct Run<'a> {
    supervisor: &'a Supervisor<'a>,
    settings: Vec<Settings>,
    /// Bytes of each slide, by which time left is told.
    bytes: Vec<u64>,
    due: VecDeque<usize>,
    busy: Vec<usize>,
    alone: BTreeSet<usize>,
    crashes: BTreeMap<usize, u32>,
    handed: BTreeMap<usize, Handed>,
    fates: Vec<Option<SlideSummary>>,
    state: RunState,
    begun: Instant,
    stops_all: Option<String>,
}

impl Supervisor<'_> {
    /// Runs the batch to its end, or until `stop` is set, and writes its summary.
    ///
    /// # Errors
    /// Where the model or a style cannot be read; [`Error::Start`] and [`Error::Folder`] where nothing can be run or written.
    /// What happens to a slide is in the summary.
    pub fn run(&self, stop: &AtomicBool, tell: &mut dyn FnMut(Event<'_>)) -> Result<(Summary, Ending)> {
        // What all slides need is looked at before any of them fails for it.
        Loaded::new(&self.config.normalize)?;
        Recipe::of(&self.config.normalize)?;
        let mut run = Run::new(self);
        let mut worker: Option<Worker> = None;
        let (mut false_starts, mut said, mut asked) = (0, None::<Instant>, None::<Instant>);
        loop {
            if stop.load(Ordering::Relaxed) || run.is_over() {
                break;
            }
            if run.handed.is_empty() && run.due.is_empty() {
                // Others work on what is left; should one of them end, its slide is free again.
                if asked.is_none_or(|at| at.elapsed() >= AGAIN) {
                    asked = Some(Instant::now());
                    run.due.extend(std::mem::take(&mut run.busy));
                } else {
                    thread::sleep(TICK);
                }
            }
            if worker.is_none() && !run.due.is_empty() {
                worker = Some(self.start(run.state.begun)?);
            }
            if let Some(at_work) = &mut worker {
                run.hand_out(at_work)?;
                match at_work.answers.recv_timeout(TICK) {
                    Ok(answer) => {
                        if matches!(answer, Answer::Started { .. }) {
                            false_starts = 0;
                        }
                        run.take(answer, tell);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        let reason = worker.take().map(Worker::reason).unwrap_or_default();
                        if run.handed.values().all(|slide| slide.started.is_none()) {
                            false_starts += 1;
                            if false_starts == FALSE_STARTS {
                                return Err(Error::Start(std::io::Error::other(reason)));
                            }
                        }
                        run.bury(&reason, tell)?;
                    }
                }
                if let Some(late) = run.late() {
                    if let Some(at_work) = worker.take() {
                        at_work.kill();
                    }
                    run.give_up(late, tell)?;
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
        run.finish(stop.load(Ordering::Relaxed))
    }

    fn start(&self, begun: u64) -> Result<Worker> {
        let mut command = (self.command)();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A Ctrl-C at the terminal is for the supervisor alone, which then asks the process to roll back.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(Error::Start)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::Protocol("no pipes".to_owned()));
        };
        let (sender, answers) = crossbeam_channel::unbounded();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // What is no answer is a library's chatter.
                let Ok(answer) = serde_json::from_str(&line) else { continue };
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        let last_words = thread::spawn(move || last_words(stderr));
        let mut worker = Worker { child, stdin: Some(stdin), answers, last_words };
        worker.ask(&Request::Setup { output: self.out.path().into(), begun })?;
        Ok(worker)
    }
}

/// The end of what a process says, however much it is.
fn last_words(mut stderr: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().lines().last().unwrap_or_default().to_owned()
}

impl Worker {
    /// Fails where the request cannot be said, as no answer would ever come.
    fn ask(&mut self, request: &Request) -> Result<()> {
        let line = serde_json::to_string(request).map_err(|error| Error::Protocol(error.to_string()))?;
        // A process that has ended is noticed by its silence.
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
        Ok(())
    }

    fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Why a process that has ended did so.
    fn reason(mut self) -> String {
        self.stdin = None;
        let status = self.child.wait();
        let words = self.last_words.join().unwrap_or_default();
        let status = match status {
            #[cfg(unix)]
            Ok(status) => std::os::unix::process::ExitStatusExt::signal(&status)
                .map_or_else(|| status.to_string(), |signal| format!("signal {signal}{}", meaning(signal))),
            #[cfg(not(unix))]
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if words.is_empty() { status } else { format!("{status}: {words}") }
    }
}

/// What a signal usually means to a person.
#[cfg(unix)]
fn meaning(signal: i32) -> &'static str {
    match signal {
        4 | 6 | 7 | 8 | 11 => ", a crash in a library: the slide is damaged in a way that it does not expect",
        9 => ", most often because the memory of the machine was full",
        _ => "",
    }
}

impl<'a> Run<'a> {
    fn new(supervisor: &'a Supervisor<'a>) -> Self {
        let items = supervisor.items;
        let settings = items.iter().map(|item| settings_of(&supervisor.config.normalize, item)).collect();
        let bytes: Vec<u64> = items.iter().map(|item| bytes_of(&item.slide)).collect();
        let mut state = RunState::begin(supervisor.config.shard, items.len());
        state.bytes[1] = bytes.iter().sum();
        Self {
            supervisor,
            settings,
            bytes,
            due: (0..items.len()).collect(),
            busy: Vec::new(),
            alone: BTreeSet::new(),
            crashes: BTreeMap::new(),
            handed: BTreeMap::new(),
            fates: vec![None; items.len()],
            state,
            begun: Instant::now(),
            stops_all: None,
        }
    }

    /// Whether there is nothing left to do, or no sense in it.
    fn is_over(&self) -> bool {
        let stopped = self.supervisor.config.stop_on_error && self.state.failed > 0;
        stopped || self.stops_all.is_some() || self.fates.iter().all(Option::is_some)
    }

    fn hand_out(&mut self, worker: &mut Worker) -> Result<()> {
        while let Some(&index) = self.due.front() {
            let alone = self.alone.contains(&index);
            let others_alone = self.handed.keys().any(|other| self.alone.contains(other));
            if self.handed.len() >= HANDED_OUT || (alone || others_alone) && !self.handed.is_empty() {
                break;
            }
            self.due.pop_front();
            let Item { slide, name, .. } = &self.supervisor.items[index];
            let veiled = self.supervisor.config.rename == Rename::Hash;
            let (slide, name, settings) = (slide.into(), name.clone(), self.settings[index].clone());
            worker.ask(&Request::Task(Task { index, slide, name, settings, alone, veiled }))?;
            self.handed.insert(index, Handed { waits: Instant::now(), started: None, pixels: 0 });
        }
        Ok(())
    }

    fn take(&mut self, answer: Answer, tell: &mut dyn FnMut(Event<'_>)) {
        match answer {
            Answer::Started { index } => {
                if let Some(slide) = self.handed.get_mut(&index) {
                    slide.started = Some(Instant::now());
                }
            }
            Answer::Progress { index, done, .. } => {
                if let Some(slide) = self.handed.get_mut(&index) {
                    slide.pixels = done;
                }
            }
            Answer::Ended { index, outcome } => {
                self.handed.remove(&index);
                self.handed.values_mut().for_each(|next| next.waits = Instant::now());
                match outcome {
                    Outcome::Busy => self.busy.push(index),
                    Outcome::Interrupted => self.due.push_front(index),
                    Outcome::Done { pixels, seconds, bytes, already } => {
                        self.state.done += 1;
                        self.state.already += u64::from(already);
                        if !already {
                            self.state.pixels += pixels;
                        }
                        let name = self.supervisor.items[index].name.clone();
                        let done = SlideSummary {
                            name,
                            fate: Fate::Done,
                            already,
                            pixels,
                            seconds,
                            bytes,
                            error: None,
                        };
                        self.settle(index, done, tell);
                    }
                    Outcome::Failed { error, stops_all } => {
                        if stops_all {
                            self.stops_all = Some(error.clone());
                        }
                        self.fail(index, error, tell);
                    }
                }
            }
        }
    }

    fn fail(&mut self, index: usize, error: String, tell: &mut dyn FnMut(Event<'_>)) {
        self.state.failed += 1;
        let name = self.supervisor.items[index].name.clone();
        let failed = SlideSummary {
            name,
            fate: Fate::Failed,
            already: false,
            pixels: 0,
            seconds: 0.0,
            bytes: 0,
            error: Some(error),
        };
        self.settle(index, failed, tell);
    }

    fn settle(&mut self, index: usize, fate: SlideSummary, tell: &mut dyn FnMut(Event<'_>)) {
        self.state.bytes[0] += self.bytes[index];
        tell(Event::Slide(self.fates[index].insert(fate)));
    }

    /// The process has ended by itself. What it worked on is tried again, each alone; whose fault it is twice has failed.
    fn bury(&mut self, reason: &str, tell: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        for (index, slide) in std::mem::take(&mut self.handed) {
            if slide.started.is_none() {
                self.due.push_front(index);
                continue;
            }
            self.alone.insert(index);
            let crashes = self.crashes.entry(index).or_default();
            *crashes += 1;
            if *crashes >= CRASHES {
                let attempts = *crashes;
                self.record_failure(
                    index,
                    format!("the process that worked on it ended: {reason}"),
                    attempts,
                    tell,
                )?;
            } else {
                self.due.push_front(index);
            }
        }
        Ok(())
    }

    /// The slide that has taken too long, or that its process does not even start.
    fn late(&self) -> Option<usize> {
        let limit = Duration::try_from_secs_f64(self.supervisor.config.timeout? * 60.0).ok()?;
        let late = |since: Instant| since.elapsed() > limit;
        let mut started = self.handed.iter().filter_map(|(index, slide)| Some((*index, slide.started?)));
        if self.handed.values().any(|slide| slide.started.is_some()) {
            return started.find(|(_, since)| late(*since)).map(|(index, _)| index);
        }
        self.handed.iter().find(|(_, slide)| late(slide.waits)).map(|(index, _)| *index)
    }

    /// Gives a slide up, whose process has been killed; what else that process worked on is due again.
    fn give_up(&mut self, late: usize, tell: &mut dyn FnMut(Event<'_>)) -> Result<()> {
        for index in std::mem::take(&mut self.handed).into_keys().filter(|index| *index != late) {
            self.due.push_front(index);
        }
        let minutes = self.supervisor.config.timeout.unwrap_or_default();
        self.record_failure(late, format!("given up after {minutes} minutes (--timeout)"), 1, tell)
    }

    /// Writes the record that the process could not write.
    fn record_failure(
        &mut self,
        index: usize,
        error: String,
        attempts: u32,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let Item { slide, name, .. } = &self.supervisor.items[index];
        let out = self.supervisor.out;
        let veiled = self.supervisor.config.rename == Rename::Hash;
        let error = if veiled { names::veil((slide, name), &error) } else { error };
        if let Some(_lock) = out.lock(name)? {
            out.clear(name);
            let mut record = Record::begin(Fingerprint::of(slide).ok(), Recipe::of(&self.settings[index])?);
            (record.state, record.error, record.ended) = (State::Failed, Some(error.clone()), Some(now()));
            record.attempts = attempts;
            out.write_record(name, &record)?;
        }
        self.fail(index, error, tell);
        Ok(())
    }

    fn update(&mut self) {
        let started = |(index, slide): (&usize, &Handed)| {
            slide.started.map(|_| self.supervisor.items[*index].name.clone())
        };
        self.state.current = self.handed.iter().filter_map(started).collect();
        self.state.seconds = self.begun.elapsed().as_secs_f64();
        self.state.updated = now();
        self.state.under_way = self.handed.values().map(|slide| slide.pixels).sum();
    }

    /// Lets the process finish or roll back what it has begun.
    fn wind_up(&mut self, mut worker: Worker, tell: &mut dyn FnMut(Event<'_>)) {
        // Where it cannot be said, the end of the input says the same.
        let _ = worker.ask(&Request::Stop);
        worker.stdin = None;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match worker.answers.recv_timeout(TICK) {
                Ok(answer) => self.take(answer, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        worker.kill();
    }

    fn finish(mut self, interrupted: bool) -> Result<(Summary, Ending)> {
        self.handed.clear();
        self.update();
        self.state.ended = true;
        let over = self.fates.iter().all(Option::is_some);
        let due = |item: &Item| SlideSummary {
            name: item.name.clone(),
            fate: Fate::Due,
            already: false,
            pixels: 0,
            seconds: 0.0,
            bytes: 0,
            error: None,
        };
        let slides = self
            .fates
            .into_iter()
            .zip(self.supervisor.items)
            .map(|(fate, item)| fate.unwrap_or_else(|| due(item)));
        let summary = Summary { slides: slides.collect(), run: self.state };
        let out = self.supervisor.out;
        let _ = out.write_run(&summary.run.name(), &summary.run);
        summary.save(out)?;
        let ending = match (over, summary.run.failed) {
            (true, 0) => Ending::AllDone,
            (false, _) if interrupted => Ending::Interrupted,
            (false, _) => Ending::Stopped,
            (true, _) => Ending::SomeFailed,
        };
        Ok((summary, ending))
    }
}

/// The settings of the batch with what the manifest says of a slide.
fn settings_of(batch: &Settings, item: &Item) -> Settings {
    let mut settings = batch.clone();
    if let Some(model) = &item.own.model {
        settings.model = Some(model.clone());
    }
    if item.own.level.is_some() || item.own.mpp.is_some() {
        (settings.level, settings.mpp) = (item.own.level, item.own.mpp);
    }
    settings
}
