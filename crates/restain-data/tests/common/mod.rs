//! What the tests share: images whose every pixel is known, and manifests beside them.

#![allow(dead_code, reason = "every test file takes a part of it")]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use restain_data::{Dataset, Error};
use tempfile::TempDir;

/// What a known image shows at a pixel.
pub(crate) fn colour(x: u32, y: u32) -> [u8; 3] {
    [x as u8, y as u8, (3 * x + 5 * y) as u8]
}

/// A folder for a dataset.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn image(&self, name: &str, width: u32, height: u32) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_fn(width, height, |x, y| Rgb(colour(x, y))).save(path).unwrap();
    }

    pub(crate) fn load(&self, manifest: &str) -> Result<Dataset, Error> {
        self.write("data.yaml", manifest);
        Dataset::load(self.path("data.yaml"))
    }

    /// Loads a manifest, which must fail with one line that holds every word.
    pub(crate) fn fails(&self, manifest: &str, words: &[&str]) {
        let error = self.load(manifest).map(|dataset| dataset.samples().len()).unwrap_err().to_string();
        println!("{error}");
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {error}");
        }
    }
}

/// A pixel of an interleaved picture.
pub(crate) fn pixel(rgb: &[u8], width: usize, x: usize, y: usize) -> [u8; 3] {
    rgb[3 * (y * width + x)..][..3].try_into().unwrap()
}
