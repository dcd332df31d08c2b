//! What every tile grid must hold, on random ones.

mod common;

use common::rect;
use proptest::prelude::*;
use restain_slide::{Error, GRID, LevelPoint, LevelRect, Margin, TileGrid};

/// Extents of up to a few dozen tiles, near the origin or anywhere a grid goes.
fn extents() -> impl Strategy<Value = (LevelRect, u32)> {
    let near = -5_000i64..5_000;
    let far = -(1i64 << 60)..(1i64 << 60) - 5_000;
    let at = prop_oneof![near, far];
    (at.clone(), at, 1i64..5_000, 1i64..5_000, 1u32..40)
        .prop_map(|(x, y, width, height, core)| (rect(x, y, width, height), core * 64))
}

proptest! {
    #[test]
    fn cores_partition_the_extent_in_row_major_order((extent, core) in extents()) {
        let grid = TileGrid::new(extent, core, Margin::None).expect("a grid");
        prop_assert_eq!(grid.extent(), extent);
        prop_assert_eq!(grid.len(), grid.columns() * grid.rows());
        prop_assert_eq!(grid.iter().len(), grid.len());
        // Walk as a reader would: each row of cores from the left edge to the right, the rows from top to bottom.
        // Every core begins where the one before it ended, so there is no gap and no overlap.
        let (mut x, mut y) = (extent.min.x, extent.min.y);
        for (index, tile) in grid.iter().enumerate() {
            prop_assert_eq!(tile, grid.tile(index));
            prop_assert_eq!(tile.index, index);
            prop_assert!(!tile.core.is_empty());
            prop_assert_eq!(tile.core.min, LevelPoint::new(x, y));
            // A core ends at a multiple of 64 or at the extent's edge, and is as large as it may be; the last takes in what
            // would be an eighth of one or less.
            let next = |v: i64, edge: i64| {
                let end = v + i64::from(core);
                let end = end - end.rem_euclid(GRID);
                if edge - end <= i64::from(core) / 8 { edge } else { end }
            };
            prop_assert_eq!(tile.core.max, LevelPoint::new(next(x, extent.max.x), next(y, extent.max.y)));
            x = tile.core.max.x;
            if x == extent.max.x {
                (x, y) = (extent.min.x, tile.core.max.y);
            }
        }
        prop_assert_eq!((x, y), (extent.min.x, extent.max.y));
    }

    #[test]
    fn windows_hold_core_and_halo_on_the_grid((extent, core) in extents(), halo in 0u32..20) {
        let halo = 64 * halo;
        for tile in TileGrid::new(extent, core, Margin::Halo(halo)).expect("a grid").iter() {
            let halo = i64::from(halo);
            // Between the halo and the window lies less than one step of the grid.
            for (outer, inner) in [
                (tile.core.min.x - tile.window.min.x, halo),
                (tile.core.min.y - tile.window.min.y, halo),
                (tile.window.max.x - tile.core.max.x, halo),
                (tile.window.max.y - tile.core.max.y, halo),
            ] {
                prop_assert!((inner..inner + GRID).contains(&outer), "{:?}", tile);
            }
            for corner in [tile.window.min.x, tile.window.min.y, tile.window.max.x, tile.window.max.y] {
                prop_assert_eq!(corner.rem_euclid(GRID), 0);
            }
        }
    }

    /// No grid of the same cores on lines of the finest grid, the last of them an eighth larger, has fewer tiles.
    #[test]
    fn no_tile_is_for_nothing((extent, core) in extents()) {
        let grid = TileGrid::new(extent, core, Margin::None).expect("a grid");
        let core = i64::from(core);
        let fewest = |min: i64, max: i64| (max - (min - min.rem_euclid(GRID)) - core / 8 + core - 1) / core;
        let fewest = |min, max| fewest(min, max).max(1);
        prop_assert_eq!(grid.columns() as i64, fewest(extent.min.x, extent.max.x));
        prop_assert_eq!(grid.rows() as i64, fewest(extent.min.y, extent.max.y));
    }

    #[test]
    fn without_a_margin_the_window_is_the_core((extent, core) in extents()) {
        prop_assert!(TileGrid::new(extent, core, Margin::None).expect("a grid").iter().all(|t| t.window == t.core));
    }

    /// The place of a pixel modulo 64 within its window is the same for every grid: what tiles without seams need.
    #[test]
    fn a_pixel_keeps_its_phase((extent, core) in extents(), other in 1u32..40, halo in 0u32..9) {
        let phase = |core: u32| -> Vec<_> {
            let grid = TileGrid::new(extent, core, Margin::Halo(halo * 64)).expect("a grid");
            let tile = grid.tile(grid.len() - 1);
            let last = extent.max - tile.window.min;
            vec![last.x % GRID, last.y % GRID]
        };
        prop_assert_eq!(phase(core), phase(other * 64));
    }

    #[test]
    fn sizes_off_the_grid_are_refused(size in 0u32..100_000) {
        let extent = rect(0, 0, 100, 100);
        let core = TileGrid::new(extent, size, Margin::None);
        let halo = TileGrid::new(extent, 64, Margin::Halo(size));
        if size % 64 == 0 {
            prop_assert_eq!(core.is_ok(), size > 0);
            prop_assert!(halo.is_ok());
        } else {
            let core_is_off = matches!(core, Err(Error::OffGrid { what: "a tile", size: s }) if s == size);
            let halo_is_off = matches!(halo, Err(Error::OffGrid { what: "a halo", size: s }) if s == size);
            prop_assert!(core_is_off && halo_is_off);
        }
    }
}

#[test]
fn extents_without_pixels_or_beyond_every_slide_are_refused() {
    let refused =
        |extent| matches!(TileGrid::new(extent, 512, Margin::Halo(64)), Err(Error::GridExtent { .. }));
    assert!(refused(rect(0, 0, 0, 5)));
    assert!(refused(rect(0, 0, 5, 0)));
    assert!(refused(rect(9, 9, -5, 5)));
    assert!(refused(LevelRect::new(LevelPoint::new(i64::MIN, 0), LevelPoint::new(5, 5))));
    assert!(refused(LevelRect::new(LevelPoint::new(0, 0), LevelPoint::new(5, i64::MAX))));
    let everything = 1i64 << 60;
    assert!(
        refused(rect(-everything, -everything, 2 * everything, 2 * everything)),
        "more tiles than can be counted"
    );
    let strip =
        TileGrid::new(rect(-everything, 0, 2 * everything, 1), u32::MAX - 63, Margin::Halo(u32::MAX - 63));
    let strip = strip.expect("a long strip");
    assert_eq!(strip.tile(0).core.min.x, -everything);
    assert_eq!(strip.tile(strip.len() - 1).core.max.x, everything);
}

#[test]
fn messages_say_what_to_do() {
    let message =
        |core, margin| TileGrid::new(rect(0, 0, 9, 9), core, margin).expect_err("refused").to_string();
    assert_eq!(message(100, Margin::None), "a tile of 100 pixels: it must be a multiple of 64 and above 0");
    assert_eq!(message(64, Margin::Halo(65)), "a halo of 65 pixels: it must be a multiple of 64");
}
