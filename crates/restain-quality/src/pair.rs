//! The same place of a slide and of its output, at any scale.

use restain_slide::{Coverage, LevelPoint, LevelRect, LevelSize, Slide};
use restain_stain::boxes;

use crate::{Error, Result, Source};

/// Micrometres of a pixel at which a whole slide is looked at.
const COARSE: f64 = 2.0;
/// Micrometres a pixel of a slide that does not say it.
const UNKNOWN: f64 = 0.25;
/// A level whose downsample is this much beyond a whole number counts as that number.
const NEARLY: f64 = 1.01;

/// A slide and its output. Places are in pixels of the output, divided by a scale.
pub(crate) struct Pair<'a> {
    before: Side<'a>,
    after: Side<'a>,
    /// Size of the output.
    size: LevelSize,
    /// Pixels of the output along the side of one at which the whole slide is looked at, a power of two.
    pub(crate) scale: i64,
}

/// One of the two: the slide, the level that counts as its finest, and the corner on it.
struct Side<'a> {
    slide: &'a Slide,
    level: u32,
    corner: LevelPoint,
}

/// A place of both, of the same size.
pub(crate) struct View {
    pub(crate) width: usize,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// Whether the scanner has seen all of a pixel.
    pub(crate) scanned: Vec<bool>,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(before: &'a Slide, after: &'a Slide, source: Source) -> Result<Self> {
        let size = after.info().levels[0].size;
        let said = source.rect().size();
        if size != said {
            return Err(Error::Size {
                output: after.path().to_owned(),
                shown: [size.width, size.height],
                said: [said.width, said.height],
            });
        }
        // Asks for the level, so that one the slide does not have is an error here.
        before.extent(source.level, restain_slide::Extent::Full)?;
        let downsample = before.info().levels[source.level as usize].downsample;
        let mpp = before.info().mpp.map_or(UNKNOWN, |mpp| mpp.at(downsample).mean());
        Ok(Self {
            before: Side { slide: before, level: source.level, corner: source.rect().min },
            after: Side { slide: after, level: 0, corner: LevelPoint::zero() },
            size,
            scale: 1 << (COARSE / mpp).log2().round().clamp(0.0, 6.0) as u32,
        })
    }

    /// Size of the output at a scale, in whole pixels.
    pub(crate) fn size(&self, scale: i64) -> LevelSize {
        self.size / scale
    }

    pub(crate) fn read(&self, scale: i64, rect: LevelRect) -> Result<View> {
        let (before, scanned) = self.before.read(scale, rect)?;
        let (after, _) = self.after.read(scale, rect)?;
        Ok(View { width: rect.width() as usize, before, after, scanned })
    }
}

impl Side<'_> {
    /// Pixels of a rectangle, each the mean of those of a level at least twice as fine: where a slide and its output begin their
    /// coarser levels at other pixels, this brings them within a quarter of a pixel.
    fn read(&self, scale: i64, rect: LevelRect) -> Result<(Vec<u8>, Vec<bool>)> {
        let levels = &self.slide.info().levels;
        let finest = levels[self.level as usize].downsample;
        let relative = |level: usize| levels[level].downsample / finest;
        let most = (scale as f64 / 2.0).max(1.0) * NEARLY;
        let level = (self.level as usize..levels.len())
            .rev()
            .find(|&level| relative(level) <= most)
            .unwrap_or(self.level as usize);
        let step = (scale as f64 / relative(level)).round().max(1.0) as i64;
        let place = |at: i64, corner: i64| ((at * scale + corner) as f64 / relative(level)).round() as i64;
        let corner = LevelPoint::new(place(rect.min.x, self.corner.x), place(rect.min.y, self.corner.y));
        let pixels =
            self.slide.read(level as u32, LevelRect::from_origin_and_size(corner, rect.size() * step))?;
        let (width, step) = ((rect.width() * step) as usize, step as usize);
        let scanned = match &pixels.coverage {
            Coverage::Nothing => vec![false; rect.area() as usize],
            Coverage::Everything => vec![true; rect.area() as usize],
            Coverage::Partly(alpha) => {
                let whole: Vec<u8> = alpha.iter().map(|&alpha| u8::from(alpha == u8::MAX)).collect();
                let all = (step * step) as u32;
                boxes::sums(&whole, width, step).into_iter().map(|[sum]| sum == all).collect()
            }
        };
        Ok((boxes::means(&pixels.rgb, width, step), scanned))
    }
}

impl View {
    /// The part of a view of `whole` that shows `part`.
    pub(crate) fn part(&self, whole: LevelRect, part: LevelRect) -> Self {
        let width = part.width() as usize;
        let rows = || {
            (part.min.y..part.max.y).map(move |y| {
                let start = ((y - whole.min.y) * whole.width() + part.min.x - whole.min.x) as usize;
                start..start + width
            })
        };
        let rgb = |rgb: &[u8]| rows().flat_map(|row| &rgb[3 * row.start..3 * row.end]).copied().collect();
        Self {
            width,
            before: rgb(&self.before),
            after: rgb(&self.after),
            scanned: rows().flat_map(|row| &self.scanned[row]).copied().collect(),
        }
    }
}
