//! Outputs on disk: sound ones pass, damaged ones are named.

mod common;

use std::fs;

use common::{own_lines, run, run_well, synth, text};

#[test]
fn damaged_outputs_of_a_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("a.mrxs");
    synth(&slide, "900x700", &[]);
    let output = |name: &str| folder.path().join("out").join(name);
    fs::create_dir(folder.path().join("out")).unwrap();
    let (slide, first) = (slide.to_str().unwrap(), output("a.tif"));
    run_well(["normalize", "-q", "--model", "identity", slide, "-o", first.to_str().unwrap()]);
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    assert!(run_well(["verify", out]).contains("a.tif: sound, 2 levels, 5 tiles"));
    assert_eq!(run_well(["verify", "-q", out]), "");

    let mut bytes = fs::read(&first).unwrap();
    bytes[5000] ^= 1;
    fs::write(output("b.tif"), &bytes).unwrap();
    fs::write(output("c.tif"), &bytes[..20_000]).unwrap();
    fs::write(output(".d.tif.x.part"), "begun").unwrap();
    let verified = run(["verify", out]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(text(&verified.stdout).contains("a.tif: sound"));
    let lines = own_lines(&verified.stderr);
    let [b, c, sum] = lines.as_slice() else { panic!("not three lines: {lines:#?}") };
    assert!(b.contains("b.tif: damaged: level 0, tile in column"), "{b}");
    assert!(c.contains("c.tif: the checksums at its end are missing"), "{c}");
    assert_eq!(sum, "error: 2 of 3 files did not pass");
}
