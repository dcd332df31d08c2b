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

/// A row of a table that is to be used; its picture is not opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its line, from 1.
    pub line: u64,
    /// The image, a path inside the folder.
    pub image: String,
    /// Centre of the patch in pixels from the left and from the top; without it, the middle of the image.
    pub at: Option<[f64; 2]>,
    /// The label.
    pub label: Option<Label>,
    /// The class; empty where there is none.
    pub class: String,
    /// The group, where a column names it.
    pub group: Option<String>,
}

impl Points {
    /// Reads the rows of a table from memory; `table` is only named in errors.
    ///
    /// # Errors
    /// [`Error::Content`] with the line.
    pub fn parse_table(&self, text: &str, table: &Path) -> Result<Vec<Row>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| table_error(table, &error))?.clone();
        let content = |line, message| Error::Content { path: table.to_owned(), line, message };
        let columns = Columns::find(self, &headers).map_err(|message| content(Some(1), message))?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| table_error(table, &error))?;
            let line = record.position().map(csv::Position::line);
            rows.extend(self.row(&columns, &record).map_err(|message| content(line, message))?);
        }
        Ok(rows)
    }

    /// A row; `None` where it is not to be used.
    fn row(&self, columns: &Columns, record: &StringRecord) -> Result<Option<Row>, String> {
        let field = |column: usize| record.get(column).unwrap_or_default().trim();
        let image = field(columns.image).to_owned();
        if image.is_empty() {
            return Err(format!("the column `{}` is empty", self.image));
        }
        let class = columns.class.map(field).unwrap_or_default();
        let given = columns.label.map_or(class, field);
        let Some(label) = label_of(self, given, columns.label.is_some())? else { return Ok(None) };
        let at = columns.place.map(|[x, y]| Ok::<_, String>([number(field(x))?, number(field(y))?]));
        let group = columns.group.map(|column| field(column).to_owned());
        if group.as_deref() == Some("") {
            return Err("the column of the group is empty".to_owned());
        }
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Some(Row { line, image, at: at.transpose()?, label, class: class.to_owned(), group }))
    }
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
    let (mut names, mut pictures) = (Names::default(), HashMap::new());
    let mut samples = Vec::new();
    for Row { line, image, at, label, class, group } in source.parse_table(&read_text(&table)?, &table)? {
        let wrong = |message| Error::Content { path: table.clone(), line: Some(line), message };
        let path = folder.join(&image);
        let picture: &Arc<Picture> = match pictures.entry(path.clone()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let picture = Picture::of_image(&path, source.mpp, settings.memory_limit)
                    .map_err(|error| wrong(error.to_string()))?;
                new.insert(Arc::new(picture))
            }
        };
        let place = match at {
            None => Place::Middle,
            Some(at) if picture.holds(at) => Place::At(at),
            Some([x, y]) => {
                let [_, [width, height]] = picture.corners();
                let path = path.display();
                return Err(wrong(format!("{x}, {y} lies outside {path}, which has {width} x {height} px")));
            }
        };
        let group = match (group, &grouping) {
            (Some(group), _) => group,
            (None, Some(grouping)) => grouping.of(&image, &path)?,
            (None, None) => image,
        };
        samples.push(Sample {
            picture: picture.clone(),
            place,
            class: names.of(&class),
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

/// A place along an axis.
fn number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`{text}` is no number of pixels"))
}
