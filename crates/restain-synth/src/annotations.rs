//! What is where on a drawn slide, as a pathologist would annotate it.

use std::{fmt::Write as _, io::Write as _, ops::ControlFlow, path::Path};

use rayon::prelude::*;

use crate::{Drawing, Error, Rect, Result, SlideSpec, Source};

/// Side of the squares that are drawn at a time to find their cells, in pixels.
const SQUARE: u32 = 1024;

/// Writes the squamous cells of `spec`'s slide as GeoJSON, as `QuPath` exports annotations: a point at the centre of each
/// nucleus, from the corner of the scanned bounds, of the class `normal` or `abnormal`. Cells whose patch would lie partly
/// outside the bounds are among them, and those on photographs that were not scanned. Returns how many there are.
///
/// # Errors
/// For numbers out of range, a slide of given pictures or one that repeats, and a file that exists (without `force`) or
/// cannot be written; nothing is left then. Also where `progress`, which is told the fraction done, breaks.
pub fn write_annotations(
    spec: &SlideSpec,
    out: &Path,
    progress: &dyn Fn(f64) -> ControlFlow<()>,
) -> Result<usize> {
    if spec.source != Source::Cells || spec.repeats() {
        return Err(Error::NoAnnotations);
    }
    if out.exists() && !spec.force {
        return Err(Error::Exists(out.to_owned()));
    }
    let drawing = Drawing::new(spec)?;
    let squares = |side: u32| {
        (0..side.div_ceil(SQUARE)).map(move |index| (index * SQUARE, SQUARE.min(side - index * SQUARE)))
    };
    let rows: Vec<_> = squares(spec.height).collect();
    let mut points = Vec::new();
    for (done, (y, height)) in rows.iter().enumerate() {
        if progress(done as f64 / rows.len() as f64).is_break() {
            return Err(Error::Stopped);
        }
        let columns: Vec<_> = squares(spec.width).collect();
        let cells = columns.par_iter().map(|(x, width)| {
            drawing.cells(Rect { x: i64::from(*x), y: i64::from(*y), width: *width, height: *height })
        });
        points.extend(cells.collect::<Vec<_>>().into_iter().flatten());
    }
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    for (index, cell) in points.iter().enumerate() {
        let class = if cell.abnormal { "abnormal" } else { "normal" };
        let comma = if index > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{comma}{{"type":"Feature","geometry":{{"type":"Point","coordinates":[{:.2},{:.2}]}},"properties":{{"objectType":"annotation","classification":{{"name":"{class}"}}}}}}"#,
            cell.x, cell.y
        );
    }
    text.push_str("]}\n");
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("make the folder of", out))?;
    let mut builder = tempfile::Builder::new();
    // Readable by whom the user's own settings let read, not only by the user as other temporary files are.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(Error::io("write", out))?;
    file.write_all(text.as_bytes()).map_err(Error::io("write", out))?;
    file.persist(out).map_err(|error| Error::io("write", out)(error.error))?;
    Ok(points.len())
}
