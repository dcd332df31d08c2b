//! The 3DHISTECH MIRAX format: `name.mrxs`, a preview picture, beside a folder `name` with
//!
//! * `Slidedat.ini`, what there is ([`slidedat`]),
//! * `Index.dat`, where it is ([`index`]),
//! * `Data0000.dat` and so on, the images themselves ([`data`]).
//!
//! The camera takes overlapping photographs, each cut into 4 x 4 images ([`layout`], [`photo`]); of the zoom levels
//! each halves the one below, image by image ([`pyramid`]). 3DHISTECH publishes no description; this follows what
//! `OpenSlide`'s documentation of the format and its reader say of it.

mod associated;
mod coverage;
mod data;
mod font;
mod index;
mod layout;
mod photo;
mod place;
mod position;
mod pyramid;
mod slidedat;
mod write;

pub use write::{Summary, write_slide};

/// Images along each side of a camera photograph (`CameraImageDivisionsPerSide`).
const DIVISIONS: u32 = 4;
/// Zoom levels at which an image shows part of one photograph only: of 4 x 4, of 2 x 2, and of one image.
const PHOTO_LEVELS: usize = 3;
/// JPEG quality of all images.
const QUALITY: i32 = 88;

/// Compresses RGB pixels the way slide scanners do: baseline, chroma halved both ways.
fn jpeg() -> turbojpeg::Result<turbojpeg::Compressor> {
    let mut compressor = turbojpeg::Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(turbojpeg::Subsamp::Sub2x2)?;
    Ok(compressor)
}

/// Compresses a whole picture.
fn compress(compressor: &mut turbojpeg::Compressor, picture: &crate::Picture) -> turbojpeg::Result<Vec<u8>> {
    compressor.compress_to_vec(turbojpeg::Image {
        pixels: &picture.rgb,
        width: picture.width as usize,
        pitch: 3 * picture.width as usize,
        height: picture.height as usize,
        format: turbojpeg::PixelFormat::RGB,
    })
}
