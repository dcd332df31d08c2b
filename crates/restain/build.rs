//! Tells the model card which commit of restain trained a model, and the linker where `make cuda` keeps what stands in
//! for the CUDA libraries.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/refs/heads");
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok();
    let commit = output
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo::rustc-env=RESTAIN_COMMIT={}", commit.as_deref().map_or("unknown", str::trim));
    println!("cargo::rerun-if-env-changed=RESTAIN_CUDA_LINK");
    if let Some(folder) = std::env::var_os("RESTAIN_CUDA_LINK") {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
}
