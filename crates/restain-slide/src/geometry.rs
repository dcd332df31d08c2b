//! Where things are: level-0 pixels, pixels of one level and micrometres as types that do not mix.

use serde::{Deserialize, Serialize};

/// Unit: pixels of level 0, the finest level.
#[derive(Debug)]
pub enum Level0 {}
/// Unit: pixels of one level, counted from the slide's own origin.
#[derive(Debug)]
pub enum Level {}
/// Unit: micrometres on the glass.
#[derive(Debug)]
pub enum Micrometre {}

/// A half-open rectangle in level-0 pixels.
pub type Level0Rect = euclid::Box2D<i64, Level0>;
/// A point in level-0 pixels.
pub type Level0Point = euclid::Point2D<i64, Level0>;
/// A size in level-0 pixels.
pub type Level0Size = euclid::Size2D<i64, Level0>;
/// A half-open rectangle in pixels of one level.
pub type LevelRect = euclid::Box2D<i64, Level>;
/// A point in pixels of one level.
pub type LevelPoint = euclid::Point2D<i64, Level>;
/// A size in pixels of one level.
pub type LevelSize = euclid::Size2D<i64, Level>;
/// A size in micrometres.
pub type PhysicalSize = euclid::Size2D<f64, Micrometre>;

/// Cuts a rectangle into squares of so many pixels, row by row from its upper left corner; those at the right and at the bottom may be
/// smaller.
///
/// # Panics
/// If `side` is not above 0.
pub fn squares(rect: LevelRect, side: i64) -> impl Iterator<Item = LevelRect> {
    assert!(side > 0, "a square has a side");
    let from = move |min: i64, max: i64| (min..max).step_by(side as usize);
    from(rect.min.y, rect.max.y).flat_map(move |y| {
        from(rect.min.x, rect.max.x).map(move |x| {
            let square = LevelRect::from_origin_and_size(LevelPoint::new(x, y), LevelSize::splat(side));
            square.intersection_unchecked(&rect)
        })
    })
}

/// Micrometres a pixel of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mpp {
    /// Micrometres a pixel is wide.
    pub x: f64,
    /// Micrometres a pixel is high.
    pub y: f64,
}

impl Mpp {
    /// Micrometres a pixel at a level that is `downsample` times coarser.
    #[must_use]
    pub fn at(self, downsample: f64) -> Self {
        Self { x: self.x * downsample, y: self.y * downsample }
    }

    /// One number for both directions: the geometric mean, the side of a square pixel of the same area.
    pub fn mean(self) -> f64 {
        (self.x * self.y).sqrt()
    }

    /// How large `size` is on the glass.
    pub fn physical(self, size: Level0Size) -> PhysicalSize {
        PhysicalSize::new(size.width as f64 * self.x, size.height as f64 * self.y)
    }
}

/// The pixels of a level that `rect` touches: rounded outward, so nothing of it is lost.
pub(crate) fn to_level_outward(rect: Level0Rect, downsample: f64) -> LevelRect {
    let down = |v: i64| (v as f64 / downsample).floor() as i64;
    let up = |v: i64| (v as f64 / downsample).ceil() as i64;
    LevelRect::new(
        LevelPoint::new(down(rect.min.x), down(rect.min.y)),
        LevelPoint::new(up(rect.max.x), up(rect.max.y)),
    )
}

/// The level-0 pixel at which `OpenSlide` is to begin so that it begins at a pixel of a level.
pub(crate) fn to_level0(point: LevelPoint, downsample: f64) -> Level0Point {
    let scale = |v: i64| (v as f64 * downsample).round() as i64;
    Level0Point::new(scale(point.x), scale(point.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_rectangle_is_lost_at_a_coarser_level() {
        let rect = Level0Rect::new(Level0Point::new(9153, 4), Level0Point::new(19_592, 8));
        let coarser = |x0, y0, x1, y1| LevelRect::new(LevelPoint::new(x0, y0), LevelPoint::new(x1, y1));
        assert_eq!(to_level_outward(rect, 1.0), coarser(9153, 4, 19_592, 8));
        assert_eq!(to_level_outward(rect, 4.0), coarser(2288, 1, 4898, 2));
        assert_eq!(to_level_outward(rect, 16.0), coarser(572, 0, 1225, 1));
    }

    #[test]
    fn a_level_begins_at_the_nearest_pixel_of_level_0() {
        assert_eq!(to_level0(LevelPoint::new(256, 768), 2.0005), Level0Point::new(512, 1536));
        assert_eq!(to_level0(LevelPoint::new(1024, 1), 2.0005), Level0Point::new(2049, 2));
    }

    #[test]
    fn micrometres() {
        let mpp = Mpp { x: 0.25, y: 1.0 };
        assert_eq!(mpp.at(4.0), Mpp { x: 1.0, y: 4.0 });
        assert!((mpp.mean() - 0.5).abs() < 1e-12);
        assert_eq!(mpp.physical(Level0Size::new(100, 200)), PhysicalSize::new(25.0, 200.0));
    }
}
