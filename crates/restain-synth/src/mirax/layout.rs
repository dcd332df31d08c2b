//! Where the camera photographs of a slide lie.
//!
//! Photographs form a grid of columns and rows. A margin around them is never scanned, as on a real slide, so the
//! canvas is larger than the bounds. Two neighbours overlap, and each photograph lies a few pixels off the place
//! where the stage should have been.

use crate::{SlideSpec, hash, mirax::DIVISIONS, spec::PERIOD};

/// The largest image, in pixels a side.
const IMAGE: u32 = 256;
/// How far a photograph may lie off its place, in pixels.
const JITTER: i64 = 6;
/// Photographs until a repeating slide starts over; their distance times this is [`PERIOD`].
const PHOTOS_A_PERIOD: u32 = 4;
/// Where the bounds begin, modulo 64: real bounds begin anywhere.
const ODD: [u32; 2] = [37, 21];

/// The photographs along one axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Length of the scanned bounds in pixels.
    length: u32,
    /// Side of an image in pixels.
    pub(super) image: u32,
    /// Photographs in the bounds.
    pub(super) photos: u32,
    /// Photographs, never taken, before and after.
    pub(super) before: u32,
    after: u32,
    /// Nominal distance of neighbours in pixels.
    pub(super) step: u32,
    /// Where the bounds begin on the canvas, in pixels.
    pub(super) origin: i64,
    /// Whether the photographs lie at a fixed distance, the last excepted, which ends with the bounds.
    repeats: bool,
    jitter: i64,
}

impl Axis {
    /// Side of a photograph in pixels.
    pub(super) fn photo(&self) -> u32 {
        self.image * DIVISIONS
    }

    /// All photographs that the canvas has room for.
    pub(super) fn total(&self) -> u32 {
        self.before + self.photos + self.after
    }

    /// By how many pixels neighbours nominally overlap.
    pub(super) fn overlap(&self) -> u32 {
        self.photo() - self.step
    }

    /// Where photograph `index` begins in the bounds, before jitter.
    fn nominal(&self, index: u32) -> i64 {
        let last = i64::from(self.photos - 1);
        let room = i64::from(self.length - self.photo());
        if self.repeats {
            (i64::from(index) * i64::from(self.step)).min(room)
        } else {
            (2 * i64::from(index) * room + last) / (2 * last)
        }
    }

    /// Where photograph `index` begins in the bounds. The outermost lie exactly at the edges.
    fn place(&self, index: u32, chance: u64) -> i64 {
        let edge = index == 0 || index == self.photos - 1;
        // A repeating slide's first photograph repeats like all others, so its likes cannot jitter either.
        let still = edge || self.repeats && index.is_multiple_of(PHOTOS_A_PERIOD);
        let jitter = if still { 0 } else { (chance % (2 * self.jitter as u64 + 1)) as i64 - self.jitter };
        self.nominal(index) + jitter
    }
}

/// The grid of photographs.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Zoom levels, down to the one that a single image holds.
    pub(super) levels: usize,
    seed: u64,
    repeats: bool,
}

impl Layout {
    /// The grid for a slide whose numbers were checked.
    pub(super) fn new(spec: &SlideSpec) -> Self {
        let repeats = spec.repeats();
        let axes = [(spec.width, ODD[0]), (spec.height, ODD[1])];
        let photos = axes.map(|(length, _)| photo_count(length, repeats));
        let most = photos.map(|count| count + margins(count).0 + margins(count).1);
        let across = most[0].max(most[1]).next_power_of_two();
        let [x, y] = [0, 1].map(|a| axis(axes[a].0, photos[a], across, axes[a].1, repeats));
        let levels = (across * DIVISIONS).ilog2() as usize + 1;
        Self { x, y, levels, seed: hash::place(spec.seed, 0x004d_4952_4158, 0), repeats }
    }

    /// Where the photograph at (`column`, `row`) begins, in pixels of the bounds.
    pub(super) fn place(&self, column: u32, row: u32) -> [i64; 2] {
        let wrap = |index: u32| i64::from(if self.repeats { index % PHOTOS_A_PERIOD } else { index });
        let chance = hash::place(self.seed, wrap(column), wrap(row));
        [self.x.place(column, chance), self.y.place(row, chance >> 32)]
    }

