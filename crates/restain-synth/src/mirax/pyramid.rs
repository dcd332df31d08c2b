//! The zoom levels at which one image shows several photographs.
//!
//! Each image holds 2 x 2 of the level below, each in half its size. Photographs arrive along a Z-shaped curve, so
//! one image a level is in the making at any time, whatever the size of the slide.

use std::collections::HashMap;

use turbojpeg::Compressor;

use crate::{
    Picture, Result,
    mirax::{
        DIVISIONS, PHOTO_LEVELS, compress,
        data::DataFiles,
        index::{Index, Location},
        jpeg,
        layout::Layout,
    },
};

/// Which picture an image or photograph shows: the same number, the same pixels.
pub(super) type Content = u32;

/// What the four parts of an image show; where nothing was scanned, nothing.
type Parts = [Option<Content>; 4];

/// The upper zoom levels in the making.
pub(super) struct Pyramid {
    compressor: Compressor,
    /// The image in the making of each level; none below [`PHOTO_LEVELS`].
    open: Vec<Option<Image>>,
    image: [u32; 2],
    images_across: u32,
    background: [u8; 3],
    /// Images made so far, for a picture that repeats.
    made: Option<HashMap<Parts, Made>>,
    next: Content,
}

struct Image {
    place: [u32; 2],
    parts: Parts,
    quarters: [Option<Picture>; 4],
}

#[derive(Clone)]
struct Made {
    content: Content,
    location: Location,
    quarter: Picture,
}

impl Pyramid {
    /// The levels of `layout`; `repeats` remembers images to use them again. Numbers of contents below `first` are
    /// the caller's.
    pub(super) fn new(layout: &Layout, background: [u8; 3], repeats: bool, first: Content) -> Result<Self> {
        Ok(Self {
            compressor: jpeg()?,
            open: (0..layout.levels).map(|_| None).collect(),
            image: [layout.x.image, layout.y.image],
            images_across: layout.x.total() * DIVISIONS,
            background,
            made: repeats.then(HashMap::new),
            next: first,
        })
    }

    /// Adds a photograph at its place on the canvas's grid of photographs.
    pub(super) fn add(
        &mut self,
        place: [u32; 2],
        content: Content,
        quarter: Picture,
        data: &mut DataFiles,
        index: &mut Index,
    ) -> Result<()> {
        self.insert(PHOTO_LEVELS, place, content, quarter, data, index)
    }

    /// Completes all images.
    pub(super) fn finish(&mut self, data: &mut DataFiles, index: &mut Index) -> Result<()> {
        (PHOTO_LEVELS..self.open.len()).try_for_each(|level| self.close(level, data, index))
    }

    /// Adds to an image of `level` the part that is at `place` in the level below.
    fn insert(
        &mut self,
        level: usize,
        place: [u32; 2],
        content: Content,
        quarter: Picture,
        data: &mut DataFiles,
        index: &mut Index,
    ) -> Result<()> {
        if level == self.open.len() {
            return Ok(());
        }
        let parent = place.map(|at| at / 2);
        if self.open[level].as_ref().is_some_and(|image| image.place != parent) {
            self.close(level, data, index)?;
        }
        let image = self.open[level].get_or_insert(Image {
            place: parent,
            parts: [None; 4],
            quarters: [const { None }; 4],
        });
        let part = (place[0] % 2 + 2 * (place[1] % 2)) as usize;
        image.parts[part] = Some(content);
        image.quarters[part] = Some(quarter);
        Ok(())
    }

    /// Completes the image in the making of a level and adds it to the level above.
    fn close(&mut self, level: usize, data: &mut DataFiles, index: &mut Index) -> Result<()> {
        let Some(image) = self.open[level].take() else { return Ok(()) };
        let known = self.made.as_ref().and_then(|made| made.get(&image.parts).cloned());
        let made = match known {
            Some(made) => made,
            None => self.make(level, &image, data)?,
        };
        let [x, y] = image.place.map(|at| at << level);
        index.image(level, y * self.images_across + x, made.location);
        self.insert(level + 1, image.place, made.content, made.quarter, data, index)
    }

    /// Joins the parts of an image, compresses and writes it.
    fn make(&mut self, level: usize, image: &Image, data: &mut DataFiles) -> Result<Made> {
        let [width, height] = self.image;
        let mut picture = Picture::filled(width, height, self.background);
        for (part, quarter) in (0..).zip(&image.quarters) {
            if let Some(quarter) = quarter {
                picture.paste(quarter, i64::from(part % 2 * width / 2), i64::from(part / 2 * height / 2));
            }
        }
        let location = data.append(level, &compress(&mut self.compressor, &picture)?)?;
        let made = Made { content: self.next, location, quarter: picture.halved() };
        self.next += 1;
        if let Some(all) = &mut self.made {
            all.insert(image.parts, made.clone());
        }
        Ok(made)
    }
}
