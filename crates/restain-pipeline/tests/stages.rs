//! Whatever a stage does, the run ends, says why, and leaves nothing behind.
//!
//! The failpoints are global to the process, so one test does it all.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{names, settings};
use fail::FailScenario;
use restain_pipeline::{Error, Job, Loaded, Progress, Report, Settings, StageName};
use restain_slide::Slide;
use restain_synth::Source;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Inputs of all runs, and the folder that is empty before and after each.
struct Bench {
    slide: PathBuf,
    output: PathBuf,
    settings: Settings,
}

/// A run in a thread of its own.
struct Running {
    interrupt: Arc<AtomicBool>,
    result: std::sync::mpsc::Receiver<Result<Report, Error>>,
}

impl Bench {
    #[expect(clippy::result_large_err, reason = "one error a run")]
    fn start(&self) -> Running {
        assert_eq!(names(self.output.parent().unwrap()), [""; 0]);
        let (slide, output, settings) = (self.slide.clone(), self.output.clone(), self.settings.clone());
        let interrupt = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupt);
        let (sender, result) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let run = || {
                let slide = Slide::open(slide)?;
                let selection = Loaded::new(&settings)?.select(|| unreachable!("no style is asked for"))?;
                Job::new(&slide, &selection, &settings)?.run(&output, false, &flag, &Progress::default())
            };
            sender.send(run())
        });
        Running { interrupt, result }
    }

    /// Runs with `failpoints`, each a stage and what it does, and expects an error; `case` names them.
    fn fails(&self, failpoints: &[(StageName, &str)]) -> Error {
        let scenario = FailScenario::setup();
        for (stage, action) in failpoints {
            fail::cfg(stage.as_str(), action).unwrap();
        }
        let result = self.start().end(&format!("{failpoints:?}"));
        scenario.teardown();
        let error = result.err().unwrap_or_else(|| panic!("{failpoints:?}: the run went well"));
        assert_eq!(names(self.output.parent().unwrap()), [""; 0], "{failpoints:?} left something behind");
        error
    }
}

impl Running {
    fn end(&self, case: &str) -> Result<Report, Error> {
        self.result.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{case}: the run hangs"))
    }
}

fn bench(folder: &Path, model: &str, tile: u32) -> Bench {
    let slide = folder.join("slide.mrxs");
    let output = folder.join("output");
    std::fs::create_dir_all(&output).unwrap();
    if !slide.exists() {
        common::write_mirax_of(Source::Cells, folder, 1400, 1300, 0.8);
    }
    let settings = Settings { threads: Some(2), ..settings(model, tile) };
    Bench { slide, output: output.join("out.tif"), settings }
}

#[test]
fn every_run_ends_with_its_root_cause() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::checkpoint::write(&folder.path().join("random.safetensors"), 2, 1);
    let identity = bench(folder.path(), "identity", 128);
    let model = bench(folder.path(), &model, 256);
    for stage in StageName::ALL {
        fails_at_once_or_midway(&identity, stage);
        fails_at_once_or_midway(&model, stage);
        fails_beside_a_slow_stage(&identity, stage);
        slow_runs_end_well(&identity, stage);
        interrupt_stops(&identity, stage);
        interrupt_stops(&model, stage);
    }
}

/// As soon as it starts, and when every channel is full.
fn fails_at_once_or_midway(bench: &Bench, stage: StageName) {
    for when in ["", "3*off->", "2*sleep(300)->"] {
        let error = bench.fails(&[(stage, &format!("{when}return"))]);
        assert!(matches!(error, Error::Injected(name) if name == stage.as_str()), "{stage:?}: {error}");
        let error = bench.fails(&[(stage, &format!("{when}panic"))]);
        assert!(
            matches!(error, Error::Panic { stage: name, .. } if name == stage.as_str()),
            "{stage:?}: {error}"
        );
    }
}

/// With every channel before the slow stage full, and every one after it empty.
fn fails_beside_a_slow_stage(bench: &Bench, stage: StageName) {
    for slow in StageName::ALL.into_iter().filter(|&slow| slow != stage) {
        let error = bench.fails(&[(slow, "sleep(20)"), (stage, "4*off->return")]);
        assert!(
            matches!(error, Error::Injected(name) if name == stage.as_str()),
            "{stage:?}, {slow:?}: {error}"
        );
    }
}

fn slow_runs_end_well(bench: &Bench, stage: StageName) {
    let scenario = FailScenario::setup();
    fail::cfg(stage.as_str(), "sleep(10)").unwrap();
    let result = bench.start().end(&format!("slow {stage:?}"));
    scenario.teardown();
    let report = result.unwrap();
    assert!(report.stage_seconds[&stage] > 0.1, "{stage:?} was not slow: {:?}", report.stage_seconds);
    std::fs::remove_file(&bench.output).unwrap();
}

fn interrupt_stops(bench: &Bench, stage: StageName) {
    let scenario = FailScenario::setup();
    fail::cfg(stage.as_str(), "sleep(200)").unwrap();
    let running = bench.start();
    thread::sleep(Duration::from_millis(400));
    running.interrupt.store(true, Ordering::Relaxed);
    let interrupted = Instant::now();
    let result = running.end(&format!("interrupted while {stage:?} is slow"));
    let seconds = interrupted.elapsed().as_secs_f64();
    scenario.teardown();
    assert!(
        matches!(result, Err(Error::Interrupted)),
        "{stage:?}: {:?}",
        result.map(|report| report.seconds)
    );
    assert!(seconds < 1.5, "{stage:?}: {seconds} s from the interrupt to the end");
    assert_eq!(names(bench.output.parent().unwrap()), [""; 0], "interrupted, {stage:?} slow");
}
