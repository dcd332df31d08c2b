//! A night of slides in small: what is done, what fails, and what happens when somebody pulls the plug.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{names, own_lines, restain, run, run_well, synth, text};
use serde_json::Value;
use tempfile::TempDir;

/// A name no output may hold.
const PATIENT: &str = "Jane-Doe-1952";

/// Six small slides for all tests.
static SLIDES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=6 {
        let (name, seed) = (format!("{PATIENT}-{seed}.mrxs"), seed.to_string());
        synth(&folder.path().join(name), "1500x1200", &["--seed", &seed]);
    }
    folder
});

fn slides() -> &'static str {
    SLIDES.path().to_str().unwrap()
}

/// An output folder to be.
fn desk() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    (folder, out)
}

fn batch(out: &Path, more: &[&str]) -> Command {
    let mut command = restain();
    command.args(["batch", "--model", "identity", "-o"]).arg(out).args(more);
    command
}

fn end(out: &Path, more: &[&str]) -> Output {
    batch(out, more).output().unwrap()
}

/// Names in a folder with an extension.
fn ending(folder: &Path, extension: &'static str) -> impl Iterator<Item = String> {
    names(folder)
        .into_iter()
        .filter(move |name| Path::new(name).extension().is_some_and(|end| end == extension))
}

/// The outputs, by name.
fn outputs(out: &Path) -> BTreeMap<String, Vec<u8>> {
    ending(out, "tif").map(|name| (name.clone(), fs::read(out.join(name)).unwrap())).collect()
}

