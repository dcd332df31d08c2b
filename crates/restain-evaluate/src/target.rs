//! The domains of a benchmark, found and cut into parts; pictures through a second scanner are made once and kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use image::{
    ExtendedColorType, ImageEncoder, RgbImage,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use rayon::prelude::*;
use restain_data::{
    Classes, Dataset, Folder, Group, Kind, Label, Manifest, Part, Picture, Points, Sample, Settings, Source,
    Split, read_image,
};
use restain_net::write_whole;
use restain_slide::{Extent, Mpp, Slide};
use restain_stain::scanner::Scanner;
use restain_train::domain::Domain;

use crate::{
    Error, Result,
    config::{Config, SecondScanner, Target},
};

/// Most bytes of RGB that a picture may have.
const LIMIT: u64 = 4 << 30;
const RGB: ExtendedColorType = ExtendedColorType::Rgb8;

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
        let own = |name: &String| part(patches, &source.sources, Some(&source.split), name);
        let (sources, split, truth) = match &target.scanner {
            Some(scanner) => {
                let folder = cache.join(format!("scanner-{}", crate::trained::key(scanner)?));
                let of = source.sources.iter().enumerate();
                let scanned =
                    of.map(|(index, of)| scan(of, patches, *scanner, &folder.join(index.to_string())));
                let (scanned, plain): (Vec<_>, Vec<_>) =
                    scanned.collect::<Result<Vec<_>>>()?.into_iter().unzip();
                let truth = part(patches, &plain.concat(), Some(&source.split), &target.test)?;
                (scanned.concat(), Some(source.split.clone()), Some(truth))
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

/// Puts the pictures of a source through a second scanner, into a folder where they have their old names. Slides become
/// pictures of their level 0, each with a table of its places. Returns what is scanned, and the same before.
fn scan(
    source: &Source,
    patches: &Settings,
    scanner: SecondScanner,
    folder: &Path,
) -> Result<(Vec<Source>, Vec<Source>)> {
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
        Source::Slides(_) => PathBuf::new(),
    };
    let manifest = Manifest { patches: patches.clone(), sources: vec![source.clone()], split: None };
    let dataset = Dataset::build(&manifest, Path::new(""))?;
    let pictures: Vec<&[Sample]> =
        dataset.samples().chunk_by(|a, b| a.picture.path == b.picture.path).collect();
    let engine = Scanner::new(scanner.kind, scanner.strength.factor(), scanner.seed);
    let scan_one = |(number, samples): (usize, &&[Sample])| -> Result<Option<(Source, Source)>> {
        let Picture { path, kind, .. } = &*samples[0].picture;
        let (before, after) = match kind {
            Kind::Image => (path.clone(), folder.join(path.strip_prefix(&root).unwrap_or(path))),
            Kind::Slide => {
                (folder.join("before").join(format!("{number}.png")), folder.join(format!("{number}.jpg")))
            }
        };
        if !before.exists() {
            save(&before, &level0(path)?, None)?;
        }
        if !after.exists() {
            let mut picture = read_image(&before, LIMIT)?;
            let width = picture.width() as usize;
            engine.scan(&mut picture, width, number as u32);
            save(&after, &picture, Some(scanner.quality))?;
        }
        match kind {
            Kind::Image => Ok(None),
            Kind::Slide => Ok(Some((points(samples, &after)?, points(samples, &before)?))),
        }
    };
    let of_slides = pictures.par_iter().enumerate().map(scan_one).collect::<Vec<_>>();
    let of_slides: Vec<_> =
        of_slides.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let whole = || (vec![scanned], vec![source.clone()]);
    Ok(if of_slides.is_empty() { whole() } else { of_slides.into_iter().unzip() })
}

/// All that was scanned of a slide's level 0.
fn level0(path: &Path) -> Result<RgbImage> {
    let slide = Slide::open(path).map_err(restain_data::Error::from)?;
    let extent = slide.extent(0, Extent::Bounds).map_err(restain_data::Error::from)?;
    let rgb = slide.read(0, extent).map_err(restain_data::Error::from)?.rgb;
    let picture = RgbImage::from_raw(extent.width() as u32, extent.height() as u32, rgb);
    picture.ok_or(Error::Nothing("a slide has no pixel"))
}

/// The places of a slide as a table beside the picture of its level 0.
fn points(samples: &[Sample], picture: &Path) -> Result<Source> {
    let slide = &samples[0].picture;
    let [corner, _] = slide.corners();
    let name = picture.file_name().unwrap_or_default().to_string_lossy();
    let line = |sample: &Sample| {
        let [x, y] = [0, 1].map(|axis| sample.centre()[axis] - corner[axis]);
        let label = match sample.label {
            Some(Label::Normal) => "normal",
            Some(Label::Abnormal) => "abnormal",
            None => "",
        };
        // Names of classes and groups are the user's own, and may hold a comma.
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        format!("{name},{x},{y},{label},{},{}", quoted(&sample.class), quoted(&sample.group))
    };
    let lines: Vec<String> = samples.iter().map(line).collect();
    let text = format!("path,x,y,label,class,group\n{}\n", lines.join("\n"));
    let table = picture.with_extension("csv");
    write_whole(&table, text.as_bytes()).map_err(|source| Error::Write { path: table.clone(), source })?;
    let column = |name: &str| Some(name.to_owned());
    Ok(Source::Points(Points {
        table,
        path: None,
        image: "path".to_owned(),
        x: column("x"),
        y: column("y"),
        label: column("label"),
        class: column("class"),
        labels: BTreeMap::new(),
        group: Group::Column("group".to_owned()),
        mpp: slide.mpp.map(Mpp::mean),
    }))
}

/// Writes a picture, whole or not at all: as JPEG of some quality, or without loss.
fn save(to: &Path, picture: &RgbImage, quality: Option<u8>) -> Result<()> {
    let fault = |source: std::io::Error| Error::Write { path: to.to_owned(), source };
    std::fs::create_dir_all(to.parent().unwrap_or(Path::new(""))).map_err(fault)?;
    let (mut bytes, (width, height)) = (Vec::new(), picture.dimensions());
    let written = match quality {
        Some(quality) => {
            JpegEncoder::new_with_quality(&mut bytes, quality).write_image(picture, width, height, RGB)
        }
        None => PngEncoder::new(&mut bytes).write_image(picture, width, height, RGB),
    };
    written.map_err(|error| fault(std::io::Error::other(error)))?;
    write_whole(to, &bytes).map_err(fault)
}
