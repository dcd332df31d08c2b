//! What a dataset is made of, as a person writes it down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Split, padding::Padding, text::read_text};

/// A dataset. Paths in it begin at the folder of its file.
///
/// ```yaml
/// patches: {side: 128, mpp: 0.25, padding: reflect, balance: label}
/// sources:
///   - classes: {path: herlev, mpp: 0.201, labels: {normal_columnar: normal, carcinoma_in_situ: abnormal}}
///   - points: {path: fields, table: cells.csv, image: field, x: x_px, y: y_px, label: label, mpp: 0.245}
///   - folder: {path: unlabelled, mpp: 0.25, group: {pattern: "^(P[0-9]+)_"}}
///   - slides: {paths: ["slides/*.mrxs"], labels: {HSIL: abnormal, NILM: normal, artefact: ignore}}
///   - slides: {paths: ["others/*.mrxs"], place: tissue}
/// split: {shares: {seed: 1, parts: {train: 0.8, test: 0.2}}}
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What a patch is.
    #[serde(default)]
    pub patches: Settings,
    /// Where they come from, at least one source.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub sources: Vec<Source>,
    /// The parts, where the dataset has any.
    #[serde(default, with = "serde_yaml::with::singleton_map_recursive")]
    pub split: Option<Split>,
}

/// What a patch is and how patches are drawn.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Side of a patch in pixels, 1 to 4096.
    pub side: u32,
    /// Micrometres a pixel of a patch, 0.01 to 100; without it, pixels are taken as they are. Every source must then
    /// know its own.
    pub mpp: Option<f64>,
    /// What lies beyond the edge of a picture.
    pub padding: Padding,
    /// Which samples are drawn how often.
    pub balance: Balance,
    /// Most memory that decoded images may take, in bytes. An image in use at a thread may come on top.
    pub memory_limit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            side: 256,
            mpp: None,
            padding: Padding::default(),
            balance: Balance::default(),
            memory_limit: 1 << 30,
        }
    }
}

/// Which samples are drawn how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// Each sample with the same chance.
    #[default]
    None,
    /// Normal, abnormal and unlabelled ones, as far as there are any, each with the same chance.
    Label,
    /// Each class with the same chance.
    Class,
}

/// Where patches come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A folder whose subfolders are classes.
    Classes(Classes),
    /// Images, and a table of places in them.
    Points(Points),
    /// Images without labels.
    Folder(Folder),
    /// Slides, and their annotations.
    Slides(Slides),
}

/// A folder whose subfolders are classes; images may lie deeper in them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// The folder.
    pub path: PathBuf,
    /// What each class is; every subfolder must be named.
    pub labels: BTreeMap<String, LabelRule>,
    /// Where in an image a patch lies.
    #[serde(default)]
    pub place: PlaceRule,
    /// Group of an image.
    #[serde(default)]
    pub group: Group,
    /// Micrometres a pixel of the images, where known.
    #[serde(default)]
    pub mpp: Option<f64>,
}

/// Images, and a CSV table with a row for each patch.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The table; its first row names the columns.
    pub table: PathBuf,
    /// Folder of the images; without it, that of the table.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Column of the image, a path inside the folder.
    #[serde(default = "path_column")]
    pub image: String,
    /// Column of the patch's centre, pixels from the left; without it and `y`, the middle of the image.
    #[serde(default)]
    pub x: Option<String>,
    /// Column of the patch's centre, pixels from the top.
    #[serde(default)]
    pub y: Option<String>,
    /// Column of the label: `normal` or `abnormal`, nothing where there is none, or what `labels` maps.
    #[serde(default)]
    pub label: Option<String>,
    /// Column of the class.
    #[serde(default)]
    pub class: Option<String>,
    /// What each value of the label column is, or of the class column where no label column is named.
    #[serde(default)]
    pub labels: BTreeMap<String, LabelRule>,
    /// Group of a row.
    #[serde(default)]
    pub group: Group,
    /// Micrometres a pixel of the images, where known.
    #[serde(default)]
    pub mpp: Option<f64>,
}

/// A folder of images without labels, searched with all its subfolders.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// Where in an image a patch lies.
    #[serde(default = "anywhere")]
    pub place: PlaceRule,
    /// Group of an image.
    #[serde(default)]
    pub group: Group,
    /// Micrometres a pixel of the images, where known.
    #[serde(default)]
    pub mpp: Option<f64>,
}

/// Slides, and annotations in GeoJSON as QuPath exports them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slides {
    /// The slides; `*`, `?` and `[...]` stand for parts of names, `**` for folders.
    pub paths: Vec<String>,
    /// Whether patches are of what is annotated, or of anything on a slide.
    #[serde(default)]
    pub place: SlidePlace,
    /// The annotations: a folder with a `.geojson` file of each slide's name, or the file itself for a single slide;
    /// without it, the folder of each slide.
    #[serde(default)]
    pub annotations: Option<PathBuf>,
    /// What each class is; every class of the annotations must be named, unless none is: then all are unlabelled.
    #[serde(default)]
    pub labels: BTreeMap<String, LabelRule>,
    /// Where the annotations count from.
    #[serde(default)]
    pub origin: Origin,
    /// Where in a polygon a patch lies.
    #[serde(default)]
    pub polygons: PolygonRule,
    /// Group of a slide.
    #[serde(default)]
    pub group: Group,
    /// Micrometres a pixel of level 0 of slides that do not say so themselves.
    #[serde(default)]
    pub mpp: Option<f64>,
}

