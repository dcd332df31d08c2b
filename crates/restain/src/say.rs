//! Lines for whoever still listens: a closed pipe or a full disk under a log ends no work.

use std::fmt::Display;
use std::io::{self, Write};

/// A line on stdout.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line on stderr.
pub(crate) fn error(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
