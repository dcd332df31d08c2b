//! Ctrl-C: the first asks the work to stop and tidy up, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C (and SIGTERM) from here on; the flag turns true with the first.
pub(crate) fn catch() -> anyhow::Result<&'static AtomicBool> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::INTERRUPTED));
        }
        eprintln!("\nstopping; press Ctrl-C again to end at once");
    })
    .context("cannot catch Ctrl-C")?;
    Ok(&REQUESTED)
}

/// Whether the user asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
