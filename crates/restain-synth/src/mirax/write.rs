//! Writing a slide from its first photograph to its index.

use std::{collections::HashMap, ops::ControlFlow, path::Path};

use rayon::prelude::*;

use crate::{
    Drawing, Error, Picture, Result, SlideSpec, hash,
    mirax::{
        DIVISIONS, PHOTO_LEVELS,
        associated::{self, Associated},
        coverage::photos_taken,
        data::DataFiles,
        index::{Index, Location},
        layout::Layout,
        photo::{self, Photo},
        place::Place,
        position,
        pyramid::{Content, Pyramid},
        slidedat::{self, Facts},
    },
};

/// Photographs drawn and compressed before they are written. A constant, so that memory does not grow with the slide.
const BATCH: usize = 16;
/// The longest side of the thumbnail in pixels.
const THUMBNAIL: u32 = 1024;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Where the scanned bounds begin on the slide's canvas, in level-0 pixels.
    pub bounds_origin: [i64; 2],
    /// Zoom levels.
    pub levels: usize,
    /// Photographs that cover the bounds.
    pub photos: usize,
    /// Those of them that were taken.
    pub photos_scanned: usize,
    /// Images of all levels; several can share the same data.
    pub images: usize,
    /// Data files.
    pub data_files: u32,
    /// Bytes in the data files and the index.
    pub bytes: u64,
}

/// Writes the slide of `spec` as `out`, which must end in `.mrxs`, and the folder of the same name without it.
///
/// `progress` is called, from this thread, with the fraction done, and stops the work when it breaks. Photographs are
/// made in parallel on the current rayon pool; the bytes do not depend on its threads. Memory depends neither on
/// width nor on height, except for the index (some 20 bytes an image of 256 x 256 px).
///
/// # Errors
/// For numbers out of range, unusable pictures, an output that exists (without `force`) or cannot be written, and
/// when `progress` breaks. In each case the output is as it was before.
pub fn write_slide(
    spec: &SlideSpec,
    out: &Path,
    progress: &dyn Fn(f64) -> ControlFlow<()>,
) -> Result<Summary> {
    let drawing = Drawing::new(spec)?;
    let layout = Layout::new(spec);
    let taken = photos_taken(&layout, spec.coverage, hash::place(spec.seed, 0x0067_6170, 0));
    let place = Place::new(out, spec.force)?;
    let slide_id = slide_id(spec);
    let folder = place.images();

    let mut writer =
        Writer::new(spec, &drawing, &layout, DataFiles::new(&folder, &slide_id, layout.levels + 1))?;
    writer.photos(&taken, progress)?;
    let Writer { mut data, mut index, mut pyramid, thumbnail, .. } = writer;
    pyramid.finish(&mut data, &mut index)?;

    let associated = associated::make(spec, &drawing, thumbnail)?;
    for (record, Associated { jpeg, .. }) in
        [slidedat::MACRO, slidedat::LABEL, slidedat::THUMBNAIL].iter().zip(&associated)
    {
        index.record(*record, data.append(layout.levels, jpeg)?);
    }
    let positions = position::encode(&layout, &taken).map_err(Error::io("compress the positions of", out))?;
    index.record(slidedat::POSITIONS, data.append(layout.levels, &positions)?);
    data.finish()?;
    let index_bytes = index.write(&folder.join("Index.dat"), &slide_id)?;
    let facts = Facts {
        slide_id: &slide_id,
        mpp: spec.mpp,
        background: drawing.background(),
        data_files: data.count,
        associated: associated.each_ref().map(|image| image.size),
    };
    let ini = folder.join("Slidedat.ini");
    std::fs::write(&ini, slidedat::text(&layout, &facts)).map_err(Error::io("write", &ini))?;
    if progress(1.0).is_break() {
        return Err(Error::Stopped);
    }
    let [.., Associated { jpeg: preview, .. }] = &associated;
    place.finish(preview)?;
    Ok(Summary {
        bounds_origin: [layout.x.origin, layout.y.origin],
        levels: layout.levels,
        photos: layout.x.photos as usize * layout.y.photos as usize,
        photos_scanned: taken.len(),
        images: index.images(),
        data_files: data.count,
        bytes: data.bytes + index_bytes,
    })
}

/// Everything that grows while photographs are written.
struct Writer<'a> {
    drawing: &'a Drawing,
    layout: &'a Layout,
    data: DataFiles,
    index: Index,
    pyramid: Pyramid,
    thumbnail: Picture,
    thumbnail_level: usize,
    /// Photographs that can show up again, by what they show.
    repeated: Option<HashMap<[i64; 2], Written>>,
}

/// A photograph that was written.
#[derive(Clone)]
struct Written {
    content: Content,
    images: [Vec<Location>; PHOTO_LEVELS],
    quarter: Picture,
    thumbnail: Picture,
}

