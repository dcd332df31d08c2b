//! The program on GPUs that are emulated: a driver that runs the kernels on the processor stands in for NVIDIA's
//! (restain-net/src/gpu/emulator/driver.cpp). Everything but the hardware is as on a GPU.

#![cfg(feature = "cuda")]

#[path = "../../restain-pipeline/tests/common/checkpoint.rs"]
mod checkpoint;
mod common;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{assert_fails, names, own_lines, restain, run_json, run_well, synth, text};
use tempfile::TempDir;

/// A folder with the driver, a small slide and a small model.
fn desk() -> &'static Path {
    static DESK: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../restain-net/src/gpu/emulator/driver.cpp");
        let driver = folder.path().join("driver");
        std::fs::create_dir(&driver).unwrap();
        let made = Command::new("c++")
            .args(["-std=c++17", "-O2", "-Wall", "-Wno-unknown-pragmas", "-Werror", "-shared", "-fPIC"])
            .args(["-fno-gnu-unique", source, "-o"])
            .arg(driver.join("libcuda.so.1"))
            .status();
        assert!(made.expect("c++ is needed to make the driver").success());
        synth(&folder.path().join("slide.mrxs"), "192x128", &[]);
        checkpoint::write(&folder.path().join("small.safetensors"), 2, 7);
        folder
    };
    DESK.get_or_init(make).path()
}

/// Normalizes the slide in tiles of 64 pixels, several to a batch.
fn normalize(output: &Path, device: &str, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let desk = desk();
    let model = desk.join("small.safetensors");
    let mut command = restain();
    command
        .arg("normalize")
        .arg(desk.join("slide.mrxs"))
        .arg("-o")
        .arg(output)
        .args(["--device", device, "--tile", "64", "--compression", "deflate", "--json"])
        .env("LD_LIBRARY_PATH", desk.join("driver"))
        .envs(environment.iter().copied());
    if !more.contains(&"--model") {
        command.arg("--model").arg(model);
    }
    command.args(more).output().unwrap()
}

fn report(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn one_gpu_two_and_small_ones_make_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let one = report(&normalize(&path("one.tif"), "cuda", &[], &[]));
    assert_eq!(one["device"], "cuda:0");
    assert!(one["stage_seconds"]["generate"].as_f64().unwrap() > 0.0);
    assert_eq!(one["model"]["kernels"], "tensor cores, bf16");
    let bytes = std::fs::read(path("one.tif")).unwrap();

    let two = report(&normalize(&path("two.tif"), "auto", &["--threads", "1"], &[("EMULATED_GPUS", "2")]));
    assert_eq!(two["device"], "cuda:0, cuda:1");
    assert!(std::fs::read(path("two.tif")).unwrap() == bytes, "two GPUs");

    let second = report(&normalize(&path("second.tif"), "cuda:1", &[], &[("EMULATED_GPUS", "2")]));
    assert_eq!(second["device"], "cuda:1");
    assert!(std::fs::read(path("second.tif")).unwrap() == bytes, "the second GPU");

    // Memory for a window or two, but not for all: the batch is halved until it fits.
    let halved = normalize(&path("small.tif"), "cuda", &[], &[("EMULATED_MEMORY", "3500000")]);
    report(&halved);
    println!("{}", text(&halved.stderr));
    assert!(text(&halved.stderr).matches("no room for").count() >= 2, "{}", text(&halved.stderr));
    assert!(std::fs::read(path("small.tif")).unwrap() == bytes, "a small GPU");

    report(&normalize(&path("cpu.tif"), "cpu", &["--precision", "bf16"], &[]));
    let difference =
        run_json(["compare", path("one.tif").to_str().unwrap(), path("cpu.tif").to_str().unwrap(), "--json"]);
    println!("{difference}");
    // Both round the same weights and images to bf16, but add up in another order, which chance weights magnify.
    assert!(difference["max_difference"].as_u64().unwrap() <= 4, "{difference}");
    assert!(difference["mean_difference"].as_f64().unwrap() <= 0.05, "{difference}");
}

/// A model whose GM is made on the processor, after a quantile map.
#[test]
fn gm_and_mapped_pixels_cross_the_bus() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (style, model) = (path("own.style.json"), path("soft.safetensors"));
    let slide = desk().join("slide.mrxs");
    run_well(["style", slide.to_str().unwrap(), "-o", &style, "-q"]);
    checkpoint::write_with(model.as_ref(), 2, 7, &["standard_gray", "soft_mask"]);
    let options = ["--model", &model, "--style", &style];
    assert_eq!(report(&normalize(path("gpu.tif").as_ref(), "cuda", &options, &[]))["device"], "cuda:0");
    report(&normalize(
        path("cpu.tif").as_ref(),
        "cpu",
        &[&options[..], &["--precision", "bf16"]].concat(),
        &[],
    ));
    let difference = run_json(["compare", &path("gpu.tif"), &path("cpu.tif"), "--json"]);
    println!("{difference}");
    assert!(difference["max_difference"].as_u64().unwrap() <= 4, "{difference}");
}

#[test]
fn the_shipped_model_is_as_close_as_bf16_allows() {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("slide.mrxs");
    synth(&slide, "128x64", &[]);
    let path = |name: &str| folder.path().join(name);
    for (device, name) in [("cuda", "gpu.tif"), ("cpu", "cpu.tif")] {
        let output = restain()
            .arg("normalize")
            .arg(&slide)
            .arg("-o")
            .arg(path(name))
            .args(["--device", device, "--compression", "deflate", "--json"])
            .args(if device == "cpu" { &["--precision", "f32"][..] } else { &[] })
            .env("LD_LIBRARY_PATH", desk().join("driver"))
            .output()
            .unwrap();
        report(&output);
    }
    let paths = ["gpu.tif", "cpu.tif"].map(|name| path(name).to_str().unwrap().to_owned());
    let difference = run_json(["compare", &paths[0], &paths[1], "--json"]);
    println!("{difference}");
    assert!(difference["max_difference"].as_u64().unwrap() <= 4, "{difference}");
    assert!(difference["mean_difference"].as_f64().unwrap() <= 0.4, "{difference}");
}

#[test]
fn a_gpu_without_room_for_one_window_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.tif");
    let failed = normalize(&output, "cuda", &[], &[("EMULATED_MEMORY", "1000000")]);
    assert_fails(&failed, &["cuda:0", "memory is full with one window", "--tile", "--device cpu"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn without_a_driver_the_cpu_is_taken_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = [("LD_LIBRARY_PATH", "/nowhere")];
    let on_cpu = normalize(&folder.path().join("out.tif"), "auto", &[], &nowhere);
    assert_eq!(report(&on_cpu)["device"], "cpu");
    let lines = own_lines(&on_cpu.stderr);
    assert!(
        lines.iter().any(|line| line.contains("running on the CPU") && line.contains("driver")),
        "{lines:?}"
    );
    assert_fails(
        &normalize(&folder.path().join("none.tif"), "cuda", &[], &nowhere),
        &["cuda:0", "no NVIDIA GPU", "--device cpu"],
    );
    assert_fails(
        &normalize(&folder.path().join("none.tif"), "cuda:3", &[], &[]),
        &["cuda:3", "no GPU of this number"],
    );
    assert_eq!(names(folder.path()), ["out.tif"]);
}
