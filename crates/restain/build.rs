//! Tells the model card which commit of restain trained a model.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/refs/heads");
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok();
    let commit = output
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=RESTAIN_COMMIT={}", commit.as_deref().map_or("unknown", str::trim));
}
