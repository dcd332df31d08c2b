//! One camera photograph: drawn, cut into images, compressed.

use turbojpeg::{Compressor, Image, PixelFormat};

use crate::{
    Drawing, Picture, Rect, Result,
    mirax::{DIVISIONS, PHOTO_LEVELS, jpeg, layout::Layout},
};

/// A photograph ready to be written.
#[derive(Debug)]
pub(super) struct Photo {
    /// The compressed images of each zoom level that shows one photograph only, row by row.
    pub(super) images: [Vec<Vec<u8>>; PHOTO_LEVELS],
    /// The photograph in the size of a quarter of an image: its part of the next zoom level's image.
    pub(super) quarter: Picture,
    /// The photograph at the thumbnail's scale.
    pub(super) thumbnail: Picture,
}

/// Draws and compresses the photograph at (`column`, `row`). The thumbnail halves `thumbnail_level` times.
pub(super) fn take(
    drawing: &Drawing,
    layout: &Layout,
    [column, row]: [u32; 2],
    thumbnail_level: usize,
) -> Result<Photo> {
    let [x, y] = layout.place(column, row);
    let mut picture = drawing.draw(Rect { x, y, width: layout.x.photo(), height: layout.y.photo() })?;
    let mut compressor = jpeg()?;
    let mut images = <[Vec<Vec<u8>>; PHOTO_LEVELS]>::default();
    let mut thumbnail = None;
    for (level, images) in images.iter_mut().enumerate() {
        if level == thumbnail_level {
            thumbnail = Some(picture.clone());
        }
        *images = cut(&mut compressor, &picture, layout, DIVISIONS >> level)?;
        picture = picture.halved();
    }
    let thumbnail = thumbnail.unwrap_or_else(|| {
        (PHOTO_LEVELS..thumbnail_level).fold(picture.clone(), |smaller, _| smaller.halved())
    });
    Ok(Photo { images, quarter: picture, thumbnail })
}

/// Cuts a photograph into `divisions` x `divisions` images and compresses each.
fn cut(
    compressor: &mut Compressor,
    photo: &Picture,
    layout: &Layout,
    divisions: u32,
) -> Result<Vec<Vec<u8>>> {
    let (width, height) = (layout.x.image as usize, layout.y.image as usize);
    let pitch = 3 * photo.width as usize;
    let mut images = Vec::with_capacity((divisions * divisions) as usize);
    for row in 0..divisions as usize {
        for column in 0..divisions as usize {
            let start = row * height * pitch + column * width * 3;
            let end = start + (height - 1) * pitch + 3 * width;
            let pixels = &photo.rgb[start..end];
            let image = Image { pixels, width, pitch, height, format: PixelFormat::RGB };
            images.push(compressor.compress_to_vec(image)?);
        }
    }
    Ok(images)
}
