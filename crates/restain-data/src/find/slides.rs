//! Slides, and their annotations.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glob::Pattern;
use restain_slide::Slide;

use super::{Names, grouping::Grouping, label};
use crate::{
    Error, Picture, Result, Sample, Slides,
    annotations::{Shape, read_annotations},
    manifest::{Origin, PolygonRule, SlidePlace},
    sample::Place,
    tissue::Tissue,
};

pub(crate) fn find(source: &Slides, base: &Path) -> Result<Vec<Sample>> {
    let (grouping, mut names) = (Grouping::new(&source.group)?, Names::default());
    let slides = paths(source, base)?;
    let mut samples = Vec::new();
    for path in &slides {
        let slide = Slide::open(path)?;
        let picture = Arc::new(Picture::of_slide(&slide, source.mpp)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let group = names.of(&grouping.of(&name, path)?);
        if source.place == SlidePlace::Tissue {
            let nothing = || Error::Nothing {
                path: path.clone(),
                what: "nothing on this slide is darker than its glass",
            };
            let place = Place::Tissue(Arc::new(Tissue::of(&slide)?.ok_or_else(nothing)?));
            samples.push(Sample { picture, place, class: names.of(""), label: None, group });
            continue;
        }
        let shift = match source.origin {
            Origin::Bounds => slide.info().bounds.min.to_f64().to_array(),
            Origin::Slide => [0.0; 2],
        };
        let annotations = annotations_of(source, base, path, slides.len())?;
        for annotation in read_annotations(&annotations)? {
            let wrong =
                |message| Error::Object { path: annotations.clone(), object: annotation.object, message };
            let label = match source.labels.get(&annotation.class) {
                Some(&rule) => match label(rule) {
                    Some(label) => Some(label),
                    None => continue,
                },
                None if source.labels.is_empty() => None,
                None => {
                    let class = &annotation.class;
                    return Err(wrong(format!(
                        "the class `{class}` has no label; add it to `labels` as normal, abnormal or ignore"
                    )));
                }
            };
            let place = place(annotation.shape, shift, source.polygons);
            let (centre, within) = match &place {
                Place::Inside(polygon) => (polygon.centre(), polygon.points().all(|at| picture.holds(at))),
                Place::At(at) => (*at, picture.holds(*at)),
                Place::Middle | Place::Anywhere | Place::Tissue(_) => (picture.middle(), true),
            };
            if !within {
                let [min, max] = picture.corners();
                return Err(wrong(format!(
                    "{:.0}, {:.0} lies outside what was scanned of {}, {:.0}, {:.0} to {:.0}, {:.0} (level-0 px); is this its \
                     annotation file, and does it count from where `origin` says?",
                    centre[0],
                    centre[1],
                    path.display(),
                    min[0],
                    min[1],
                    max[0],
                    max[1],
                )));
            }
            let class = names.of(&annotation.class);
            samples.push(Sample { picture: picture.clone(), place, class, label, group: group.clone() });
        }
    }
    Ok(samples)
}

fn place(shape: Shape, shift: [f64; 2], polygons: PolygonRule) -> Place {
    match shape {
        Shape::Point([x, y]) => Place::At([x + shift[0], y + shift[1]]),
        Shape::Polygon(polygon) => {
            let polygon = polygon.shifted(shift);
            match polygons {
                PolygonRule::Centre => Place::At(polygon.centre()),
                PolygonRule::Inside => Place::Inside(Arc::new(polygon)),
            }
        }
    }
}

/// The slides that the paths and patterns of a source name, each once, sorted.
fn paths(source: &Slides, base: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = BTreeSet::new();
    for given in &source.paths {
        let plain = base.join(given);
        if plain.exists() || !given.contains(['*', '?', '[']) {
            paths.insert(plain);
            continue;
        }
        // What the base has of `[` and `*` belongs to its name.
        let pattern = if Path::new(given).is_absolute() || base.as_os_str().is_empty() {
            given.clone()
        } else {
            format!("{}/{given}", Pattern::escape(&base.to_string_lossy()))
        };
        let wrong = |message| Error::Folder { path: plain.clone(), message };
        let before = paths.len();
        for path in glob::glob(&pattern).map_err(|error| wrong(error.to_string()))? {
            paths.insert(path.map_err(|error| wrong(error.to_string()))?);
        }
        if paths.len() == before {
            return Err(Error::Nothing { path: plain, what: "no slide matches this pattern" });
        }
    }
    Ok(paths.into_iter().collect())
}

/// The annotation file of a slide.
fn annotations_of(source: &Slides, base: &Path, slide: &Path, slides: usize) -> Result<PathBuf> {
    let Some(given) = &source.annotations else { return Ok(slide.with_extension("geojson")) };
    let given = base.join(given);
    if given.is_dir() {
        let name = slide.file_stem().unwrap_or_default();
        return Ok(given.join(name).with_added_extension("geojson"));
    }
    if slides > 1 {
        let what = "one annotation file cannot be that of several slides; give a folder with one for each";
        return Err(Error::Nothing { path: given, what });
    }
    Ok(given)
}