impl<'a> Writer<'a> {
    fn new(spec: &SlideSpec, drawing: &'a Drawing, layout: &'a Layout, data: DataFiles) -> Result<Self> {
        let background = drawing.background();
        let thumbnail_level =
            spec.width.max(spec.height).div_ceil(THUMBNAIL).next_power_of_two().ilog2() as usize;
        let size = [spec.width, spec.height].map(|side| (side >> thumbnail_level).max(1));
        let repeats = spec.repeats();
        Ok(Self {
            drawing,
            layout,
            data,
            index: Index::new(layout.levels, slidedat::RECORDS),
            pyramid: Pyramid::new(layout, background, repeats, layout.x.photos * layout.y.photos)?,
            thumbnail: Picture::filled(size[0], size[1], background),
            thumbnail_level,
            repeated: repeats.then(HashMap::new),
        })
    }

    /// Draws, compresses and writes all photographs, in order.
    fn photos(&mut self, taken: &[[u32; 2]], progress: &dyn Fn(f64) -> ControlFlow<()>) -> Result<()> {
        let mut done = 0;
        for batch in taken.chunks(BATCH) {
            if progress(done as f64 / taken.len() as f64).is_break() {
                return Err(Error::Stopped);
            }
            let new = self.new_contents(batch);
            let photos: Vec<Photo> = new
                .par_iter()
                .map(|place| photo::take(self.drawing, self.layout, *place, self.thumbnail_level))
                .collect::<Result<_>>()?;
            let mut photos = new.iter().zip(photos).peekable();
            for place in batch {
                let written = match photos.next_if(|(new, _)| *new == place) {
                    Some((_, photo)) => self.write(*place, photo)?,
                    None => match self.known(*place) {
                        Some(written) => written.clone(),
                        None => self.write(
                            *place,
                            photo::take(self.drawing, self.layout, *place, self.thumbnail_level)?,
                        )?,
                    },
                };
                self.enter(*place, written)?;
            }
            done += batch.len();
        }
        let _ = progress(1.0);
        Ok(())
    }

    /// The photographs of a batch that show what none before them shows.
    fn new_contents(&self, batch: &[[u32; 2]]) -> Vec<[u32; 2]> {
        let mut seen = std::collections::HashSet::new();
        let is_new = |place: &&[u32; 2]| {
            self.repeated.is_none()
                || self.known(**place).is_none() && seen.insert(self.layout.content(place[0], place[1]))
        };
        batch.iter().filter(is_new).copied().collect()
    }

    /// The photograph, written before, that shows the same as this one.
    fn known(&self, [column, row]: [u32; 2]) -> Option<&Written> {
        self.repeated.as_ref()?.get(&self.layout.content(column, row))
    }

    /// Writes a photograph's images.
    fn write(&mut self, [column, row]: [u32; 2], photo: Photo) -> Result<Written> {
        let mut images = <[Vec<Location>; PHOTO_LEVELS]>::default();
        for (level, (locations, images)) in images.iter_mut().zip(&photo.images).enumerate() {
            *locations = images.iter().map(|image| self.data.append(level, image)).collect::<Result<_>>()?;
        }
        let content = row * self.layout.x.photos + column;
        let written = Written { content, images, quarter: photo.quarter, thumbnail: photo.thumbnail };
        if let Some(repeated) = &mut self.repeated {
            repeated.insert(self.layout.content(column, row), written.clone());
        }
        Ok(written)
    }

    /// Enters a written photograph into index, upper levels and thumbnail.
    fn enter(&mut self, [column, row]: [u32; 2], written: Written) -> Result<()> {
        let on_canvas = [column + self.layout.x.before, row + self.layout.y.before];
        let images_across = self.layout.x.total() * DIVISIONS;
        for (level, locations) in written.images.iter().enumerate() {
            let divisions = DIVISIONS >> level;
            for (part, location) in (0..).zip(locations) {
                let x = on_canvas[0] * DIVISIONS + ((part % divisions) << level);
                let y = on_canvas[1] * DIVISIONS + ((part / divisions) << level);
                self.index.image(level, y * images_across + x, *location);
            }
        }
        let [x, y] = self.layout.place(column, row).map(|at| at >> self.thumbnail_level);
        self.thumbnail.paste(&written.thumbnail, x, y);
        self.pyramid.add(on_canvas, written.content, written.quarter, &mut self.data, &mut self.index)
    }
}

/// 32 hexadecimal digits that identify the slide, from its specification.
fn slide_id(spec: &SlideSpec) -> String {
    let half = |salt: u64| {
        let size = hash::place(spec.seed ^ salt, i64::from(spec.width), i64::from(spec.height));
        let style =
            spec.style.name().bytes().fold(0, |sum: i64, byte| sum.wrapping_mul(31) + i64::from(byte));
        hash::place(size, style, spec.coverage.to_bits() as i64)
    };
    format!("{:016X}{:016X}", half(1), half(2))
}
