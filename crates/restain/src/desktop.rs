//! What the desktop does with a file or an address.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::say;

/// Opens it with the program that the user has chosen for its kind; where there is no desktop, it says so.
pub(crate) fn open(what: impl AsRef<OsStr>) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut opened = Command::new(program);
    opened.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = opened.spawn() {
        say::error(format_args!("cannot open it with {program}: {error}; open what is named above"));
    }
}
