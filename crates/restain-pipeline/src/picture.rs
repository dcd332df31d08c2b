//! A single picture, such as a patch, on the way a slide's tile takes.

use restain_slide::{LevelRect, LevelSize, TileGrid};
use restain_stain::removal::remove_stain_par;

use crate::engine::Engine;
use crate::{Result, crop};

/// What lies beyond a picture, as beyond a slide that names no background of its own.
const BACKGROUND: [u8; 3] = [255; 3];

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
    if matches!(engine, Engine::Identity) {
        return Ok(rgb.to_vec());
    }
    let mut normalized = vec![0; rgb.len()];
    let mut gm = Vec::new();
    for tile in grid.iter() {
        let window = cut(rgb, extent, tile.window);
        gm.resize(window.len() / 3 * 2, 0.0);
        remove_stain_par(&window, &mut gm);
        let size = tile.window.size().to_usize();
        let mut cores = engine.restain([(tile, gm.as_slice())].into_iter(), size.height, size.width)?;
        let Some(core) = cores.pop() else { continue };
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
    fn beyond_the_picture_lies_white() {
        let extent = LevelRect::from_size(LevelSize::new(2, 1));
        let window = LevelRect::new(LevelPoint::new(-1, 0), LevelPoint::new(3, 2));
        let cut = cut(&[1, 2, 3, 4, 5, 6], extent, window);
        let white = [255; 12];
        assert_eq!(cut[..12], [255, 255, 255, 1, 2, 3, 4, 5, 6, 255, 255, 255]);
        assert_eq!(cut[12..], white);
    }
}
