//! Images without labels.

use std::path::Path;
use std::sync::Arc;

use super::{Names, files, grouping::Grouping, place};
use crate::{Folder, Picture, Result, Sample, Settings};

pub(crate) fn find(source: &Folder, base: &Path, settings: &Settings) -> Result<Vec<Sample>> {
    let folder = base.join(&source.path);
    let (grouping, mut names) = (Grouping::new(&source.group)?, Names::default());
    let sample = |path: std::path::PathBuf| {
        let picture = Picture::of_image(&path, source.mpp, settings.memory_limit)?;
        let group = grouping.of(&files::name_inside(&folder, &path), &path)?;
        Ok(Sample {
            picture: Arc::new(picture),
            place: place(source.place),
            class: names.of(""),
            label: None,
            group: names.of(&group),
        })
    };
    files::images(&folder)?.into_iter().map(sample).collect()
}
