//! The command line of restain.
fn main() {}
