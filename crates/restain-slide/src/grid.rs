//! The tile grid: cores that partition an extent, each in a window with a halo.
//!
//! The network halves its input six times, so what it makes of a pixel depends on where the pixel lies modulo 64.
//! All grid lines and all window corners are therefore multiples of 64 counted from the slide's own origin: the same
//! pixel always falls into the same place, whatever the tile size and the extent. The first line is the last such
//! multiple before the extent, so an extent takes no more tiles than it must. What is left over at its right and lower edge, where
//! it is no more than an eighth of a core, belongs to the last one: a sliver would need as large a halo as a whole tile.

use crate::{
    error::{Error, Result},
    geometry::{LevelPoint, LevelRect},
};

/// Pixels between two lines of the finest grid: G halves its input six times, 2^6.
pub const GRID: i64 = 64;

/// A remainder of at most this share of a core makes no tile of its own.
const SLIVER: i64 = 8;

/// Coordinates beyond this are no slide's, and below it sums cannot overflow.
const FARTHEST: i64 = 1 << 60;

/// What a window holds beyond its core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Margin {
    /// Nothing: the window is the core. For work that looks at single pixels.
    None,
    /// The core is grown outward to multiples of 64, and then by so many pixels on each side, a multiple of 64.
    Halo(u32),
}

/// One tile, in pixels of the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Its place in row-major order.
    pub index: usize,
    /// The pixels the tile answers for; the cores of a grid partition its extent.
    pub core: LevelRect,
    /// The pixels to read for it. They may lie outside the slide, at negative coordinates too.
    pub window: LevelRect,
}

/// A grid of tiles over an extent.
///
/// ```
/// use restain_slide::{LevelPoint, LevelRect, Margin, TileGrid};
///
/// let extent = LevelRect::new(LevelPoint::new(100, 0), LevelPoint::new(700, 300));
/// let grid = TileGrid::new(extent, 512, Margin::Halo(64))?;
/// let cores: Vec<_> = grid.iter().map(|tile| (tile.core.min.x, tile.core.max.x)).collect();
/// assert_eq!(cores, [(100, 576), (576, 700)]);
/// assert_eq!(grid.tile(0).window, LevelRect::new(LevelPoint::new(0, -64), LevelPoint::new(640, 384)));
/// # Ok::<(), restain_slide::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileGrid {
    extent: LevelRect,
    core: i64,
    margin: Margin,
    /// Where the first column and row begin.
    first: LevelPoint,
    columns: usize,
    rows: usize,
}

impl TileGrid {
    /// A grid of cores of `core` x `core` pixels over `extent`; at its edges they are clipped to it, and those of the last column
    /// and row up to an eighth larger.
    ///
    /// # Errors
    /// [`Error::GridExtent`] where `extent` holds no pixel or lies beyond 2^60, [`Error::OffGrid`] where `core` or a
    /// halo is not a multiple of 64 or `core` is 0.
    pub fn new(extent: LevelRect, core: u32, margin: Margin) -> Result<Self> {
        let within = |p: LevelPoint| [p.x, p.y].iter().all(|v| (-FARTHEST..=FARTHEST).contains(v));
        let [min, max] = [extent.min, extent.max];
        if extent.is_empty() || !within(min) || !within(max) {
            return Err(Error::GridExtent { extent });
        }
        if core == 0 || i64::from(core) % GRID != 0 {
            return Err(Error::OffGrid { what: "a tile", size: core });
        }
        if let Margin::Halo(halo) = margin
            && i64::from(halo) % GRID != 0
        {
            return Err(Error::OffGrid { what: "a halo", size: halo });
        }
        let core = i64::from(core);
        let first = LevelPoint::new(down(min.x), down(min.y));
        let (columns, rows) = (count(max.x - first.x, core), count(max.y - first.y, core));
        columns.checked_mul(rows).ok_or(Error::GridExtent { extent })?;
        Ok(Self { extent, core, margin, first, columns, rows })
    }

    /// What the grid covers, in pixels of the level.
    pub fn extent(&self) -> LevelRect {
        self.extent
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of tiles, never 0.
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.columns * self.rows
    }

    /// The tile at a place in row-major order.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn tile(&self, index: usize) -> Tile {
        assert!(index < self.len(), "tile {index} of {}", self.len());
        let (column, row) = ((index % self.columns) as i64, (index / self.columns) as i64);
        let min = LevelPoint::new(self.first.x + column * self.core, self.first.y + row * self.core);
        let end =
            |index, count: usize, min, end| if index + 1 == count as i64 { end } else { min + self.core };
        let max = LevelPoint::new(
            end(column, self.columns, min.x, self.extent.max.x),
            end(row, self.rows, min.y, self.extent.max.y),
        );
        let cell = LevelRect::new(min, max);
        let core = cell.intersection_unchecked(&self.extent);
        Tile { index, core, window: self.window(core) }
    }

    /// All tiles, row by row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Tile> + '_ {
        (0..self.len()).map(|index| self.tile(index))
    }

    fn window(&self, core: LevelRect) -> LevelRect {
        let Margin::Halo(halo) = self.margin else { return core };
        let halo = i64::from(halo);
        let up = |v: i64| down(v + GRID - 1);
        LevelRect::new(
            LevelPoint::new(down(core.min.x) - halo, down(core.min.y) - halo),
            LevelPoint::new(up(core.max.x) + halo, up(core.max.y) + halo),
        )
    }
}

/// Cores along `length` pixels.
fn count(length: i64, core: i64) -> usize {
    let (whole, rest) = (length / core, length % core);
    let is_sliver = whole > 0 && rest <= core / SLIVER;
    (whole + i64::from(!is_sliver)) as usize
}

/// The last line of the finest grid that does not lie after `v`.
fn down(v: i64) -> i64 {
    v.div_euclid(GRID) * GRID
}
