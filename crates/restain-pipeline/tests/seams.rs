//! The result depends neither on the tile size nor on the extent.

mod common;

use std::path::Path;

use common::{Picture, difference, normalize, normalize_with, read, settings};
use restain_net::Precision;
use restain_pipeline::{ExtentKind, Settings};
use restain_slide::{Extent, GRID, Margin, Slide};

/// The most two results may differ: by one grey level, which f32 sums in another order may tip over the edge of
/// rounding, in one pixel of 10,000.
fn agree(a: &Picture, b: &Picture) -> Result<(), String> {
    let (largest, share) = difference(a, b);
    let said = format!("largest difference {largest}, {:.3} of 10,000 pixels differ", share * 1e4);
    println!("{said}");
    if largest <= 1 && share <= 1e-4 { Ok(()) } else { Err(said) }
}

fn model(folder: &Path) -> String {
    common::checkpoint::write(&folder.join("random.safetensors"), 4, 11)
}

#[test]
fn the_result_does_not_depend_on_the_tile_size() {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax(folder.path(), 3000, 2500, 0.8);
    let bounds = Slide::open(&slide).unwrap().info().bounds;
    let off_grid = |v: i64| v % GRID != 0;
    assert!(off_grid(bounds.min.x) && off_grid(bounds.min.y), "bounds {bounds:?} lie on the grid");
    let model = model(folder.path());

    let [results, in_bf16] = [Precision::F32, Precision::Bf16].map(|precision| {
        [512, 1024, 2048].map(|tile| {
            let output = folder.path().join(format!("{tile}-{precision:?}.tif"));
            normalize(&slide, &output, &Settings { precision, ..settings(&model, tile) }).unwrap();
            read(&output, 0, Extent::Full)
        })
    });
    for results in [&results, &in_bf16] {
        assert!(results[0].deviation() > 20.0, "a flat picture proves nothing: {}", results[0].deviation());
        for result in &results[1..] {
            agree(&results[0], result).unwrap();
        }
    }

    // The same comparison sees the seams of tiles that do not know their neighbours.
    let [seamed, other] = [512, 1024].map(|tile| {
        let output = folder.path().join(format!("{tile}-seamed.tif"));
        let settings = Settings { precision: Precision::F32, ..settings(&model, tile) };
        normalize_with(&slide, &output, &settings, |job| job.margin = Margin::Halo(0)).unwrap();
        read(&output, 0, Extent::Full)
    });
    agree(&seamed, &other).unwrap_err();
    agree(&seamed, &results[0]).unwrap_err();
}

#[test]
fn the_result_does_not_depend_on_the_extent() {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax(folder.path(), 900, 700, 1.0);
    let model = model(folder.path());
    let [bounds, full] = [ExtentKind::Bounds, ExtentKind::Full].map(|extent| {
        let output = folder.path().join(format!("{extent:?}.tif"));
        normalize(&slide, &output, &Settings { extent, ..settings(&model, 512) }).unwrap();
        read(&output, 0, Extent::Full)
    });
    let place = Slide::open(&slide).unwrap().extent(0, Extent::Bounds).unwrap();
    assert!(full.width > bounds.width && full.height > bounds.height);
    let part = full.part(place.min.x as usize, place.min.y as usize, bounds.width, bounds.height);
    agree(&part, &bounds).unwrap();
}
