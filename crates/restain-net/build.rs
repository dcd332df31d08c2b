//! Compiles the kernels of the GPU (src/gpu/kernels/*.cu) to PTX, which the driver makes machine code of, where the feature
//! `cuda` asks for them.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest kind of GPU that multiplies bf16.
const ARCHITECTURE: &str = "compute_80";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/gpu/kernels");
    println!("cargo::rerun-if-env-changed=NVCC");
    println!("cargo::rerun-if-env-changed=CUDA_HOME");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    let compiler = env::var_os("NVCC").map(PathBuf::from);
    let of_toolkit = || env::var_os("CUDA_HOME").map(|home| Path::new(&home).join("bin/nvcc"));
    let compiler = compiler.or_else(of_toolkit).unwrap_or_else(|| PathBuf::from("nvcc"));
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for entry in std::fs::read_dir("src/gpu/kernels")? {
        let source = entry?.path();
        if source.extension().is_none_or(|extension| extension != "cu") {
            continue;
        }
        let ptx = out.join(source.with_extension("ptx").file_name().ok_or("a kernel without a name")?);
        let status = Command::new(&compiler)
            .args(["-std=c++17", "-O3", "--ptx", "-arch", ARCHITECTURE, "-o"])
            .args([&ptx, &source])
            .status()
            .map_err(|cause| {
                format!("{}: {cause}; the feature cuda needs the CUDA toolkit", compiler.display())
            })?;
        if !status.success() {
            return Err(format!("{} failed for {}", compiler.display(), source.display()).into());
        }
    }
    Ok(())
}
