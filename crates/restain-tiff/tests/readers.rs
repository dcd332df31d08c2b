//! Files read by tifffile, libvips and two versions of `OpenSlide`: see `readers.py`.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use restain_tiff::{Compression, Layout, Subsampling, TileEncoder, TilePixels};
use support::{Picture, drawing_with_blank, layout, write};

/// A level as libjpeg-turbo decodes its tiles.
fn decoded(level: &Picture, layout: &Layout) -> Picture {
    let encoder = TileEncoder::new(layout).expect("a good layout");
    let Some(tables) = encoder.jpeg_tables() else { return level.clone() };
    let columns = level.width.div_ceil(layout.tile);
    let tiles: Vec<_> = (0..columns * level.height.div_ceil(layout.tile))
        .map(|index| {
            let pixels = level.tile(index % columns, index / columns, layout.tile);
            let tile = encoder.encode(&TilePixels::Rgb(pixels)).expect("a tile that can be encoded");
            let stream = [&tables[..tables.len() - 2], &tile.bytes()[2..]].concat();
            let picture = turbojpeg::decompress(&stream, turbojpeg::PixelFormat::RGB).expect("a JPEG stream");
            Picture { width: layout.tile, height: layout.tile, rgb: picture.pixels }
        })
        .collect();
    Picture::new(level.width, level.height, |x, y| {
        tiles[(y / layout.tile * columns + x / layout.tile) as usize].pixel(x % layout.tile, y % layout.tile)
    })
}

/// Writes a file and what readers are to find in it.
fn prepare(layout: &Layout, folder: &Path) {
    let picture = drawing_with_blank(layout);
    write(&picture, layout, 192, &folder.join("picture.tif"));
    let mut levels = Vec::new();
    let shapes = layout.levels().expect("a good layout");
    for (index, (level, shape)) in picture.levels(layout.tile).iter().zip(shapes).enumerate() {
        for (kind, pixels) in [("source", &level.rgb), ("decoded", &decoded(level, layout).rgb)] {
            fs::write(folder.join(format!("{kind}-{index}.rgb")), pixels).expect("a writable folder");
        }
        levels.push(format!(
            r#"{{"width": {}, "height": {}, "tile": {}, "source": "source-{index}.rgb", "decoded": "decoded-{index}.rgb"}}"#,
            level.width, level.height, shape.tile
        ));
    }
    let (x, y) = layout.mpp.expect("a resolution");
    let lossless = layout.compression == Compression::Deflate;
    let exact = matches!(layout.compression, Compression::Jpeg { subsampling: Subsampling::S444, .. });
    let expected = format!(
        r#"{{"lossless": {lossless}, "exact": {exact}, "mpp": [{x}, {y}], "tile": {}, "levels": [{}]}}"#,
        layout.tile,
        levels.join(", ")
    );
    fs::write(folder.join("expected.json"), expected).expect("a writable folder");
}

#[test]
fn every_reader_opens_every_level() {
    let Some(python) = std::env::var_os("RESTAIN_PYTHON") else {
        eprintln!(
            "SKIPPED: RESTAIN_PYTHON names no Python with tifffile, pyvips and openslide; `make test` does"
        );
        return;
    };
    let jpeg = |subsampling| Compression::Jpeg { quality: 90, subsampling };
    for layout in [
        layout(1000, 700, 128, Compression::Deflate),
        layout(1000, 700, 128, jpeg(Subsampling::S444)),
        layout(1000, 700, 128, jpeg(Subsampling::S422)),
        layout(1000, 700, 128, jpeg(Subsampling::S420)),
        // Tall: coarse levels that are a few pixels wide.
        layout(137, 5001, 64, jpeg(Subsampling::S444)),
        // One level.
        layout(200, 100, 256, Compression::Deflate),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        prepare(&layout, folder.path());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers.py");
        let run = Command::new(&python)
            .arg(script)
            .arg(folder.path().join("picture.tif"))
            .arg(folder.path())
            .output();
        let run = run.expect("RESTAIN_PYTHON can be run");
        let said =
            [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        println!("{layout:?}\n{said}");
        assert!(run.status.success(), "{layout:?}\n{said}");
    }
}
