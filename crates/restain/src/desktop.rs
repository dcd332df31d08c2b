//! Opening what was made, as a double click does.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::say;

/// Whether there is a desktop to open anything on.
pub(crate) fn is_there() -> bool {
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some())
}

/// Opens a file or an address, which has been printed, with the program that the desktop has for it.
pub(crate) fn open(what: impl AsRef<OsStr>) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut opened = Command::new(program);
    opened.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = opened.spawn() {
        say::error(format_args!("cannot open it with {program}: {error}; open it yourself"));
    }
}
