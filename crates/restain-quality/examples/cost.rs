//! Prints what the checks cost: the time to compare a drawn slide of 8000 x 8000 px with its output, beside that of normalizing it
//! with the shipped model. The program that does the latter is the first argument, `target/release/restain` by default.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use restain_quality::{Source, examine};
use restain_slide::{Extent, Slide};

fn main() -> Result<()> {
    let program = std::env::args_os().nth(1).unwrap_or("target/release/restain".into());
    let run = |arguments: &[&OsStr]| {
        let started = Instant::now();
        let status = Command::new(&program).args(arguments).arg("--quiet").status();
        let status = status.with_context(|| format!("cannot start {}", Path::new(&program).display()))?;
        ensure!(status.success(), "{arguments:?} failed");
        Ok(started.elapsed().as_secs_f64())
    };
    let folder = tempfile::tempdir()?;
    let [slide, output] = ["slide.mrxs", "output.tif"].map(|name| folder.path().join(name));
    run(&["synth".as_ref(), "slide".as_ref(), slide.as_ref(), "--size".as_ref(), "8000x8000".as_ref()])?;
    let normalized = run(&["normalize".as_ref(), slide.as_ref(), "-o".as_ref(), output.as_ref()])?;
    let (before, after) = (Slide::open(&slide)?, Slide::open(&output)?);
    let extent = before.extent(0, Extent::Bounds)?;
    let region = [extent.min.x, extent.min.y, extent.width(), extent.height()];
    let started = Instant::now();
    examine(&before, &after, &Source { level: 0, region }, None, &AtomicBool::new(false))?;
    let compared = started.elapsed().as_secs_f64();
    println!(
        "normalizing {normalized:.1} s, comparing {compared:.2} s: {:.1}%",
        100.0 * compared / normalized
    );
    Ok(())
}
