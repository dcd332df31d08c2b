//! `restain train-task` and `restain train`, from slides to a model that normalizes one.

mod common;

use std::fs;
use std::path::Path;

use common::{assert_fails, run, run_well, synth};

/// All bytes of the files below a folder, and their names.
fn everything(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(path.as_os_str().as_encoded_bytes());
        if path.is_dir() { bytes.extend(everything(&path)) } else { bytes.extend(fs::read(&path).unwrap()) }
    }
    bytes
}

#[test]
fn slides_become_networks_and_no_name_of_a_slide_gets_out() {
    let desk = tempfile::tempdir().unwrap();
    let root = desk.path();
    for (name, seed, style) in [
        ("lab/Maria Muster", "1", "old-scanner"),
        ("lab/Erika Beispiel", "2", "old-scanner"),
        ("other/x", "3", "new-scanner"),
    ] {
        let slide = root.join(name).with_extension("mrxs");
        fs::create_dir_all(slide.parent().unwrap()).unwrap();
        synth(&slide, "1500x1500", &["--seed", seed, "--style", style, "--abnormal", "0.4", "--annotations"]);
        assert!(slide.with_extension("geojson").is_file());
    }
    let write = |name: &str, text: String| {
        fs::write(root.join(name), text.replace("ROOT", &root.display().to_string())).unwrap();
        root.join(name).to_str().unwrap().to_owned()
    };
    let command = |name: &'static str, config: &str| -> [String; 5] {
        [name, "--device", "cpu", "--config", config].map(ToOwned::to_owned)
    };
    let task = write(
        "task.yaml",
        "name: t\noutput: ROOT/out/t\npatches: {side: 32, mpp: 1.0, balance: label}\n\
         source: {sources: [slides: {paths: ['ROOT/lab/*.mrxs'], labels: {normal: normal, abnormal: abnormal}}], \
         split: {groups: {train: [Maria Muster.mrxs], test: [Erika Beispiel.mrxs]}}, held_out: test}\n\
         seed: 1\nnetwork: {kind: resnet18, width: 2}\nbatch: 4\nsteps: 6\nlearning_rate: 1.0e-3\n\
         schedule: {decay: linear, decay_from: 1}\nadam: {beta1: 0.9, beta2: 0.999}\ncheckpoint_every: 3\n"
            .to_owned(),
    );
    let told = run_well(command("train-task", &task));
    assert!(told.contains("| step | accuracy |") && told.contains("\n| 6 | "), "{told}");

    let model = write(
        "train.yaml",
        "name: g\noutput: ROOT/out/g\npatches: {side: 64, mpp: 0.5, padding: skip}\n\
         source: {sources: [slides: {paths: ['ROOT/lab/*.mrxs'], place: tissue}]}\n\
         target: {sources: [slides: {paths: ['ROOT/other/*.mrxs'], place: tissue}]}\n\
         seed: 1\nbase: 2\nbatch: 2\ngan: {form: non-saturating, base: 2}\n\
         stages: [{steps: 3, losses: {l1, gan1, gan2}, learning_rate: {g: 1.0e-3, d: 1.0e-3}, \
         schedule: {decay: linear, decay_from: 1}}]\n\
         adam: {beta1: 0.5, beta2: 0.999}\naugmentation: {}\ncheckpoint_every: 100\npictures_every: 3\n\
         card: {source_style: lab, trained_on: drawings, licence: none}\n"
            .to_owned(),
    );
    run_well(command("train", &model));
    let out = root.join("out");
    run_well([Path::new("report"), &out.join("g")]);
    let page = fs::read_to_string(out.join("g/report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("data:image/"), "neither losses nor samples");
    let found = everything(&out);
    for name in ["Maria", "Erika"] {
        assert!(!found.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    let normalized = out.join("x.tif");
    let [slide, weights, to] = [&root.join("other/x.mrxs"), &out.join("g/g.safetensors"), &normalized]
        .map(|path| path.to_str().unwrap().to_owned());
    let settings = ["--device", "cpu", "--mpp", "0.5", "--quiet"];
    run_well(["normalize", &slide, "-o", &to, "--model", &weights].into_iter().chain(settings));
    assert!(normalized.is_file());

    // Normalizing prepares a slide as training did.
    let standard = fs::read_to_string(root.join("train.yaml")).unwrap() + "input: {standard_gray: true}\n";
    let standard = write("standard.yaml", standard.replace("out/g", "out/standard"));
    run_well(command("train", &standard));
    let weights = out.join("standard/g.safetensors").to_str().unwrap().to_owned();
    run_well(["normalize", &slide, "-o", &to, "--force", "--model", &weights].into_iter().chain(settings));

    // A second run into the same folder would mix two.
    assert_fails(&run(command("train", &model)), &["holds the state of an earlier run", "resume"]);
    let bad = write("bad.yaml", fs::read_to_string(&task).unwrap().replace("steps: 6", "steps: 0"));
    assert_fails(&run(command("train-task", &bad)), &["bad.yaml:8", "`steps` must be"]);
    let lost =
        write("lost.yaml", fs::read_to_string(&task).unwrap().replace("held_out: test", "held_out: tests"));
    assert_fails(&run(command("train-task", &lost)), &["no part `tests`", "test, train"]);
}
