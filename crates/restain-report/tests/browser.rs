//! The pages in a browser: see `browser.py`.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_pages_work_in_a_browser() {
    let Some(python) = std::env::var_os("RESTAIN_PYTHON") else {
        eprintln!("SKIPPED: RESTAIN_PYTHON names no Python with playwright; `make test` does");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("report.html"), support::html(&support::batch(16))).expect("a file");
    for (name, fill) in [("training", support::training as fn(&Path)), ("evaluation", support::evaluation)] {
        fs::create_dir(at(name)).expect("a folder");
        fill(&at(name));
        let mut page = fs::File::create(at(&format!("{name}.html"))).expect("a file");
        restain_report::run(&at(name), &mut page).expect("a page");
    }
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser.py");
    let run =
        Command::new(python).arg(script).arg(folder.path()).arg(pictures).output().expect("Python starts");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
