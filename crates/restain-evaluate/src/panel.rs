//! A panel of pictures: methods below each other, samples side by side (paper, Figure 6).

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, imageops};

use crate::{Error, Result};

/// White between two patches, in pixels.
const GAP: u32 = 4;

/// What one method makes of every sample.
#[derive(Debug, Clone)]
pub struct PanelRow {
    /// The method, for the [`legend`].
    pub title: String,
    /// A patch for each sample, the same sample at the same place in every row.
    pub patches: Vec<RgbImage>,
}

/// Draws rows of patches as a PNG: each patch pixel for pixel, with 4 px of white between them. Titles are not drawn, as
/// that takes a font; the [`legend`] names them.
///
/// # Errors
/// Where there is no patch, a row has more or fewer than the others, or a patch another size.
pub fn panel(rows: &[PanelRow]) -> Result<Vec<u8>> {
    let first = rows.iter().find_map(|row| row.patches.first());
    let first = first.ok_or_else(|| Error::Panel("there is no patch to show".into()))?;
    let (width, height) = first.dimensions();
    let columns = rows[0].patches.len();
    for row in rows {
        if row.patches.len() != columns {
            let (found, title) = (row.patches.len(), &row.title);
            return Err(Error::Panel(format!("`{title}` has {found} patches where others have {columns}")));
        }
        if let Some(patch) = row.patches.iter().find(|patch| patch.dimensions() != (width, height)) {
            let ((x, y), title) = (patch.dimensions(), &row.title);
            return Err(Error::Panel(format!(
                "`{title}` has a patch of {x} x {y} px where others have {width} x {height}"
            )));
        }
    }
    let across = |count: usize, side: u32| count as u32 * (side + GAP) - GAP;
    let size = (across(columns, width), across(rows.len(), height));
    let mut picture = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
    for (y, row) in rows.iter().enumerate() {
        for (x, patch) in row.patches.iter().enumerate() {
            let place = |index: usize, side: u32| i64::from(index as u32 * (side + GAP));
            imageops::replace(&mut picture, patch, place(x, width), place(y, height));
        }
    }
    let mut png = Cursor::new(vec![]);
    picture.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// What the rows of a panel are, as a Markdown list numbered from the top.
pub fn legend(rows: &[PanelRow]) -> String {
    let lines = rows.iter().enumerate().map(|(index, row)| format!("{}. {}\n", index + 1, row.title));
    format!("Rows from top to bottom:\n\n{}", lines.collect::<String>())
}
