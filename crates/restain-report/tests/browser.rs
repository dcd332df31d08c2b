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
    // Kept, to be looked at.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("report.html"), support::html(&support::batch(8))).expect("a file");
    for (name, fill) in [("training", support::training as fn(&Path)), ("evaluation", support::evaluation)] {
        fs::create_dir(folder.join(name)).expect("a folder");
        fill(&folder.join(name));
        let mut page = fs::File::create(folder.join(format!("{name}.html"))).expect("a file");
        restain_report::run(&folder.join(name), &mut page).expect("a page");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser.py");
    let run = Command::new(python).arg(script).arg(&folder).output().expect("Python starts");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
