//! Outlines of annotated objects.

use rand::Rng;

/// How often a place is tried before the centre is taken.
const TRIES: usize = 256;

/// A polygon with holes, in level-0 pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// The outline, then the holes, each closed by the edge from its last point to its first.
    rings: Vec<Vec<[f64; 2]>>,
}

impl Polygon {
    /// A polygon of its outline and then its holes; `None` where the outline has no point.
    pub fn new(rings: Vec<Vec<[f64; 2]>>) -> Option<Self> {
        (!rings.first()?.is_empty()).then_some(Self { rings })
    }

    /// Whether a point lies inside and in no hole, by the even-odd rule.
    pub fn contains(&self, [x, y]: [f64; 2]) -> bool {
        self.crossings(y).filter(|&crossing| crossing > x).count() % 2 == 1
    }

    /// The centroid, or where that lies outside, as in a crescent, the middle of the longest stretch of the polygon
    /// at the centroid's height. The loops of an outline that crosses itself may cancel out, so that its centroid lies anywhere:
    /// where there is no such stretch, that at the height of the mean of the points, or this mean.
    pub fn centre(&self) -> [f64; 2] {
        let centroid = self.centroid();
        if self.contains(centroid) {
            return centroid;
        }
        let mean = self.mean();
        let middle =
            |[_, y]: [f64; 2]| self.longest_at(y).map(|[left, right]| [f64::midpoint(left, right), y]);
        middle(centroid).or_else(|| middle(mean)).unwrap_or(mean)
    }

    /// From where to where the longest stretch at the height `y` goes.
    fn longest_at(&self, y: f64) -> Option<[f64; 2]> {
        let mut crossings: Vec<f64> = self.crossings(y).collect();
        crossings.sort_by(f64::total_cmp);
        let stretches = crossings.as_chunks::<2>().0;
        stretches.iter().max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0]))).copied()
    }

    /// A place inside, each with the same chance; the centre where the polygon is too thin to find one.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> [f64; 2] {
        let [(left, right), (top, bottom)] = [0, 1].map(|axis| {
            let along = self.rings[0].iter().map(|point| point[axis]);
            along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)))
        });
        let mut place =
            || [left + rng.random::<f64>() * (right - left), top + rng.random::<f64>() * (bottom - top)];
        (0..TRIES).map(|_| place()).find(|&at| self.contains(at)).unwrap_or_else(|| self.centre())
    }

    /// Every point of every ring.
    pub fn points(&self) -> impl Iterator<Item = [f64; 2]> {
        self.rings.iter().flatten().copied()
    }

    /// The polygon shifted.
    pub(crate) fn shifted(&self, by: [f64; 2]) -> Self {
        let shift = |ring: &Vec<[f64; 2]>| ring.iter().map(|[x, y]| [x + by[0], y + by[1]]).collect();
        Self { rings: self.rings.iter().map(shift).collect() }
    }

    /// Where the edges cross the height `y`; an edge holds its upper end and not its lower one.
    fn crossings(&self, y: f64) -> impl Iterator<Item = f64> {
        let crossed =
            self.rings.iter().flat_map(|ring| edges(ring)).filter(move |(a, b)| (a[1] <= y) != (b[1] <= y));
        crossed.map(move |([x0, y0], [x1, y1])| x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    }

    /// Centre of gravity, by the shoelace formula about the first point; the mean of the points where there is no
    /// area.
    fn centroid(&self) -> [f64; 2] {
        let [x, y] = self.rings[0][0];
        let (mut area, mut sum) = (0.0, [0.0; 2]);
        for (index, ring) in self.rings.iter().enumerate() {
            let (mut ring_area, mut ring_sum) = (0.0, [0.0; 2]);
            for ([x0, y0], [x1, y1]) in edges(ring) {
                let (x0, y0, x1, y1) = (x0 - x, y0 - y, x1 - x, y1 - y);
                let cross = x0 * y1 - x1 * y0;
                ring_area += cross;
                ring_sum = [ring_sum[0] + cross * (x0 + x1), ring_sum[1] + cross * (y0 + y1)];
            }
            // Whichever way round they are drawn, holes take away.
            let sign = if index == 0 { ring_area.signum() } else { -ring_area.signum() };
            area += sign * ring_area;
            sum = [sum[0] + sign * ring_sum[0], sum[1] + sign * ring_sum[1]];
        }
        if area > 0.0 {
            return [x + sum[0] / (3.0 * area), y + sum[1] / (3.0 * area)];
        }
        self.mean()
    }

    /// The mean of the outline's points.
    fn mean(&self) -> [f64; 2] {
        let count = self.rings[0].len() as f64;
        [0, 1].map(|axis| self.rings[0].iter().map(|point| point[axis]).sum::<f64>() / count)
    }
}