fn record(out: &Path, name: &str) -> Value {
    let path = out.join(".restain/records").join(format!("{name}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What an undisturbed batch makes of the slides.
static TRUTH: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let (_folder, out) = desk();
    let ended = end(&out, &[slides()]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    outputs(&out)
});

/// The process that works for a batch, once it has become one.
fn worker(batch: &Child) -> Option<u32> {
    let children = format!("/proc/{0}/task/{0}/children", batch.id());
    let child = fs::read_to_string(children).ok()?.split_whitespace().next()?.parse().ok()?;
    let program = fs::read_to_string(format!("/proc/{child}/cmdline")).ok()?;
    program.contains("batch-worker").then_some(child)
}

/// Sends a signal to a process that may have ended meanwhile.
fn signal(process: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

#[test]
fn every_slide_is_done_once_and_the_bad_one_named() {
    let (folder, out) = desk();
    let bad = folder.path().join("bad.svs");
    fs::write(&bad, "no slide").unwrap();
    let inputs = [slides(), bad.to_str().unwrap()];
    let first = end(&out, &inputs);
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("6 of 7 slides done, 1 failed, 0 due"), "{}", text(&first.stdout));
    let [line] = &own_lines(&first.stderr)[..] else { panic!("{}", text(&first.stderr)) };
    assert!(line.starts_with("error: bad: ") && line.contains("not a slide"), "{line}");
    assert_eq!(record(&out, "bad")["attempts"], 2);
    assert!(outputs(&out) == *TRUTH);
    assert_eq!(run(["verify", "-q", out.to_str().unwrap()]).status.code(), Some(0));
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 8, "{summary}");
    assert!(summary.contains("bad,failed"), "{summary}");
    let status = run_well(["status", out.to_str().unwrap()]);
    assert!(status.contains("\nfailed: bad: "), "{}", status);
    assert!(status.ends_with("6 slides done, 1 failed\n"), "{}", status);

    // What was made is as `restain normalize` makes it.
    let one = folder.path().join("one.tif");
    let slide = format!("{}/{PATIENT}-1.mrxs", slides());
    run_well(["normalize", "-q", "--model", "identity", &slide, "-o", one.to_str().unwrap()]);
    assert!(fs::read(one).unwrap() == TRUTH[&format!("{PATIENT}-1.tif")]);

    // Nothing is due but what failed.
    let written = || fs::metadata(out.join(format!("{PATIENT}-2.tif"))).unwrap().modified().unwrap();
    let before = written();
    let second = end(&out, &inputs);
    assert!(text(&second.stdout).contains("6 of 7 slides done (6 of them before), 1 failed"));
    assert_eq!(written(), before);
    // Another setting, a changed slide, a damaged output.
    let third = end(&out, &[slides(), "--quality", "80"]);
    assert_eq!(third.status.code(), Some(0), "{}", text(&third.stderr));
    assert!(outputs(&out) != *TRUTH && text(&third.stdout).contains("6 of 6 slides done, 0 failed"));
    end(&out, &[slides()]);
    fs::write(out.join(format!("{PATIENT}-3.tif")), "half").unwrap();
    let flipped = out.join(format!("{PATIENT}-4.tif"));
    let mut bytes = fs::read(&flipped).unwrap();
    bytes[5000] ^= 1;
    fs::write(&flipped, bytes).unwrap();
    let fourth = end(&out, &[slides()]);
    assert!(text(&fourth.stdout).contains("(4 of them before)"), "{}", text(&fourth.stdout));
    assert!(outputs(&out) == *TRUTH);
}

#[test]
fn what_cannot_run_at_all_says_so() {
    let (folder, out) = desk();
    for (code, inputs, words) in [
        (1, vec!["nowhere"], "there is no slide here"),
        (2, vec![], "which slides?"),
        (2, vec![slides(), "--timeout", "0"], "makes no sense"),
        (2, vec![slides(), "--quality", "0"], "not between 1 and 100"),
        (2, vec![slides(), "--mapping", "a.csv"], "only with --rename hash"),
        (1, vec![slides(), "--style", "no.json"], "`identity` changes no colour"),
        (1, vec![slides(), "--own", "no.json"], "`identity` changes no colour"),
    ] {
        let ended = end(&out, &inputs);
        assert_eq!(ended.status.code(), Some(code));
        assert!(text(&ended.stderr).contains(words), "{words}: {}", text(&ended.stderr));
        assert!(!out.exists() || outputs(&out).is_empty());
    }
    let ended = run(["batch", slides(), "-o", out.to_str().unwrap(), "--model", "no.safetensors"]);
    assert_eq!((ended.status.code(), text(&ended.stderr).contains("no.safetensors")), (Some(1), true));
    assert_eq!(end(&out, &[slides(), "--shard", "5/4"]).status.code(), Some(2));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let ended = end(&file, &[slides()]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("cannot make the folder"), "{}", text(&ended.stderr));
    assert_eq!(run(["status", folder.path().to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn a_file_that_no_batch_has_made_is_left_alone() {
    let (_folder, out) = desk();
    fs::create_dir(&out).unwrap();
    let foreign = out.join(format!("{PATIENT}-1.tif"));
    fs::write(&foreign, "mine").unwrap();
    let ended = end(&out, &[slides()]);
    assert_eq!(ended.status.code(), Some(3));
    assert!(text(&ended.stderr).contains("exists already, and not from a batch"), "{}", text(&ended.stderr));
    assert_eq!(fs::read(&foreign).unwrap(), b"mine");
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let (_folder, out) = desk();
    let mut left = 12;
    loop {
        let mut running =
            batch(&out, &[slides()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        // Each time a little later, so that all moments come.
        while left > 0 && begun.elapsed() < Duration::from_millis(90 * (13 - left)) {
            sleep(Duration::from_millis(5));
        }
        if left == 0 {
            assert!(running.wait().unwrap().success());
            break;
        }
        // The batch, its worker, or both.
        if let Some(worker) = worker(&running).filter(|_| left % 3 != 0) {
            signal(worker, "-KILL");
        }
        if left % 3 != 1 {
            let _ = running.kill();
        }
        let _ = running.wait();
        for (name, bytes) in outputs(&out) {
            assert!(bytes == TRUTH[&name], "{name} is not whole");
        }
        left -= 1;
    }
    assert!(outputs(&out) == *TRUTH);
    let hidden = names(&out).into_iter().filter(|name| name.starts_with('.')).collect::<Vec<_>>();
    assert_eq!(hidden, [".restain"], "something is left behind");
}

#[test]
fn a_slide_that_hangs_is_given_up_and_the_rest_done() {
    let (_folder, out) = desk();
    let mut running = batch(&out, &[slides(), "--timeout", "0.05"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first process is stopped in its tracks, wherever it is.
    let process = loop {
        if let Some(process) = worker(&running) {
            break process;
        }
        sleep(Duration::from_millis(1));
    };
    signal(process, "-STOP");
    assert_eq!(running.wait().unwrap().code(), Some(3));
    let output = running.wait_with_output().unwrap();
    assert!(text(&output.stderr).contains("given up after 0.05 minutes"), "{}", text(&output.stderr));
    let failed = format!("{PATIENT}-1");
    assert_eq!(record(&out, &failed)["state"], "failed");
    assert!(outputs(&out).len() >= 4);
    let again = end(&out, &[slides()]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(outputs(&out) == *TRUTH);
}

#[test]
fn two_at_once_do_every_slide_once() {
    let (_folder, out) = desk();
    let start =
        || batch(&out, &[slides(), "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let both = [start(), start()].map(|running| running.wait_with_output().unwrap());
    let mut fresh = 0;
    for ended in both {
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        let summary: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let slides = summary["slides"].as_array().unwrap();
        assert_eq!(slides.len(), 6);
        assert!(slides.iter().all(|slide| slide["fate"] == "done"));
        fresh += slides.iter().filter(|slide| slide["already"] == false).count();
    }
    assert_eq!(fresh, 6, "each was done by one of them");
    assert!(outputs(&out) == *TRUTH);
}

#[test]
fn what_another_leaves_is_picked_up() {
    let (_folder, out) = desk();
    let start =
        || batch(&out, &[slides(), "-q"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut victim, survivor) = (start(), start());
    while outputs_so_far(&out) < 2 {
        sleep(Duration::from_millis(2));
    }
    if let Some(worker) = worker(&victim) {
        signal(worker, "-KILL");
    }
    let _ = victim.kill();
    let _ = victim.wait();
    let ended = survivor.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert!(outputs(&out) == *TRUTH);
}

fn outputs_so_far(out: &Path) -> usize {
    if out.is_dir() { ending(out, "tif").count() } else { 0 }
}

#[test]
fn interrupted_it_tidies_up_and_goes_on() {
    // A batch may be over before the signal comes.
    for _ in 0..20 {
        let (_folder, out) = desk();
        let running = batch(&out, &[slides()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while outputs_so_far(&out) < 1 {
            sleep(Duration::from_millis(2));
        }
        signal(running.id(), "-INT");
        let ended = running.wait_with_output().unwrap();
        if ended.status.code() == Some(0) {
            continue;
        }
        assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
        assert!(text(&ended.stderr).contains("the same command goes on from here"));
        assert_eq!(ending(&out, "part").count(), 0);
        let status = run_well(["status", out.to_str().unwrap()]);
        assert!(status.starts_with("ended: ") && status.contains("0 failed"), "{status}");
        assert_eq!(end(&out, &[slides()]).status.code(), Some(0));
        assert!(outputs(&out) == *TRUTH);
        return;
    }
    panic!("not once was it interrupted");
}

#[test]
fn nohup_outlives_the_terminal_and_a_closed_pipe_ends_nothing() {
    let (_folder, out) = desk();
    let mut nohup = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_restain");
    // `sh` ignores the signal as nohup does, and so does what it becomes; nobody reads what it says.
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh", program, "batch", "--model", "identity", "-o"]);
    nohup.arg(&out).arg(slides()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = nohup.spawn().unwrap();
    drop((running.stdout.take(), running.stderr.take()));
    while outputs_so_far(&out) < 1 {
        sleep(Duration::from_millis(2));
    }
    signal(running.id(), "-HUP");
    assert_eq!(running.wait().unwrap().code(), Some(0));
    assert!(outputs(&out) == *TRUTH);
}

#[test]
fn shards_together_are_the_whole() {
    let (_folder, out) = desk();
    for shard in ["1/3", "2/3"] {
        assert_eq!(end(&out, &[slides(), "--shard", shard]).status.code(), Some(0));
    }
    let mut last = batch(&out, &[slides()]);
    last.env("SLURM_ARRAY_TASK_ID", "7").env("SLURM_ARRAY_TASK_MIN", "5").env("SLURM_ARRAY_TASK_COUNT", "3");
    let last = last.output().unwrap();
    assert!(text(&last.stdout).contains("2 of 2 slides done, 0 failed"), "{}", text(&last.stdout));
    assert!(outputs(&out) == *TRUTH);
    assert!(out.join("summary-2-of-3.csv").is_file());
}

#[test]
fn a_run_file_holds_the_whole_job() {
    let (folder, out) = desk();
    let file = folder.path().join("run.yaml");
    let printed =
        batch(&out, &[slides(), "--quality", "70", "--timeout", "30", "--print-config"]).output().unwrap();
    assert!(!out.exists());
    fs::write(&file, &printed.stdout).unwrap();
    let again = run_well(["batch", "--config", file.to_str().unwrap(), "--print-config"]);
    assert_eq!(again, text(&printed.stdout));
    let ended = run(["batch", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert_eq!(record(&out, &format!("{PATIENT}-1"))["recipe"]["settings"]["quality"], 70);
    fs::write(&file, "inputs: [a]\ninput: b\n").unwrap();
    let error = run(["batch", "--config", file.to_str().unwrap()]);
    assert!(text(&error.stderr).contains("line 2"), "{}", text(&error.stderr));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_looked_at_fails_alone() {
    let (folder, out) = desk();
    let scans = folder.path().join("scans");
    fs::create_dir(&scans).unwrap();
    std::os::unix::fs::symlink("nowhere", scans.join("lost.mrxs")).unwrap();
    std::os::unix::fs::symlink(slides(), scans.join("day")).unwrap();
    std::os::unix::fs::symlink(&scans, scans.join("circle")).unwrap();
    let ended = end(&out, &[scans.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(3), "{}", text(&ended.stderr));
    let [line] = &own_lines(&ended.stderr)[..] else { panic!("{}", text(&ended.stderr)) };
    assert!(line.starts_with("error: lost: ") && line.contains("no such file"), "{line}");
    assert!(outputs(&out) == *TRUTH);
}

#[test]
fn renamed_no_name_is_anywhere() {
    let (folder, out) = desk();
    // One that fails, too.
    let broken = folder.path().join(format!("{PATIENT}-9.mrxs"));
    fs::write(&broken, "slide").unwrap();
    // One whose reader quotes what stands in it.
    let quoted = folder.path().join("quoted.mrxs");
    synth(&quoted, "600x500", &[]);
    let ini = folder.path().join("quoted/Slidedat.ini");
    let named = fs::read_to_string(&ini).unwrap().replace("= JPEG", &format!("= {PATIENT}"));
    fs::write(&ini, named).unwrap();
    let quoted = quoted.to_str().unwrap();
    assert!(text(&run(["inspect", quoted]).stderr).contains(PATIENT));
    let inputs = [slides(), broken.to_str().unwrap(), quoted, "--rename", "hash"];
    let ended = end(&out, &inputs);
    assert_eq!(ended.status.code(), Some(3), "{}", text(&ended.stderr));
    let said = [&ended.stdout[..], &ended.stderr[..]].concat();
    assert!(!text(&said).contains(PATIENT), "{}", text(&said));
    let mut files = 0;
    for entry in walkdir::WalkDir::new(&out).into_iter().map(Result::unwrap) {
        assert!(!entry.path().to_str().unwrap().contains(PATIENT), "{}", entry.path().display());
        if entry.file_type().is_file() {
            files += 1;
            let bytes = fs::read(entry.path()).unwrap();
            let held = bytes.windows(PATIENT.len()).any(|window| window == PATIENT.as_bytes());
            assert!(!held, "{}", entry.path().display());
        }
    }
    assert!(files > 20, "{files} files");
    let mapping = fs::read_to_string(folder.path().join("out-names.csv")).unwrap();
    assert_eq!(mapping.matches(PATIENT).count(), 7, "{mapping}");
    assert_eq!(outputs(&out).into_values().collect::<Vec<_>>().len(), 6);
    assert!(text(&end(&out, &inputs).stdout).contains("(6 of them before)"));
}

/// Shares of old servers have such names; the batch waited for ever for what it had not been able to hand out.
#[cfg(unix)]
#[test]
fn a_name_that_is_not_utf_8_is_a_name() {
    use std::os::unix::ffi::OsStrExt as _;

    let (folder, out) = desk();
    let name = |bytes: &'static [u8]| folder.path().join(std::ffi::OsStr::from_bytes(bytes));
    fs::write(name(b"M\xfcller.svs"), "no slide").unwrap();
    let mut running = batch(&out, &[folder.path().to_str().unwrap(), slides()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while running.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_mins(2) {
            running.kill().unwrap();
            panic!("it still waits");
        }
        sleep(Duration::from_millis(50));
    }
    let ended = running.wait_with_output().unwrap();
    let said = text(&ended.stderr);
    assert_eq!((ended.status.code(), outputs(&out).len()), (Some(3), 6), "{said}");
    assert!(said.contains("ller.svs"), "{said}");
}
