//! The process that works on slides. It begins the next while the last is being written, so that the device is never idle.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use crossbeam_channel::RecvTimeoutError;
use restain_net::hex;
use restain_pipeline::{CompressionKind, Job, Loaded, Progress, Settings, Style};
use restain_slide::Slide;
use sha2::{Digest, Sha256};

use crate::findings::Findings;
use crate::message::{Answer, Outcome, Request, Task};
use crate::recipe::Hashes;
use crate::record::now;
use crate::{Error, Fingerprint, OutFolder, Output, Recipe, Record, Result, State, names};

/// How often it looks whether the next slide may begin.
const TICK: Duration = Duration::from_millis(5);
/// How often it says how far a slide is.
const SAY: Duration = Duration::from_millis(500);
/// How often a slide is tried.
const ATTEMPTS: u32 = 2;
/// Slides under way: one that is being read, and one that is being written.
const UNDER_WAY: usize = 2;

/// Takes slides from `input` and answers on `output` until the input ends.
///
/// # Errors
/// [`Error::Protocol`] where the input is not that of a supervisor of this version; where the output folder cannot be used.
pub fn run(input: impl BufRead + Send, output: impl Write + Send) -> Result<()> {
    let mut lines = input.lines();
    let mut next = move || -> Result<Option<Request>> {
        let Some(line) = lines.next() else { return Ok(None) };
        let line = line.map_err(|error| Error::Protocol(error.to_string()))?;
        serde_json::from_str(&line).map(Some).map_err(|error| Error::Protocol(error.to_string()))
    };
    let Some(Request::Setup { output: folder, begun }) = next()? else {
        return Err(Error::Protocol("no setup".to_owned()));
    };
    let worker = Worker {
        out: OutFolder::create(Path::new(&folder))?,
        begun,
        stop: AtomicBool::new(false),
        loaded: Mutex::new(None),
        hashes: Mutex::new(None),
        output: Mutex::new(output),
    };
    let (tasks, queue) = crossbeam_channel::bounded(UNDER_WAY);
    thread::scope(|scope| {
        let worker = &worker;
        let listener = scope.spawn(move || {
            let heard = loop {
                match next() {
                    Ok(Some(Request::Task(task))) => {
                        // Who takes them lives as long as the sender.
                        let _ = tasks.send(task);
                    }
                    Ok(Some(Request::Setup { .. })) => {
                        break Err(Error::Protocol("a second setup".to_owned()));
                    }
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            worker.stop.store(true, Ordering::Relaxed);
            heard
        });
        let mut running = Vec::<Running<'_>>::new();
        for task in queue {
            while !may_begin(&mut running, task.alone) {
                thread::sleep(TICK);
            }
            if worker.stop.load(Ordering::Relaxed) {
                worker.answer(&Answer::Ended { index: task.index, outcome: Outcome::Interrupted });
                continue;
            }
            let progress = Arc::new(Progress::default());
            let (alone, shared) = (task.alone, Arc::clone(&progress));
            let thread = scope.spawn(move || worker.work(&task, &shared));
            running.push(Running { thread, progress, alone });
        }
        listener.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A slide under way.
struct Running<'a> {
    thread: ScopedJoinHandle<'a, ()>,
    progress: Arc<Progress>,
    alone: bool,
}

/// Whether a further slide may begin: the last one has been read, and nobody wants to be alone.
fn may_begin(running: &mut Vec<Running<'_>>, alone: bool) -> bool {
    running.retain(|slide| !slide.thread.is_finished());
    running.is_empty()
        || !alone
            && running.len() < UNDER_WAY
            && running.iter().all(|slide| !slide.alone && slide.progress.is_read())
}

struct Worker<W> {
    out: OutFolder,
    begun: u64,
    stop: AtomicBool,
    /// The model of the last slide, and the settings it was loaded for.
    loaded: Mutex<Option<(String, Arc<Loaded>)>>,
    /// The hashes of the last slide's model and styles, and the settings that name these.
    hashes: Mutex<Option<(String, Hashes)>>,
    output: Mutex<W>,
}

impl<W: Write + Send> Worker<W> {
    fn answer(&self, answer: &Answer) {
        let Ok(line) = serde_json::to_string(answer) else { return };
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // Who does not listen any more has ended the input as well.
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    }

    /// One slide, from its lock to its record.
    fn work(&self, task: &Task, progress: &Progress) {
        let index = task.index;
        self.answer(&Answer::Started { index });
        let (working, ended) = crossbeam_channel::bounded::<()>(0);
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                while ended.recv_timeout(SAY) == Err(RecvTimeoutError::Timeout) {
                    let (total, done) = progress.pixels();
                    self.answer(&Answer::Progress { index, done, total });
                }
            });
            let worked = catch_unwind(AssertUnwindSafe(|| self.outcome(task, progress)));
            drop(working);
            worked
        });
        let outcome = outcome.unwrap_or_else(|_| Outcome::Failed {
            error: "a bug in restain ended the work on this slide; please report it".to_owned(),
            stops_all: false,
        });
        self.answer(&Answer::Ended { index, outcome });
    }

    fn outcome(&self, task: &Task, progress: &Progress) -> Outcome {
        let failed =
            |error: &Error| Outcome::Failed { error: message(task, error), stops_all: error.stops_all() };
        match self.attend(task, progress) {
            Ok(outcome) => outcome,
            Err(error) if self.stop.load(Ordering::Relaxed) && error.is_interrupt() => Outcome::Interrupted,
            Err(error) => failed(&error),
        }
    }

    /// Finds out whether there is anything to do, and does it.
    fn attend(&self, task: &Task, progress: &Progress) -> Result<Outcome> {
        let Some(_lock) = self.out.lock(&task.name)? else { return Ok(Outcome::Busy) };
        let (slide, output) = (Path::new(&task.slide), self.out.output(&task.name));
        let recipe = self.recipe(&task.settings)?;
        // What a slide lacks is best told by who opens slides.
        let input =
            Fingerprint::of(slide).map_err(|error| Slide::open(slide).err().map_or(error, Error::from));
        let known = self.out.record(&task.name);
        if let (Some(record), Ok(input)) = (&known, &input) {
            let made = record.output.as_ref().filter(|_| record.has_done(input, &recipe));
            if let Some(made) = made.filter(|made| is_there(&output, made, &self.stop)) {
                if !self.out.findings(&task.name).is_some_and(|findings| findings.is_about(made)) {
                    self.examine(task, &output, made, BTreeMap::new())?;
                }
                let Output { bytes, pixels, .. } = *made;
                return Ok(Outcome::Done { pixels, seconds: record.seconds, bytes, already: true });
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Outcome::Interrupted);
        }
        // What another process has just failed to do is not tried by this one again.
        if let Some(Record {
            state: State::Failed,
            ended: Some(ended),
            error: Some(error),
            recipe: tried,
            ..
        }) = &known
            && *ended >= self.begun
            && *tried == recipe
        {
            return Ok(Outcome::Failed { error: error.clone(), stops_all: false });
        }
        if known.is_none() && output.symlink_metadata().is_ok() {
            return Err(Error::Foreign(output));
        }
        self.out.clear(&task.name);
        let begun = Instant::now();
        let mut record = Record::begin(input.as_ref().ok().cloned(), recipe);
        self.out.write_record(&task.name, &record)?;
        let made = input.and_then(|input| {
            loop {
                record.attempts += 1;
                match self.make(task, input.bytes, &output, progress) {
                    Ok(made) => break Ok(made),
                    Err(error) if error.is_interrupt() || error.stops_all() => break Err(error),
                    Err(error) if record.attempts == ATTEMPTS => break Err(error),
                    Err(_) => {}
                }
            }
        });
        (record.seconds, record.ended) = (begun.elapsed().as_secs_f64(), Some(now()));
        match made {
            Ok((made, stage_seconds)) => {
                let Output { bytes, pixels, .. } = made;
                (record.state, record.output) = (State::Done, Some(made.clone()));
                self.out.write_record(&task.name, &record)?;
                self.examine(task, &output, &made, stage_seconds)?;
                Ok(Outcome::Done { pixels, seconds: record.seconds, bytes, already: false })
            }
            Err(error) => {
                // A slide that was given back to the batch is due, not failed.
                if !error.is_interrupt() {
                    (record.state, record.error) = (State::Failed, Some(message(task, &error)));
                    self.out.write_record(&task.name, &record)?;
                }
                Err(error)
            }
        }
    }

    /// Compares the output with its slide, for the report. Where the user stops it, the next run does so.
    fn examine(
        &self,
        task: &Task,
        output: &Path,
        made: &Output,
        stages: BTreeMap<String, f64>,
    ) -> Result<()> {
        let files = (Path::new(&task.slide), output, made);
        let loaded = self.loaded(&task.settings)?;
        match Findings::of(files, &loaded, stages, |error| message(task, error), &self.stop) {
            Ok(findings) => self.out.write_findings(&task.name, &findings),
            Err(error) if error.is_interrupt() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Normalizes the slide and proves the output; says how long each stage took.
    fn make(
        &self,
        task: &Task,
        bytes: u64,
        output: &Path,
        progress: &Progress,
    ) -> Result<(Output, BTreeMap<String, f64>)> {
        let share = if task.alone { 1 } else { UNDER_WAY as u64 };
        let memory = task.settings.memory.map(|all| ByteSize(all.as_u64() / share));
        let settings = &Settings { memory, ..task.settings.clone() };
        let slide = Slide::open(Path::new(&task.slide))?;
        let threads = settings.threads()?;
        let selection = self.loaded(settings)?.select(|| Style::of_slide(&slide, threads, &self.stop))?;
        let job = Job::new(&slide, &selection, settings)?;
        let (free, needed) = (self.out.free()?, needed(job.pixels(), bytes, settings.compression));
        if free < needed {
            return Err(Error::NoRoom { folder: self.out.path().to_owned(), free, needed });
        }
        let report = job.run(output, true, &self.stop, progress)?;
        drop(slide);
        let proven = restain_tiff::verify(output, &self.stop).and_then(|_| hash(output));
        let sha256 = proven.inspect_err(|_| {
            // Nothing that is not proven good is left.
            let _ = std::fs::remove_file(output);
        })?;
        let stages =
            report.stage_seconds.into_iter().map(|(stage, seconds)| (stage.as_str().to_owned(), seconds));
        Ok((Output { sha256, bytes: report.bytes, pixels: report.pixels }, stages.collect()))
    }

    /// The model of these settings.
    fn loaded(&self, settings: &Settings) -> Result<Arc<Loaded>> {
        last_or_new(&self.loaded, settings, || Ok(Arc::new(Loaded::new(settings)?)))
    }

    /// The recipe of these settings. What their files held when the first slide asked for them holds for all.
    fn recipe(&self, settings: &Settings) -> Result<Recipe> {
        Ok(Recipe::new(settings, last_or_new(&self.hashes, settings, || Hashes::of(settings))?))
    }
}

/// What settings ask for: most slides share that of the last.
fn last_or_new<T: Clone>(
    last: &Mutex<Option<(String, T)>>,
    settings: &Settings,
    new: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let shared = Settings { level: None, mpp: None, memory: None, ..settings.clone() };
    let key = serde_json::to_string(&shared).map_err(|error| Error::Protocol(error.to_string()))?;
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, kept)) = &*last
        && *known == key
    {
        return Ok(kept.clone());
    }
    let made = new()?;
    *last = Some((key, made.clone()));
    Ok(made)
}

/// Bytes that an output may need: by what tiles of cells take, a byte a pixel as JPEG and three without loss, and a third of
/// that for the other levels; but no more than so many times the bytes of the slide, which may be mostly glass.
fn needed(pixels: u64, slide: u64, compression: CompressionKind) -> u64 {
    let (a_pixel, a_byte) = match compression {
        CompressionKind::Jpeg => (1, 3),
        CompressionKind::Deflate => (3, 12),
    };
    (pixels * a_pixel * 4 / 3).min(slide.saturating_mul(a_byte))
}

/// What went wrong, as it may be shown.
fn message(task: &Task, error: &Error) -> String {
    if task.veiled {
        names::veil((Path::new(&task.slide), &task.name), &error.discreet())
    } else {
        error.to_string()
    }
}

/// Whether an output is there and every checksum holds.
fn is_there(path: &Path, made: &Output, stop: &AtomicBool) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == made.bytes)
        && restain_tiff::compare_sums(path, stop).is_ok()
}

/// SHA-256 of a file.
fn hash(path: &Path) -> restain_tiff::Result<String> {
    let unread = |source| restain_tiff::Error::Read { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(unread)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(unread)?;
    Ok(hex(&hasher.finalize()))
}
