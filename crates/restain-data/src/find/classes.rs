//! A folder whose subfolders are classes.

use std::path::Path;
use std::sync::Arc;

use super::{Names, files, grouping::Grouping, label, place};
use crate::{Classes, Error, Picture, Result, Sample, Settings};

pub(crate) fn find(source: &Classes, base: &Path, settings: &Settings) -> Result<Vec<Sample>> {
    let folder = base.join(&source.path);
    let (grouping, mut names) = (Grouping::new(&source.group)?, Names::default());
    let fault = |error: std::io::Error| Error::Folder { path: folder.clone(), message: error.to_string() };
    let mut classes = Vec::new();
    for entry in folder.read_dir().map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() {
            classes.push(path);
        }
    }
    classes.sort();
    let named = |class: &str| classes.iter().any(|path| path.file_name().is_some_and(|name| name == class));
    if let Some(missing) = source.labels.keys().find(|class| !named(class)) {
        return Err(Error::Nothing {
            path: folder.join(missing),
            what: "`labels` names this class, but there is no such folder",
        });
    }
    let mut samples = Vec::new();
    for path in classes {
        let class = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(&rule) = source.labels.get(&class) else { return Err(Error::Unlabelled { path, class }) };
        let Some(label) = label(rule) else { continue };
        for path in files::images(&path)? {
            let picture = Picture::of_image(&path, source.mpp, settings.memory_limit)?;
            let group = grouping.of(&files::name_inside(&folder, &path), &path)?;
            samples.push(Sample {
                picture: Arc::new(picture),
                place: place(source.place),
                class: names.of(&class),
                label: Some(label),
                group: names.of(&group),
            });
        }
    }
    Ok(samples)
}
