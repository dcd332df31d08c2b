//! Annotations in GeoJSON, as QuPath exports them.

use std::path::Path;

use geojson::{Feature, Geometry, GeometryValue, JsonValue, Position};

use crate::{Error, Result, polygon::Polygon, text::read_text};

/// The class of objects that have none.
pub const UNCLASSIFIED: &str = "unclassified";

/// Coordinates beyond this lie on no slide.
const FARTHEST: f64 = (1_u64 << 40) as f64;

/// One place or outline of an annotation file.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// Number of its object in the file, from 1; objects of several parts give several annotations.
    pub object: usize,
    /// Its class, `properties.classification.name`; [`UNCLASSIFIED`] where it has none. Several names are joined as
    /// QuPath shows them: `Tumor: Positive`.
    pub class: String,
    /// Where it is.
    pub shape: Shape,
}

/// Where an annotation is, in level-0 pixels as the file counts them.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A point.
    Point([f64; 2]),
    /// An outline.
    Polygon(Polygon),
}

/// Reads an annotation file: a feature collection, a single feature, or a list of features, all of which QuPath
/// writes. Points, polygons and collections of them are taken.
///
/// # Errors
/// [`Error::Read`], [`Error::FileTooLarge`], [`Error::Content`] with the line where it is no JSON or holds no object,
/// and [`Error::Object`] where an object is no feature, has no place, or is a line.
pub fn read_annotations(path: &Path) -> Result<Vec<Annotation>> {
    parse_annotations(&read_text(path)?, path)
}

/// Reads annotations from memory; `path` is only named in errors.
///
/// # Errors
/// As [`read_annotations`].
pub fn parse_annotations(text: &str, path: &Path) -> Result<Vec<Annotation>> {
    let wrong = |line, message| Error::Content { path: path.to_owned(), line, message };
    let json: JsonValue = serde_json::from_str(text).map_err(|error| {
        // QuPath writes measurements that do not exist as NaN, which JSON does not know.
        let hint = if text.contains("NaN") { "; export without measurements: JSON knows no NaN" } else { "" };
        wrong(Some(error.line() as u64), format!("{error}{hint}"))
    })?;
    let objects = match json {
        JsonValue::Array(objects) => objects,
        JsonValue::Object(mut object) => match object.remove("features") {
            Some(JsonValue::Array(features)) => features,
            None if object.get("type").is_some_and(|kind| kind == "Feature") => vec![object.into()],
            _ => return Err(wrong(None, "this is no GeoJSON feature or feature collection".to_owned())),
        },
        _ => return Err(wrong(None, "this is no GeoJSON feature or feature collection".to_owned())),
    };
    let mut annotations = Vec::new();
    for (number, object) in (1..).zip(objects) {
        let wrong = |message| Error::Object { path: path.to_owned(), object: number, message };
        let feature: Feature = serde_json::from_value(object).map_err(|error| wrong(error.to_string()))?;
        let class = class(&feature).ok_or_else(|| wrong("its classification has no name".to_owned()))?;
        let geometry = feature.geometry.ok_or_else(|| wrong("it has no geometry".to_owned()))?;
        let mut shapes = Vec::new();
        collect(geometry, &mut shapes).map_err(wrong)?;
        let annotation = |shape| Annotation { object: number, class: class.clone(), shape };
        annotations.extend(shapes.into_iter().map(annotation));
    }
    if annotations.is_empty() {
        return Err(wrong(None, "it holds no annotation".to_owned()));
    }
    Ok(annotations)
}

/// The class of an object; `None` where it has one without a name.
fn class(feature: &Feature) -> Option<String> {
    let classification = match feature.property("classification") {
        None | Some(JsonValue::Null) => return Some(UNCLASSIFIED.to_owned()),
        Some(classification) => classification,
    };
    // Since QuPath 0.4 a class derived from another has a list of names.
    let names = || -> Option<Vec<&str>> {
        classification.get("names")?.as_array()?.iter().map(JsonValue::as_str).collect()
    };
    let name = match classification.get("name") {
        Some(name) => name.as_str()?.to_owned(),
        None => names()?.join(": "),
    };
    (!name.trim().is_empty()).then_some(name)
}

/// Takes a geometry apart.
fn collect(geometry: Geometry, shapes: &mut Vec<Shape>) -> Result<(), String> {
    let mut polygon = |rings: Vec<Vec<Position>>| -> Result<(), String> {
        let ring = |ring: &Vec<Position>| ring.iter().map(point).collect::<Result<Vec<_>, _>>();
        let rings = rings.iter().map(ring).collect::<Result<Vec<_>, _>>()?;
        shapes.push(Shape::Polygon(Polygon::new(rings).ok_or("its outline has no point")?));
        Ok(())
    };
    match geometry.value {
        GeometryValue::Point { coordinates } => shapes.push(Shape::Point(point(&coordinates)?)),
        GeometryValue::MultiPoint { coordinates } => {
            for coordinates in &coordinates {
                shapes.push(Shape::Point(point(coordinates)?));
            }
        }
        GeometryValue::Polygon { coordinates } => polygon(coordinates)?,
        GeometryValue::MultiPolygon { coordinates } => coordinates.into_iter().try_for_each(polygon)?,
        GeometryValue::GeometryCollection { geometries } => {
            geometries.into_iter().try_for_each(|geometry| collect(geometry, shapes))?;
        }
        line @ (GeometryValue::LineString { .. } | GeometryValue::MultiLineString { .. }) => {
            return Err(format!("a {} is neither a point nor a polygon; leave it out", line.type_name()));
        }
    }
    Ok(())
}

/// Checks a position; what comes after x and y is another plane.
fn point(position: &Position) -> Result<[f64; 2], String> {
    match *position.as_slice() {
        [x, y, ..] if x.abs() <= FARTHEST && y.abs() <= FARTHEST => Ok([x, y]),
        [x, y, ..] => Err(format!("{x}, {y} lies on no slide")),
        _ => Err("a position has fewer than two numbers".to_owned()),
    }
}
