//! What the tests of the command line share: the binary, slides and a folder that must stay clean.

#![allow(dead_code, reason = "every test file takes a part of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Real slides, where they are at hand.
const SLIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/slides");

/// The folder of real slides; says that a test is skipped where there is none.
pub(crate) fn real_slides() -> Option<PathBuf> {
    let folder = PathBuf::from(SLIDES);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: there are no real slides at {SLIDES}");
    None
}

/// The binary, with arguments to come.
pub(crate) fn restain() -> Command {
    Command::new(env!("CARGO_BIN_EXE_restain"))
}

/// Runs the binary.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    restain().args(arguments).output().unwrap()
}

/// Runs the binary, which must do well, and gives its stdout.
pub(crate) fn run_well<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs the binary and reads the one JSON object that it prints.
pub(crate) fn run_json<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> serde_json::Value {
    let printed = run_well(arguments);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// Bytes a program printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The lines on stderr that are restain's own: the libraries below print warnings of theirs.
pub(crate) fn own_lines(stderr: &[u8]) -> Vec<String> {
    let foreign = |line: &str| {
        line.trim().is_empty()
            || ["-WARNING **", "-CRITICAL **", "TIFFReadDirectory", "emulated GPU"]
                .iter()
                .any(|w| line.contains(w))
    };
    text(stderr).lines().filter(|line| !foreign(line)).map(ToOwned::to_owned).collect()
}

/// Expects that the command ended with code 1 and one line on stderr that holds every word, and nothing on stdout.
pub(crate) fn assert_fails(output: &Output, words: &[&str]) {
    let lines = own_lines(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{lines:?}");
    let [line] = lines.as_slice() else { panic!("not one line: {lines:#?}") };
    println!("{line}");
    assert!(line.starts_with("error: "), "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in: {line}");
    }
    assert_eq!(text(&output.stdout), "");
}

/// Makes a slide of drawn cells.
pub(crate) fn synth(slide: &Path, size: &str, more: &[&str]) {
    let mut command = restain();
    command.args(["synth", "slide", "--quiet", "--size", size]).args(more).arg(slide);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// What lies in a folder, by name, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
