//! Images, and a table of places in them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;

use super::{Names, grouping::Grouping, label, table_error};
use crate::{
    Error, Group, Picture, Points, Result, Sample, Settings,
    sample::{Label, Place},
    text::read_text,
};

/// Where the columns are.
struct Columns {
    image: usize,
    place: Option<[usize; 2]>,
    label: Option<usize>,
    class: Option<usize>,
    group: Option<usize>,
}

pub(crate) fn find(source: &Points, base: &Path, settings: &Settings) -> Result<Vec<Sample>> {
    let table = base.join(&source.table);
    let folder = match &source.path {
        Some(path) => base.join(path),
        None => table.parent().unwrap_or(Path::new("")).to_owned(),
    };
    let grouping = match &source.group {
        Group::Column(_) => None,
        rule => Some(Grouping::new(rule)?),
    };
    let text = read_text(&table)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| table_error(&table, &error))?.clone();
    let columns = Columns::find(source, &headers).map_err(|message| Error::Content {
        path: table.clone(),
        line: Some(1),
        message,
    })?;
    let (mut names, mut pictures) = (Names::default(), HashMap::new());
    let mut samples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| table_error(&table, &error))?;
        let line = record.position().map(csv::Position::line);
        let wrong = |message| Error::Content { path: table.clone(), line, message };
        let field = |column: usize| record.get(column).unwrap_or_default().trim();
        let name = field(columns.image);
        if name.is_empty() {
            return Err(wrong(format!("the column `{}` is empty", source.image)));
        }
        let class = columns.class.map(field).unwrap_or_default();
        let given = columns.label.map_or(class, field);
        let Some(label) = label_of(source, given, columns.label.is_some()).map_err(wrong)? else { continue };
        let path = folder.join(name);
        let picture: &Arc<Picture> = match pictures.entry(path.clone()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let picture = Picture::of_image(&path, source.mpp, settings.memory_limit)
                    .map_err(|error| wrong(error.to_string()))?;
                new.insert(Arc::new(picture))
            }
        };
        let place = match columns.place {
            None => Place::Middle,
            Some([x, y]) => Place::At(place(picture, field(x), field(y)).map_err(wrong)?),
        };
        let group = match (columns.group.map(field), &grouping) {
            (Some(""), _) => return Err(wrong("the column of the group is empty".to_owned())),
            (Some(group), _) => group.to_owned(),
            (None, Some(grouping)) => grouping.of(name, &path)?,
            (None, None) => name.to_owned(),
        };
        samples.push(Sample {
            picture: picture.clone(),
            place,
            class: names.of(class),
            label,
            group: names.of(&group),
        });
    }
    if samples.is_empty() {
        return Err(Error::Nothing { path: table, what: "the table has no row to use" });
    }
    Ok(samples)
}

impl Columns {
    fn find(source: &Points, headers: &StringRecord) -> Result<Self, String> {
        let column = |name: &str| {
            let mut found = headers.iter().enumerate().filter(|(_, header)| header.trim() == name);
            match (found.next(), found.next()) {
                (Some((index, _)), None) => Ok(index),
                (None, _) => {
                    let there: Vec<&str> = headers.iter().map(str::trim).collect();
                    Err(format!("there is no column `{name}`; there are {}", there.join(", ")))
                }
                (Some(_), Some(_)) => Err(format!("there are two columns `{name}`")),
            }
        };
        let maybe = |name: &Option<String>| name.as_deref().map(column).transpose();
        let group = match &source.group {
            Group::Column(name) => Some(column(name)?),
            _ => None,
        };
        Ok(Self {
            image: column(&source.image)?,
            place: maybe(&source.x)?.zip(maybe(&source.y)?).map(|(x, y)| [x, y]),
            label: maybe(&source.label)?,
            class: maybe(&source.class)?,
            group,
        })
    }
}

/// The label of a row; `None` where it is not to be used.
#[expect(clippy::option_option, reason = "a row that is not used, and one that is and has no label")]
fn label_of(source: &Points, given: &str, own_column: bool) -> Result<Option<Option<Label>>, String> {
    if !source.labels.is_empty() {
        return match source.labels.get(given) {
            Some(&rule) => Ok(label(rule).map(Some)),
            None => Err(format!("`{given}` has no label; add it to `labels` as normal, abnormal or ignore")),
        };
    }
    match given {
        _ if !own_column => Ok(Some(None)),
        "" => Ok(Some(None)),
        "normal" => Ok(Some(Some(Label::Normal))),
        "abnormal" => Ok(Some(Some(Label::Abnormal))),
        _ => Err(format!("the label `{given}` is neither normal nor abnormal; map it in `labels`")),
    }
}

/// A place in a picture.
fn place(picture: &Picture, x: &str, y: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| format!("`{text}` is no number of pixels"))
    };
    let at = [number(x)?, number(y)?];
    if !picture.holds(at) {
        let [_, [width, height]] = picture.corners();
        return Err(format!(
            "{x}, {y} lies outside {}, which has {width} x {height} px",
            picture.path.display()
        ));
    }
    Ok(at)
}
