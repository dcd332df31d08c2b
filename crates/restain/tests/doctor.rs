//! What `restain doctor` finds.

mod common;

use std::fs;

use common::{names, run, run_json, run_well, text};

#[test]
fn a_sound_installation_is_found_sound_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let made_later = folder.path().join("a/b");
    let said = run_well(["doctor", made_later.to_str().unwrap(), "--threads", "2"]);
    assert!(said.lines().count() == 7 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    assert!(names(folder.path()).is_empty());
    let findings = run_json(["doctor", path, "--model", "identity", "--json"]);
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["works"] == true), "{findings}");
}

#[test]
fn what_does_not_work_is_named_beside_what_does() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    fs::write(&model, "none").unwrap();
    let found = run(["doctor", "/proc", "--model", model.to_str().unwrap()]);
    assert_eq!(found.status.code(), Some(1));
    let said = text(&found.stdout);
    let problems: Vec<_> = said.lines().filter(|line| line.starts_with("PROBLEM")).collect();
    assert!(problems.len() == 2 && problems[0].contains("model.safetensors"), "{said}");
    assert!(problems[1].contains("/proc: cannot write") && said.contains("ok       pixels"), "{said}");
}
