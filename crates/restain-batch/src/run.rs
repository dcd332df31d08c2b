//! A batch while it runs: which slides are due, which are being worked on, and what has become of the rest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use restain_pipeline::Settings;

use crate::config::Rename;
use crate::fingerprint::bytes_of;
use crate::inputs::Item;
use crate::message::{Answer, Outcome, Request, Task};
use crate::process::Process;
use crate::record::now;
use crate::report::{Fate, SlideSummary};
use crate::supervisor::{Ending, Event, Supervisor, TICK};
use crate::{Recipe, Record, Result, RunState, State, Summary, gather, names};

/// How long a process that was asked to stop may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Slides handed out at a time.
const HANDED_OUT: usize = 2;
/// How often a process may end while it works on a slide, before it is the slide's fault.
const CRASHES: u32 = 2;
/// A slide that was handed out.
struct Handed {
    /// When nothing but the process kept it from being started.
    waits: Instant,
    started: Option<Instant>,
    pixels: u64,
}

/// The batch while it runs.
pub(crate) struct Run<'a> {
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
    pub(crate) state: RunState,
    begun: Instant,
    stops_all: Option<String>,
}

impl<'a> Run<'a> {
    /// One of which nothing has been done.
    pub(crate) fn new(supervisor: &'a Supervisor<'a>) -> Self {
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
    pub(crate) fn is_over(&self) -> bool {
        let stopped = self.supervisor.config.stop_on_error && self.state.failed > 0;
        stopped || self.stops_all.is_some() || self.fates.iter().all(Option::is_some)
    }

    /// Whether nothing is due and nothing handed out, as others work on what is left.
    pub(crate) fn waits(&self) -> bool {
        self.handed.is_empty() && self.due.is_empty()
    }

    /// Whether a slide is due.
    pub(crate) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Makes due what others work on: should one of them end, its slide is free again.
    pub(crate) fn ask_again(&mut self) {
        self.due.extend(std::mem::take(&mut self.busy));
    }

    /// Whether the process works on a slide.
    pub(crate) fn has_started(&self) -> bool {
        self.handed.values().any(|slide| slide.started.is_some())
    }

    /// Gives the process what it may have.
    pub(crate) fn hand_out(&mut self, worker: &mut Process) -> Result<()> {
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

    /// Notes what the process has said.
    pub(crate) fn take(&mut self, answer: Answer, tell: &mut dyn FnMut(Event<'_>)) {
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
    pub(crate) fn bury(&mut self, reason: &str, tell: &mut dyn FnMut(Event<'_>)) {
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
                );
            } else {
                self.due.push_front(index);
            }
        }
    }

    /// The slide that has taken too long, or that its process does not even start.
    pub(crate) fn late(&self) -> Option<usize> {
        let limit = self.supervisor.config.limit()?;
        let late = |since: Instant| since.elapsed() > limit;
        let mut started = self.handed.iter().filter_map(|(index, slide)| Some((*index, slide.started?)));
        if self.has_started() {
            return started.find(|(_, since)| late(*since)).map(|(index, _)| index);
        }
        self.handed.iter().find(|(_, slide)| late(slide.waits)).map(|(index, _)| *index)
    }

    /// Gives a slide up, whose process has been killed; what else that process worked on is due again.
    pub(crate) fn give_up(&mut self, late: usize, tell: &mut dyn FnMut(Event<'_>)) {
        for index in std::mem::take(&mut self.handed).into_keys().filter(|index| *index != late) {
            self.due.push_front(index);
        }
        let minutes = self.supervisor.config.timeout.unwrap_or_default();
        let error = format!(
            "given up after {minutes:.2} minutes; copy the slide again, or allow more with --timeout"
        );
        self.record_failure(late, error, 1, tell);
    }

    /// Fails a slide whose process could not write its record.
    fn record_failure(
        &mut self,
        index: usize,
        error: String,
        attempts: u32,
        tell: &mut dyn FnMut(Event<'_>),
    ) {
        let Item { slide, name, .. } = &self.supervisor.items[index];
        let veiled = self.supervisor.config.rename == Rename::Hash;
        let error = if veiled { names::veil((slide, name), &error) } else { error };
        if let Err(trouble) = self.write_failure(index, &error, attempts) {
            self.stops_all = Some(trouble.to_string());
            tell(Event::Trouble(&trouble));
        }
        self.fail(index, error, tell);
    }

    /// Writes the record that the process could not write. The slide is not looked at: it may be what hangs.
    fn write_failure(&self, index: usize, error: &str, attempts: u32) -> Result<()> {
        let (name, out) = (&self.supervisor.items[index].name, self.supervisor.out);
        if let Some(_lock) = out.lock(name)? {
            out.clear(name);
            let mut record = Record::begin(None, Recipe::of(&self.settings[index])?);
            (record.state, record.error, record.ended) = (State::Failed, Some(error.to_owned()), Some(now()));
            record.attempts = attempts;
            out.write_record(name, &record)?;
        }
        Ok(())
    }

    /// Brings up to date how far it is.
    pub(crate) fn update(&mut self) {
        let started = |(index, slide): (&usize, &Handed)| {
            slide.started.map(|_| self.supervisor.items[*index].name.clone())
        };
        self.state.current = self.handed.iter().filter_map(started).collect();
        self.state.seconds = self.begun.elapsed().as_secs_f64();
        self.state.updated = now();
        self.state.under_way = self.handed.values().map(|slide| slide.pixels).sum();
    }

    /// Lets the process finish or roll back what it has begun.
    pub(crate) fn wind_up(&mut self, mut worker: Process, tell: &mut dyn FnMut(Event<'_>)) {
        // Where it cannot be said, the end of the input says the same.
        let _ = worker.ask(&Request::Stop);
        worker.hang_up();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match worker.answer(TICK) {
                Ok(answer) => self.take(answer, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        worker.kill();
    }

    /// Ends it, and writes its summary.
    pub(crate) fn finish(mut self, interrupted: bool, tell: &mut dyn FnMut(Event<'_>)) -> (Summary, Ending) {
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
        let saved = summary.save(out).and_then(|()| gather::write_report(out).map(drop));
        let ending = match (over, summary.run.failed) {
            (true, 0) if saved.is_err() => Ending::Stopped,
            (true, 0) => Ending::AllDone,
            (false, _) if interrupted => Ending::Interrupted,
            (false, _) => Ending::Stopped,
            (true, _) => Ending::SomeFailed,
        };
        if let Err(trouble) = saved {
            tell(Event::Trouble(&trouble));
        }
        (summary, ending)
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