/// What a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelRule {
    /// No lesion.
    Normal,
    /// Any lesion.
    Abnormal,
    /// Not used.
    Ignore,
}

/// Where in an image a patch lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceRule {
    /// In its middle.
    #[default]
    Middle,
    /// Anywhere inside, anew each time it is drawn.
    Anywhere,
}

/// What of a slide patches are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SlidePlace {
    /// What is annotated.
    #[default]
    Annotated,
    /// Anything that is darker than the glass, anew each time it is drawn; annotations are not read, and there are no labels.
    Tissue,
}

/// Where in a polygon a patch lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PolygonRule {
    /// About its centre: for outlines of cells.
    #[default]
    Centre,
    /// About any place inside, anew each time it is drawn: for outlines of areas.
    Inside,
}

/// Where annotations count their pixels from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The corner of what was scanned (`openslide.bounds-x` and `-y`), which is what QuPath shows of a slide.
    #[default]
    Bounds,
    /// The corner of level 0, as QuPath counts with `--no-crop`.
    Slide,
}

/// What must stay together in a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Each image or slide is a group.
    #[default]
    File,
    /// The images or slides of a folder are a group.
    Folder,
    /// The column of a table that names the group.
    Column(String),
    /// A regular expression for the path inside the source's folder (for slides, for the file's name); what its first
    /// parentheses match is the group.
    Pattern(String),
}

fn path_column() -> String {
    "path".to_owned()
}

fn anywhere() -> PlaceRule {
    PlaceRule::Anywhere
}

impl Manifest {
    /// Reads a manifest: a CSV table where the name ends in `.csv`, YAML otherwise.
    ///
    /// A table has a row for each patch or image and the columns `path` and, where there are such, `x` and `y` (centre
    /// of the patch in pixels), `label`, `class` and `group`; settings are the defaults.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::FileTooLarge`], and [`Error::Content`] with the line of what is wrong.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&read_text(path)?, path)
    }

    /// Reads a manifest from memory; `path`, which is not opened, tells what it is and is named in errors.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            return Self::of_table(text, path);
        }
        let manifest: Self = serde_yaml::from_str(text).map_err(|error| Error::Content {
            path: path.to_owned(),
            line: error.location().map(|place| place.line() as u64),
            message: error.to_string(),
        })?;
        match manifest.fault() {
            None => Ok(manifest),
            Some((key, message)) => Err(Error::Content {
                path: path.to_owned(),
                line: line_of(text, key),
                message: format!("`{key}` {message}"),
            }),
        }
    }

    fn of_table(text: &str, path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| crate::find::table_error(path, &error))?;
        let column = |name: &str| headers.iter().any(|header| header.trim() == name).then(|| name.to_owned());
        let points = Points {
            table: path.file_name().map(PathBuf::from).unwrap_or_default(),
            path: None,
            image: path_column(),
            x: column("x"),
            y: column("y"),
            label: column("label"),
            class: column("class"),
            labels: BTreeMap::new(),
            group: column("group").map_or(Group::File, Group::Column),
            mpp: None,
        };
        Ok(Self { patches: Settings::default(), sources: vec![Source::Points(points)], split: None })
    }

    /// The first setting whose value makes no sense, and what it must be.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let Settings { side, mpp, memory_limit, .. } = self.patches;
        let scale = |mpp: Option<f64>| mpp.is_none_or(|mpp| (0.01..=100.0).contains(&mpp));
        let source_mpp = |source: &Source| match source {
            Source::Classes(Classes { mpp, .. })
            | Source::Points(Points { mpp, .. })
            | Source::Folder(Folder { mpp, .. })
            | Source::Slides(Slides { mpp, .. }) => *mpp,
        };
        let half_a_place =
            |source: &Source| matches!(source, Source::Points(p) if p.x.is_some() != p.y.is_some());
        let no_use = |source: &Source| matches!(source, Source::Slides(s) if s.place == SlidePlace::Tissue && (s.annotations.is_some() || !s.labels.is_empty()));
        let rules = [
            ((1..=4096).contains(&side), "side", "must be 1 to 4096"),
            (scale(mpp), "mpp", "must be 0.01 to 100"),
            (memory_limit >= 1 << 20, "memory_limit", "must be at least 1048576 bytes"),
            (!self.sources.is_empty(), "sources", "must name at least one"),
            (self.sources.iter().all(|source| scale(source_mpp(source))), "mpp", "must be 0.01 to 100"),
            (!self.sources.iter().any(half_a_place), "points", "must name both `x` and `y`, or neither"),
            (!self.sources.iter().any(no_use), "place", "`tissue` has no use for `annotations` and `labels`"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map(|(_, key, message)| (key, message))
    }
}

/// The first line, from 1, that holds a key: values are checked after parsing, when the parser no longer says where
/// they stood.
fn line_of(text: &str, key: &str) -> Option<u64> {
    let key = format!("{key}:");
    (1..).zip(text.lines()).find(|(_, line)| line.contains(&key)).map(|(line, _)| line)
}