    /// What two photographs have in common if they show the same picture.
    pub(super) fn content(&self, column: u32, row: u32) -> [i64; 2] {
        let place = self.place(column, row);
        if self.repeats { place.map(|at| at % i64::from(PERIOD)) } else { place }
    }
}

/// The least overlap on a slide of this length: 64 px, less on small slides.
fn least_overlap(length: u32) -> u32 {
    (length / 16).clamp(4, 64)
}

/// How many of the largest photographs cover `length` px; two at least, so that there are joints.
fn photo_count(length: u32, repeats: bool) -> u32 {
    let photo = IMAGE * DIVISIONS;
    if repeats {
        (length - photo).div_ceil(PERIOD / PHOTOS_A_PERIOD) + 1
    } else {
        let overlap = least_overlap(length);
        (length.saturating_sub(overlap)).div_ceil(photo - overlap).max(2)
    }
}

/// How many photographs are not taken before and after so many that are.
fn margins(photos: u32) -> (u32, u32) {
    (1 + photos / 10, 2 + photos / 7)
}

/// Lays out one axis. `across` is the power of two that holds all photographs of the longer axis.
fn axis(length: u32, photos: u32, across: u32, odd: u32, repeats: bool) -> Axis {
    let (before, after) = margins(photos);
    let (image, step) = if repeats {
        (IMAGE, PERIOD / PHOTOS_A_PERIOD)
    } else {
        // A photograph's share of an image halves with each level: sides divisible by `across` stay whole to the
        // last. On a slide much longer than wide that would leave no overlap, so there the last levels' are not.
        let even = across.min(prev_power_of_two(length / 32));
        let least = (length + (photos - 1) * least_overlap(length)).div_ceil(photos * DIVISIONS);
        let image = least.next_multiple_of(even).min(IMAGE);
        (image, (length - image * DIVISIONS) / (photos - 1))
    };
    let shift = (odd + 64 - before * step % 64) % 64;
    let jitter = JITTER.min(i64::from((image * DIVISIONS - step) / 8)).min(i64::from(step / 8));
    let origin = i64::from(before * step + shift.min(step));
    Axis { length, image, photos, before, after, step, origin, repeats, jitter }
}

fn prev_power_of_two(n: u32) -> u32 {
    if n == 0 { 1 } else { 1 << n.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Repeat;

    /// Every pixel of the bounds lies in a photograph, none lies outside, for sizes of all kinds.
    #[test]
    fn photographs_cover_the_bounds_exactly() {
        for (length, repeat) in [64, 65, 100, 127, 128, 500, 1000, 1024, 1025, 1088, 2000, 5003, 8000, 13_777]
            .map(|length| (length, Repeat::Never))
            .into_iter()
            .chain([1024, 1025, 2000, 3840, 4000, 20_000, 100_000].map(|length| (length, Repeat::Always)))
        {
            let spec = SlideSpec { repeat, ..SlideSpec::new(length, length) };
            let layout = Layout::new(&spec);
            let photo = i64::from(layout.x.photo());
            for row in 0..layout.y.photos {
                let mut covered = 0;
                for column in 0..layout.x.photos {
                    let [x, _] = layout.place(column, row);
                    assert!(
                        x <= covered && x + photo > covered,
                        "{length} {repeat:?}: photo {column} at {x}"
                    );
                    covered = x + photo;
                }
                assert_eq!(covered, i64::from(length), "{length} {repeat:?}");
                assert_eq!(layout.place(0, row)[0], 0, "{length} {repeat:?}");
            }
            let canvas = layout.x.total() * layout.x.step + layout.x.overlap();
            assert!(
                layout.x.origin + i64::from(length) <= i64::from(canvas),
                "{length} {repeat:?}: {canvas}"
            );
            assert!(layout.x.total() * DIVISIONS <= 1 << (layout.levels - 1));
        }
    }
}
