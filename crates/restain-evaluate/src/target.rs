//! The domains of a benchmark, found and cut into parts; pictures through a second scanner are made once and kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use rayon::prelude::*;
use restain_data::{Classes, Dataset, Folder, Manifest, Part, Points, Settings, Source, Split, read_image};
use restain_net::write_whole;
use restain_stain::scanner::Scanner;
use restain_train::domain::Domain;

use crate::{
    Error, Result,
    config::{Config, SecondScanner, Target},
};

/// Most bytes of RGB that a picture may have.
const LIMIT: u64 = 4 << 30;

/// The parts of a benchmark.
pub(crate) struct Parts {
    /// Of the source, to train on.
    pub(crate) source: Part,
    /// Of the source, to test on.
    pub(crate) source_test: Part,
    /// Of the target, to train on without labels.
    pub(crate) target: Part,
    /// Of the target, to test on.
    pub(crate) target_test: Part,
    /// The very pictures of `target_test` before the second scanner, sample by sample.
    pub(crate) truth: Option<Part>,
    /// The target as a domain that G trains on.
    pub(crate) domain: Domain,
}

impl Parts {
    /// Finds all of them. Pictures of a second scanner are kept under `cache`.
    pub(crate) fn find(config: &Config, target: &Target, cache: &Path) -> Result<Self> {
        let patches = &config.patches;
        let source = &config.source;
        let own =
            |name: &String| -> Result<Part> { part(patches, &source.sources, Some(&source.split), name) };
        let (sources, split, truth) = match &target.scanner {
            Some(scanner) => {
                let folder = cache.join(format!("scanner-{}", crate::trained::key(scanner)?));
                let scanned = source
                    .sources
                    .iter()
                    .enumerate()
                    .map(|(index, of)| scan(of, patches, *scanner, &folder.join(index.to_string())));
                (scanned.collect::<Result<Vec<_>>>()?, Some(source.split.clone()), Some(own(&target.test)?))
            }
            None => (target.sources.clone().unwrap_or_default(), target.split.clone(), None),
        };
        let other = |name: &String| part(patches, &sources, split.as_ref(), name);
        let parts = Self {
            source: own(&source.train)?,
            source_test: own(&source.test)?,
            target: other(&target.train)?,
            target_test: other(&target.test)?,
            truth,
            domain: Domain {
                sources: sources.clone(),
                split: split.clone(),
                part: target.train.clone(),
                held_out: None,
            },
        };
        Ok(parts)
    }
}

fn part(patches: &Settings, sources: &[Source], split: Option<&Split>, name: &str) -> Result<Part> {
    let manifest = Manifest { patches: patches.clone(), sources: sources.to_vec(), split: split.cloned() };
    let mut parts: BTreeMap<String, Part> = Dataset::build(&manifest, Path::new(""))?.split_as_stated()?;
    let known = parts.keys().cloned().collect::<Vec<_>>().join(", ");
    let fault = || Error::Train(restain_train::Error::NoPart { part: name.to_owned(), known });
    parts.remove(name).ok_or_else(fault)
}

/// Puts the pictures of a source through a second scanner, into a folder where they have their old names.
fn scan(source: &Source, patches: &Settings, scanner: SecondScanner, folder: &Path) -> Result<Source> {
    let mut scanned = source.clone();
    let root = match &mut scanned {
        Source::Points(Points { table, path, .. }) => {
            let root = path.clone().unwrap_or_else(|| table.parent().unwrap_or(Path::new("")).to_owned());
            *path = Some(folder.to_owned());
            root
        }
        Source::Classes(Classes { path, .. }) | Source::Folder(Folder { path, .. }) => {
            std::mem::replace(path, folder.to_owned())
        }
        Source::Slides(_) => return Err(Error::ScannedSlides),
    };
    let manifest = Manifest { patches: patches.clone(), sources: vec![source.clone()], split: None };
    let dataset = Dataset::build(&manifest, Path::new(""))?;
    let mut pictures: Vec<&PathBuf> = dataset.samples().iter().map(|sample| &sample.picture.path).collect();
    pictures.dedup();
    let engine = Scanner::new(scanner.kind, scanner.strength.factor(), scanner.seed);
    pictures.par_iter().enumerate().try_for_each(|(number, picture)| {
        let to = folder.join(picture.strip_prefix(&root).unwrap_or(picture));
        if to.exists() { Ok(()) } else { scan_one(&engine, number as u32, picture, &to, scanner.quality) }
    })?;
    Ok(scanned)
}

fn scan_one(scanner: &Scanner, number: u32, from: &Path, to: &Path, quality: u8) -> Result<()> {
    let mut picture = read_image(from, LIMIT)?;
    let (width, height) = picture.dimensions();
    scanner.scan(&mut picture, width as usize, number);
    let fault = |source: std::io::Error| Error::Write { path: to.to_owned(), source };
    let folder = to.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(fault)?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality)
        .write_image(&picture, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| fault(std::io::Error::other(error)))?;
    write_whole(to, &jpeg).map_err(fault)
}
