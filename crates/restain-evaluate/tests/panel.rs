//! Panels: every patch where it belongs, pixel for pixel.

use image::{ImageFormat, Rgb, RgbImage};
use restain_evaluate::{Error, PanelRow, legend, panel};

/// No two patches and no two pixels of a patch are alike, and none is white.
fn patch(width: u32, height: u32, row: u8, column: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([16 * row + x as u8, 16 * column + y as u8, 7]))
}

fn rows(count: u8, columns: u8) -> Vec<PanelRow> {
    let row = |y| PanelRow {
        title: format!("Method {y}"),
        patches: (0..columns).map(|x| patch(6, 5, y, x)).collect(),
    };
    (0..count).map(row).collect()
}

#[test]
fn every_pixel_is_a_patch_or_white() {
    let png = panel(&rows(2, 3)).unwrap();
    let picture = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (3 * 6 + 2 * 4, 2 * 5 + 4));
    for (x, y, &found) in picture.enumerate_pixels() {
        let (column, row, inner_x, inner_y) = (x / 10, y / 9, x % 10, y % 9);
        let expected = if inner_x < 6 && inner_y < 5 {
            *patch(6, 5, row as u8, column as u8).get_pixel(inner_x, inner_y)
        } else {
            Rgb([255; 3])
        };
        assert_eq!(found, expected, "at {x}, {y}");
    }
}

#[test]
fn the_legend_counts_from_the_top() {
    assert_eq!(legend(&rows(2, 1)), "Rows from top to bottom:\n\n1. Method 0\n2. Method 1\n");
}

#[test]
fn uneven_rows_are_refused_by_name() {
    let message = |rows: &[PanelRow]| match panel(rows) {
        Err(Error::Panel(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(message(&[]).contains("no patch"));
    let mut uneven = rows(2, 3);
    uneven[1].patches.pop();
    assert_eq!(message(&uneven), "`Method 1` has 2 patches where others have 3");
    let mut other = rows(2, 2);
    other[1].patches[1] = patch(5, 6, 1, 1);
    assert_eq!(message(&other), "`Method 1` has a patch of 5 x 6 px where others have 6 x 5");
    let mut empty = rows(2, 1);
    empty[0].patches.clear();
    assert!(message(&empty).contains("has 1 patches where others have 0"));
}
