//! Ctrl-C: the first asks the work to stop and tidy up, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::say;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C, SIGTERM and the end of the terminal from here on; the flag turns true with the first.
pub(crate) fn catch() -> anyhow::Result<&'static AtomicBool> {
    let terminal = Some(SIGHUP).filter(|signal| !is_ignored(*signal));
    let caught = [SIGINT, SIGTERM].into_iter().chain(terminal);
    let mut signals = Signals::new(caught).context("cannot catch Ctrl-C")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if REQUESTED.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(crate::INTERRUPTED));
            }
            say::error("\nstopping; what is under way is rolled back; press Ctrl-C again to end at once");
        }
    });
    Ok(&REQUESTED)
}

/// Whether this process was started with a signal ignored, as `nohup` does, so that it outlives its terminal.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Whether the user asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
