//! A single picture, such as a patch, on the way a slide's tile takes.

use std::path::Path;

use image::{ImageError, ImageFormat, RgbImage};
use restain_slide::{LevelRect, LevelSize, TileGrid};

use crate::engine::Engine;
use crate::{Error, Result, crop};

/// What lies beyond a picture, as beyond a slide that names no background of its own.
const BACKGROUND: [u8; 3] = [255; 3];

/// Formats of plain pictures.
const FORMATS: [ImageFormat; 4] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff, ImageFormat::Bmp];

/// The format that a plain picture has by its name.
///
/// # Errors
/// [`Error::PictureName`] where it is none of PNG, JPEG, TIFF and BMP.
pub fn picture_format(path: &Path) -> Result<ImageFormat> {
    let format = ImageFormat::from_path(path).ok().filter(|format| FORMATS.contains(format));
    format.ok_or_else(|| Error::PictureName(path.to_owned()))
}

/// Reads a plain picture as RGB. A slide is none, whatever its file begins with.
///
/// # Errors
/// [`Error::PictureName`], [`Error::PictureFile`], [`Error::CutShort`] and [`Error::Image`].
pub fn read_picture(path: &Path) -> Result<RgbImage> {
    picture_format(path)?;
    let bytes = std::fs::read(path).map_err(|cause| Error::PictureFile { path: path.to_owned(), cause })?;
    let wrong = |cause| Error::Image { path: path.to_owned(), cause };
    let format = image::guess_format(&bytes).map_err(wrong)?;
    // Decoders fill up what is missing of a JPEG picture, and say nothing.
    if format == ImageFormat::Jpeg && !is_whole(&bytes) {
        return Err(Error::CutShort(path.to_owned()));
    }
    let picture: Result<_, ImageError> = image::load_from_memory_with_format(&bytes, format);
    Ok(picture.map_err(wrong)?.into_rgb8())
}

/// Whether a JPEG stream has its end marker after its last scan. In a scan's data neither marker can occur (ITU-T T.81,
/// B.1.1.5).
fn is_whole(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xda).is_some_and(|scan| last(0xd9).is_some_and(|end| end > scan))
}

/// Normalizes an interleaved RGB picture of `width` x `height` pixels, `3 * width * height` bytes.
///
/// The colours are those that the same pixels get as a slide: it is laid at the slide's origin, and what lies
/// beyond it is white.
///
/// # Errors
/// Where the picture holds no pixel, `tile` is not a multiple of 64, or G fails.
pub fn normalize_picture(engine: &Engine, rgb: &[u8], width: u32, height: u32, tile: u32) -> Result<Vec<u8>> {
    let extent = LevelRect::from_size(LevelSize::new(width.into(), height.into()));
    let grid = TileGrid::new(extent, tile, engine.margin())?;
    let mut mapped = rgb.to_vec();
    if let Some(quantile) = engine.quantile() {
        quantile.apply(&mut mapped);
    }
    let Engine::Model(restainer) = engine else {
        return Ok(mapped);
    };
    let mut normalized = mapped.clone();
    for tile in grid.iter() {
        let seen = restainer.prepare(cut(&mapped, extent, tile.window));
        let size = tile.window.size().to_usize();
        let mut cores = engine.restain([(tile, &seen)].into_iter(), size.height, size.width)?;
        let Some(mut core) = cores.pop() else { continue };
        restainer.keep_gray(tile, &seen, &mut core);
        let row_bytes = tile.core.width() as usize * 3;
        for (row, line) in crop::rows(extent, tile.core).zip(core.chunks_exact(row_bytes)) {
            normalized[row.start * 3..row.end * 3].copy_from_slice(line);
        }
    }
    Ok(normalized)
}

/// The pixels of `window`, which may reach beyond the picture.
fn cut(rgb: &[u8], extent: LevelRect, window: LevelRect) -> Vec<u8> {
    let mut pixels = BACKGROUND.repeat(window.area() as usize);
    let inside = window.intersection_unchecked(&extent);
    let rows = crop::rows(extent, inside).zip(crop::rows(window, inside));
    for (from, to) in rows {
        pixels[to.start * 3..to.end * 3].copy_from_slice(&rgb[from.start * 3..from.end * 3]);
    }
    pixels
}

#[cfg(test)]
mod tests {
    use restain_slide::LevelPoint;

    use super::*;

    #[test]
    fn a_picture_cut_short_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.jpg");
        RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 4, y as u8 * 4, 9])).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(read_picture(&path).is_ok());
        std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
        assert!(matches!(read_picture(&path), Err(Error::CutShort(_))));
        assert!(matches!(read_picture(Path::new("slide.mrxs")), Err(Error::PictureName(_))));
        assert!(matches!(read_picture(Path::new("nowhere.png")), Err(Error::PictureFile { .. })));
    }

    #[test]
    fn beyond_the_picture_lies_white() {
        let extent = LevelRect::from_size(LevelSize::new(2, 1));
        let window = LevelRect::new(LevelPoint::new(-1, 0), LevelPoint::new(3, 2));
        let cut = cut(&[1, 2, 3, 4, 5, 6], extent, window);
        let white = [255; 12];
        assert_eq!(cut[..12], [255, 255, 255, 1, 2, 3, 4, 5, 6, 255, 255, 255]);
        assert_eq!(cut[12..], white);
    }
}
