//! A plain picture gets the colours it would get as a slide.

mod common;

use common::{Picture, normalize, read, settings, write_tiff};
use restain_pipeline::{Loaded, normalize_picture};
use restain_slide::Extent;
use restain_synth::{Drawing, Rect, SlideSpec};

/// Cells, neither side a multiple of 64.
fn cells() -> Picture {
    let (width, height) = (1150, 700);
    let drawing = Drawing::new(&SlideSpec::new(width, height)).unwrap();
    let rgb = drawing.draw(Rect { x: 0, y: 0, width, height }).unwrap().rgb;
    Picture { width: width as usize, height: height as usize, rgb }
}

#[test]
fn a_picture_gets_the_colours_of_a_slide() {
    let folder = tempfile::tempdir().unwrap();
    let cells = cells();
    let slide = folder.path().join("slide.tif");
    write_tiff(&cells, &slide);
    assert!(read(&slide, 0, Extent::Full) == cells, "the slide does not hold the picture");
    let checkpoint = common::checkpoint::write(&folder.path().join("random.safetensors"), 4, 23);
    for model in ["identity", &checkpoint] {
        for tile in [512, 1024] {
            let output = folder.path().join(format!("{tile}.tif"));
            normalize(&slide, &output, &settings(model, tile)).unwrap();
            let as_slide = read(&output, 0, Extent::Full);
            std::fs::remove_file(&output).unwrap();

            let none = || unreachable!("no style is asked for");
            let engine = Loaded::new(&settings(model, tile)).unwrap().select(none).unwrap().engine;
            let (width, height) = (cells.width as u32, cells.height as u32);
            let rgb = normalize_picture(&engine, &cells.rgb, width, height, tile).unwrap();
            let as_picture = Picture { rgb, ..cells_like(&cells) };
            assert_eq!(as_slide == cells, model == "identity");
            assert!(
                as_slide == as_picture,
                "{model}, tile {tile}: {:?}",
                common::difference(&as_slide, &as_picture)
            );
        }
    }
}

/// An empty picture of the same size.
fn cells_like(picture: &Picture) -> Picture {
    Picture { width: picture.width, height: picture.height, rgb: Vec::new() }
}
