//! Which photographs were taken.

use crate::{hash, mirax::layout::Layout};

/// The photographs taken, in the order in which they are written: along a Z-shaped curve, so that the images of a
/// zoom level are complete as early as can be, and little has to be kept.
///
/// About `coverage` of all are taken; what is left out forms blobs some photographs across, as where a scanner finds
/// nothing. One at least touches each edge of the bounds.
pub(super) fn photos_taken(layout: &Layout, coverage: f64, seed: u64) -> Vec<[u32; 2]> {
    let (columns, rows) = (layout.x.photos, layout.y.photos);
    let mut all: Vec<(f32, [u32; 2])> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| [column, row]))
        .map(|place| (interest(seed, place), place))
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let wanted = ((all.len() as f64 * coverage).round() as usize).clamp(1, all.len());
    let (taken, left) = all.split_at(wanted);
    let mut taken: Vec<[u32; 2]> = taken.iter().map(|(_, place)| *place).collect();
    // Left, top, right and bottom: which coordinate, and where the edge is.
    for (axis, edge) in [(0, 0), (1, 0), (0, columns - 1), (1, rows - 1)] {
        if !taken.iter().any(|place| place[axis] == edge) {
            taken.extend(left.iter().map(|(_, place)| place).find(|place| place[axis] == edge));
        }
    }
    taken.sort_by_key(|[column, row]| {
        interleave(column + layout.x.before) | interleave(row + layout.y.before) << 1
    });
    taken
}

/// How much there is to see at a photograph: smooth noise, blobs some seven photographs across with ragged edges.
fn interest(seed: u64, [column, row]: [u32; 2]) -> f32 {
    let octave = |salt: u64, size: f32| {
        let (x, y) = (column as f32 / size, row as f32 / size);
        let (x0, y0) = (x.floor(), y.floor());
        let at = |dx: i64, dy: i64| hash::unit(hash::place(seed ^ salt, x0 as i64 + dx, y0 as i64 + dy));
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (smooth(x - x0), smooth(y - y0));
        (at(0, 0) * (1.0 - u) + at(1, 0) * u) * (1.0 - v) + (at(0, 1) * (1.0 - u) + at(1, 1) * u) * v
    };
    octave(0x51ab, 7.3) + 0.3 * octave(0x7e03, 2.1)
}

/// Puts a zero between each two bits.
fn interleave(n: u32) -> u64 {
    (0..32).fold(0, |bits, i| bits | (u64::from(n) >> i & 1) << (2 * i))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SlideSpec;

    #[test]
    fn every_edge_keeps_a_photograph_and_the_share_is_right() {
        let layout = Layout::new(&SlideSpec::new(9000, 7000));
        let (columns, rows) = (layout.x.photos, layout.y.photos);
        for seed in 0..100 {
            for coverage in [0.001, 0.1, 0.5, 0.97, 1.0] {
                let taken = photos_taken(&layout, coverage, seed);
                for (axis, edge) in [(0, 0), (1, 0), (0, columns - 1), (1, rows - 1)] {
                    assert!(
                        taken.iter().any(|place| place[axis] == edge),
                        "seed {seed}, coverage {coverage}"
                    );
                }
                let wanted = (coverage * f64::from(columns * rows)).round().max(1.0) as usize;
                assert!((wanted..=wanted + 4).contains(&taken.len()), "seed {seed}, coverage {coverage}");
                let mut all = taken.clone();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), taken.len());
            }
        }
    }
}
