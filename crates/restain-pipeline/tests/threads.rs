//! The number of threads changes how long it takes, and not one byte of the output.

mod common;

use common::{normalize, settings};
use restain_pipeline::{CompressionKind, Settings};
use restain_synth::Source;

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax_of(Source::Cells, folder.path(), 2300, 1700, 0.7);
    let model = common::checkpoint::write(&folder.path().join("random.safetensors"), 4, 5);
    for (model, tile) in [("identity", 256), (&model, 512)] {
        for compression in [CompressionKind::Jpeg, CompressionKind::Deflate] {
            let [one, two, eight] = [1, 2, 8].map(|threads| {
                let output = folder.path().join("out.tif");
                let settings = Settings { threads: Some(threads), compression, ..settings(model, tile) };
                let report = normalize(&slide, &output, &settings).unwrap();
                assert_eq!(report.threads, threads);
                let bytes = std::fs::read(&output).unwrap();
                std::fs::remove_file(&output).unwrap();
                bytes
            });
            assert!(one.len() > 100_000, "{} bytes", one.len());
            assert!(one == two, "{model}, {compression:?}: 2 threads differ from 1");
            assert!(one == eight, "{model}, {compression:?}: 8 threads differ from 1");
        }
    }
}
