//! A slide that opens and breaks off midway: the error says where, and nothing is left.

mod common;

use std::fs::{self, OpenOptions};

use common::{names, normalize, settings};
use restain_pipeline::Error;
use restain_synth::Source;

#[test]
fn a_slide_that_breaks_off_is_named_with_the_region() {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax_of(Source::Cells, folder.path(), 2600, 2600, 1.0);
    let output = folder.path().join("output");
    fs::create_dir(&output).unwrap();
    normalize(&slide, &output.join("whole.tif"), &settings("identity", 512)).unwrap();
    fs::remove_file(output.join("whole.tif")).unwrap();

    // The camera's photographs fill the first data file; what OpenSlide needs to open the slide lies elsewhere.
    let data = folder.path().join("slide/Data0000.dat");
    let length = data.metadata().unwrap().len();
    OpenOptions::new().write(true).open(&data).unwrap().set_len(length / 2).unwrap();

    let error = normalize(&slide, &output.join("half.tif"), &settings("identity", 512)).unwrap_err();
    let message = error.to_string();
    println!("{message}");
    assert!(matches!(error, Error::Slide(_)), "{message}");
    assert!(message.contains("slide.mrxs") && message.contains("level 0, region x"), "{message}");
    assert!(!message.contains('\n'), "{message}");
    assert_eq!(names(&output), [""; 0]);
}