/// The edges of a ring, the last of them back to its first point.
fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn assert_near(found: [f64; 2], expected: [f64; 2]) {
        assert!((0..2).all(|axis| (found[axis] - expected[axis]).abs() < 1e-9), "{found:?} for {expected:?}");
    }

    fn rectangle(left: f64, top: f64, right: f64, bottom: f64) -> Vec<[f64; 2]> {
        vec![[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    }

    #[test]
    fn an_outline_that_crosses_itself_has_its_centre_within() {
        // Its loops turn opposite ways: its centroid is 7, -30.
        let loops = Polygon::new(vec![vec![[0.0, 0.0], [10.0, 10.0], [0.0, 10.0], [11.0, 0.0]]]).unwrap();
        assert!(loops.contains(loops.centre()), "{:?}", loops.centre());
        let [x, y] = loops.centre();
        assert!((0.0..=11.0).contains(&x) && (0.0..=10.0).contains(&y), "{x}, {y}");
    }

    #[test]
    fn the_centre_of_a_rectangle_with_a_hole_at_its_side() {
        let plain = Polygon::new(vec![rectangle(1000.0, 10.0, 1008.0, 14.0)]).unwrap();
        assert_near(plain.centre(), [1004.0, 12.0]);
        // 32 square pixels about x 1004 without 8 about x 1007.
        let holed = vec![rectangle(1000.0, 10.0, 1008.0, 14.0), rectangle(1006.0, 10.0, 1008.0, 14.0)];
        assert_near(Polygon::new(holed).unwrap().centre(), [1003.0, 12.0]);
    }

    #[test]
    fn the_centre_of_a_crescent_lies_in_it() {
        // A square bracket open to the right, of thickness 1 and 3.
        let bracket = vec![
            [0.0, 0.0],
            [10.0, 0.0],
            [10.0, 1.0],
            [3.0, 1.0],
            [3.0, 9.0],
            [10.0, 9.0],
            [10.0, 10.0],
            [0.0, 10.0],
        ];
        let crescent = Polygon::new(vec![bracket]).unwrap();
        assert!(!crescent.contains([3.5, 5.0]));
        // Areas 10, 24, 10 about x 5, 1.5, 5: the centroid is at 136 / 44 = 3.09, in the opening.
        assert_near(crescent.centre(), [1.5, 5.0]);
    }

    #[test]
    fn drawn_places_lie_inside_and_everywhere() {
        let ring = vec![rectangle(0.0, 0.0, 10.0, 10.0), rectangle(2.0, 2.0, 8.0, 8.0)];
        let polygon = Polygon::new(ring).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let places: Vec<_> = (0..400).map(|_| polygon.draw(&mut rng)).collect();
        let hole = |[x, y]: [f64; 2]| (2.0..8.0).contains(&x) && (2.0..8.0).contains(&y);
        assert!(places.iter().all(|&at| !hole(at)));
        // Each of the four bands of two pixels has 20 of the 64 square pixels.
        for side in [|[x, _]: [f64; 2]| x, |[_, y]: [f64; 2]| y] {
            for band in [0.0..2.0, 8.0..10.0] {
                let count = places.iter().filter(|&&at| band.contains(&side(at))).count();
                assert!((90..160).contains(&count), "{count}");
            }
        }
    }

    #[test]
    fn polygons_without_area_have_a_centre() {
        let at = |ring: Vec<[f64; 2]>| Polygon::new(vec![ring]).unwrap().centre();
        assert_near(at(vec![[3.0, 4.0]]), [3.0, 4.0]);
        assert_near(at(vec![[0.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 0.0]]), [2.0, 0.0]);
        assert_eq!(Polygon::new(vec![]), None);
        assert_eq!(Polygon::new(vec![vec![]]), None);
    }
}
