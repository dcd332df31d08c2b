//! Which regions of a slide tell most of it.

use restain_slide::{LevelRect, LevelSize, Margin, TileGrid};
use restain_stain::histogram::Histogram;

use super::overview::Overview;
use crate::Result;

/// Side of a region in pixels.
pub(super) const SIDE: u32 = 512;
/// Variety from which on a region has something to show: the noise of a camera has less at low resolution, a single cell on
/// glass more.
const SHOWS: f64 = 4.0;

/// A region, and its colours at low resolution, in levels.
struct Candidate {
    rect: LevelRect,
    /// Mean of all channels: low where cells are many and dark.
    brightness: f64,
    /// Standard deviation, of all channels together: high where nuclei, cells of several colours and glass lie side by side.
    variety: f64,
}

/// At most so many regions of an extent, from crowded to sparse and spread over it.
pub(super) fn choose(extent: LevelRect, overview: &Overview, regions: usize) -> Result<Vec<LevelRect>> {
    let apart = (extent.area() as f64 / regions as f64).sqrt() / 2.0;
    Ok(telling(candidates(extent, overview)?, regions, apart))
}

/// Candidates that have something to show are put in the order of their brightness and cut into groups that show equally much.
/// Each group gives the one with most variety, of those that lie so far `apart` from the ones before where it has such. Where
/// none has anything to show, all are as good.
fn telling(mut all: Vec<Candidate>, regions: usize, apart: f64) -> Vec<LevelRect> {
    if all.iter().any(Candidate::shows) {
        all.retain(Candidate::shows);
    }
    all.sort_by(|a, b| a.brightness.total_cmp(&b.brightness));
    let mut chosen: Vec<LevelRect> = Vec::new();
    let mut rest = &all[..];
    for groups in (1..=regions.min(all.len())).rev() {
        let (group, others) = rest.split_at(first_group(rest, groups));
        let is_apart = |region: &Candidate| {
            chosen.iter().all(|other| (region.rect.min - other.min).to_f64().length() >= apart)
        };
        let best =
            group.iter().max_by(|a, b| is_apart(a).cmp(&is_apart(b)).then(a.variety.total_cmp(&b.variety)));
        chosen.extend(best.map(|region| region.rect));
        rest = others;
    }
    chosen
}

/// Regions that cover an extent; those at the far edges are moved inward, so that they are as large as the others.
fn candidates(extent: LevelRect, overview: &Overview) -> Result<Vec<Candidate>> {
    let side = LevelSize::splat(SIDE.into());
    let look = |core: LevelRect| {
        let min = core.min.min(extent.max - side).max(extent.min);
        let rect = LevelRect::from_origin_and_size(min, side).intersection_unchecked(&extent);
        // What was hardly scanned shows nothing.
        let (brightness, variety) =
            overview.histogram(rect).map_or((255.0, 0.0), |colours| moments(&colours));
        Candidate { rect, brightness, variety }
    };
    Ok(TileGrid::new(extent, SIDE, Margin::None)?.iter().map(|tile| look(tile.core)).collect())
}

impl Candidate {
    fn shows(&self) -> bool {
        self.variety >= SHOWS
    }
}

/// How many of the first regions show as much as one of so many groups; each group gets one at least.
fn first_group(rest: &[Candidate], groups: usize) -> usize {
    let share = rest.iter().map(|region| region.variety).sum::<f64>() / groups as f64;
    let mut shown = 0.0;
    let whole = rest.iter().take_while(|region| {
        let more = shown < share;
        shown += region.variety;
        more
    });
    whole.count().clamp(1, rest.len() + 1 - groups)
}

/// Mean of all channels, and the root mean square of their standard deviations.
fn moments(colours: &Histogram) -> (f64, f64) {
    let [pixels, sum] = [colours.pixels(), colours.sums().iter().sum()].map(|count: u64| count as f64);
    let squares: f64 =
        colours.deviations().unwrap_or_default().iter().map(|deviation| deviation.powi(2)).sum();
    (sum / (3.0 * pixels), (squares / 3.0).sqrt())
}

#[cfg(test)]
mod tests {
    use restain_slide::LevelPoint;

    use super::*;

    /// Places 1000 px apart in rows of ten, with the brightness and the variety that `colours` gives their numbers.
    fn slide(places: i64, colours: impl Fn(i64) -> (f64, f64)) -> Vec<Candidate> {
        let place = |i: i64| LevelPoint::new(i % 10 * 1000, i / 10 * 1000);
        let rect = |i| LevelRect::from_origin_and_size(place(i), LevelSize::splat(SIDE.into()));
        let candidate = |i| {
            let (brightness, variety) = colours(i);
            Candidate { rect: rect(i), brightness, variety }
        };
        (0..places).map(candidate).collect()
    }

    fn numbers(chosen: &[LevelRect]) -> Vec<i64> {
        chosen.iter().map(|rect| rect.min.y / 100 + rect.min.x / 1000).collect()
    }

    #[test]
    fn a_few_cells_are_found_on_much_glass() {
        let some = slide(100, |i| match i {
            37 => (180.0, 40.0),
            62 => (235.0, 6.0),
            _ => (240.0, 1.0),
        });
        assert_eq!(numbers(&telling(some, 4, 100.0)), [37, 62]);
    }

    #[test]
    fn crowded_and_sparse_are_shown_and_each_with_most_variety() {
        // Ten crowded, ten with some cells, and eighty with few: each ten show as much as the next.
        let colours = |i| {
            let best = if i % 10 == 3 { 1.0 } else { 0.0 };
            match i {
                0..10 => (120.0, 60.0 + best),
                10..20 => (180.0, 60.0 + best),
                _ => (230.0, 7.5 + best),
            }
        };
        let chosen = numbers(&telling(slide(100, colours), 3, 0.0));
        assert_eq!(chosen[..2], [3, 13]);
        assert!(chosen[2] >= 20 && chosen[2] % 10 == 3, "{chosen:?}");
    }

    #[test]
    fn regions_lie_apart_where_they_can() {
        // What shows most is all in one corner.
        let colours = |i: i64| (200.0 - (i % 4) as f64, if i < 10 { 50.0 } else { 20.0 });
        let chosen = telling(slide(100, colours), 4, 4000.0);
        let apart = |a: &LevelRect, b: &LevelRect| a == b || (a.min - b.min).to_f64().length() >= 4000.0;
        assert!(chosen.len() == 4 && chosen.iter().all(|a| chosen.iter().all(|b| apart(a, b))), "{chosen:?}");
        assert_eq!(telling(slide(100, colours), 4, 1e6).len(), 4);
    }

    #[test]
    fn glass_alone_is_shown_too() {
        assert_eq!(telling(slide(100, |_| (240.0, 0.0)), 4, 1000.0).len(), 4);
        assert_eq!(telling(slide(1, |_| (240.0, 0.0)), 4, 1000.0).len(), 1);
    }
}
