//! The pyramid against its slow and obvious twin.

mod support;

use std::collections::HashMap;

use proptest::prelude::*;
use restain_tiff::{Compression, Error, Layout, LevelShape, LevelTile, Piece, Pyramid, TilePixels};
use support::{JPEG, Picture, drawing, insert_cores, layout};

/// A piece of a partition: place, size, and whether it is blank.
#[derive(Debug, Clone, Copy)]
struct Part {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    blank: bool,
}

impl Part {
    fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// Cuts a part again and again, as `random` says, into parts in any order.
fn cut(part: Part, depth: u32, random: &mut impl FnMut() -> u32, parts: &mut Vec<Part>) {
    if depth == 0 || part.width * part.height == 1 {
        let at = random() as usize % (parts.len() + 1);
        parts.insert(at, Part { blank: random().is_multiple_of(3), ..part });
        return;
    }
    let (mut first, mut second) = (part, part);
    if part.height == 1 || (part.width > 1 && random().is_multiple_of(2)) {
        first.width = 1 + random() % (part.width - 1);
        second.x += first.width;
        second.width -= first.width;
    } else {
        first.height = 1 + random() % (part.height - 1);
        second.y += first.height;
        second.height -= first.height;
    }
    for half in [first, second] {
        cut(half, depth - 1 - u32::from(depth > 1 && random().is_multiple_of(4)), random, parts);
    }
}

/// A small generator (Numerical Recipes' constants), so that a case is one number.
fn random(seed: u32) -> impl FnMut() -> u32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    }
}

/// Checks one emitted tile against the twin's level; `marks` is 0 where level 0 is blank.
fn check(tile: &LevelTile, twin: &[Picture], marks: &[Picture], layout: &Layout) {
    let level = tile.level as usize;
    let side = layout.levels().expect("a good layout")[level].tile;
    let expected = twin[level].tile(tile.column, tile.row, side);
    let blank = marks[level].tile(tile.column, tile.row, side).iter().all(|mark| *mark == 0);
    match &tile.pixels {
        TilePixels::Blank { side: found } => {
            assert_eq!(*found, side);
            assert!(blank, "a tile with pixels came out blank");
            assert!(expected.chunks(3).all(|pixel| pixel == layout.background));
        }
        TilePixels::Rgb(rgb) => {
            // Small tiles are cut from one buffer, which may be blank in part.
            assert!(!blank || side < layout.tile, "a blank tile got a buffer");
            assert!(*rgb == expected, "level {level} column {} row {} differs", tile.column, tile.row);
        }
    }
}

/// Marks of pixels that are not blank, halved so that no mark is ever lost.
fn marks(width: u32, height: u32, parts: &[Part], levels: usize) -> Vec<Picture> {
    let mut marks = vec![Picture::new(width, height, |x, y| {
        [u8::from(parts.iter().any(|part| !part.blank && part.contains(x, y))); 3]
    })];
    while marks.len() < levels {
        let fine = &marks[marks.len() - 1];
        marks.push(Picture::new(fine.width.div_ceil(2), fine.height.div_ceil(2), |x, y| {
            let xs = [2 * x, (2 * x + 1).min(fine.width - 1)];
            let ys = [2 * y, (2 * y + 1).min(fine.height - 1)];
            [xs.iter().flat_map(|x| ys.map(|y| fine.pixel(*x, y)[0])).max().unwrap_or(0); 3]
        }));
    }
    marks
}

/// Builds a picture of random parts in random order and compares every tile with the twin's.
fn compare(layout: &Layout, depth: u32, seed: u32) {
    let Layout { width, height, tile, .. } = *layout;
    let mut random = random(seed);
    let mut parts = Vec::new();
    cut(Part { x: 0, y: 0, width, height, blank: false }, depth, &mut random, &mut parts);
    let noise =
        Picture::new(width, height, |x, y| [x * 7 + y, x ^ (y * 5), (x * y) ^ seed].map(|value| value as u8));
    let shown = Picture::new(width, height, |x, y| {
        let blank = parts.iter().any(|part| part.blank && part.contains(x, y));
        if blank { layout.background } else { noise.pixel(x, y) }
    });
    let twin = shown.levels(tile);
    let marks = marks(width, height, &parts, twin.len());
    let mut pyramid = Pyramid::new(layout).expect("a good layout");
    let mut seen = HashMap::new();
    for Part { x, y, width, height, blank } in parts {
        assert!(!pyramid.is_complete());
        let rgb = noise.crop(x, y, width, height);
        let piece = if blank { Piece::Blank } else { Piece::Rgb(&rgb) };
        let inserted = pyramid.insert(x, y, width, height, piece, &mut |tile| {
            *seen.entry((tile.level, tile.column, tile.row)).or_insert(0) += 1;
            check(&tile, &twin, &marks, layout);
        });
        inserted.expect("a part of a partition fits");
    }
    assert!(pyramid.is_complete());
    assert_eq!(pyramid.buffers(), 0);
    assert!(seen.values().all(|times| *times == 1), "a tile came twice");
    let levels = layout.levels().expect("a good layout");
    let sizes: Vec<_> = levels.iter().map(|shape| (shape.width, shape.height)).collect();
    assert_eq!(sizes, twin.iter().map(|level| (level.width, level.height)).collect::<Vec<_>>());
    assert_eq!(seen.len() as u64, levels.iter().map(LevelShape::tiles).sum::<u64>());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_partition_in_any_order_gives_the_twins_pyramid(
        (width, height) in (1_u32..150, 1_u32..150),
        tile in prop::sample::select(vec![16_u32, 32, 48, 96]),
        compression in prop::sample::select(vec![JPEG, Compression::Deflate]),
        depth in 0_u32..6,
        seed: u32,
    ) {
        compare(&layout(width, height, tile, compression), depth, seed);
    }
}

#[test]
fn memory_follows_width_never_height() {
    for height in [400, 1600, 6400] {
        let layout = layout(400, height, 32, Compression::Deflate);
        let mut pyramid = Pyramid::new(&layout).expect("a good layout");
        let mut most = 0;
        insert_cores(
            &drawing(400, height),
            48,
            |_, _| false,
            &mut pyramid,
            |pyramid, _| most = most.max(pyramid.buffers()),
        );
        assert!(pyramid.is_complete());
        let levels = layout.levels().expect("a good layout");
        let one_row_a_level: u32 = levels.iter().map(|level| level.width.div_ceil(layout.tile)).sum();
        assert!(most <= one_row_a_level as usize, "{most} buffers, {one_row_a_level} expected");
    }
}

#[test]
fn blank_pieces_cost_nothing() {
    let mut pyramid = Pyramid::new(&layout(100_000, 100_000, 512, JPEG)).expect("a good layout");
    let mut tiles = 0;
    for y in (0..100_000).step_by(1000) {
        pyramid
            .insert(0, y, 100_000, 1000, Piece::Blank, &mut |tile| {
                assert!(matches!(tile.pixels, TilePixels::Blank { .. }));
                tiles += 1;
            })
            .expect("a row fits");
        assert_eq!(pyramid.buffers(), 0);
    }
    assert!(pyramid.is_complete());
    // 196, 98, 49, 25, 13, 7, 4, 2 and 1 tiles a side.
    assert_eq!(tiles, [196, 98, 49, 25, 13, 7, 4, 2, 1].iter().map(|side| side * side).sum::<u32>());
}

#[test]
fn the_longest_side_overflows_nowhere() {
    const LONGEST: u32 = i32::MAX as u32;
    for (width, height) in [(LONGEST, 1), (1, LONGEST)] {
        let layout = layout(width, height, 8176, JPEG);
        let mut pyramid = Pyramid::new(&layout).expect("a good layout");
        let mut tiles = 0;
        pyramid
            .insert(0, 0, width, height, Piece::Blank, &mut |_| tiles += 1)
            .expect("the whole picture fits");
        assert!(pyramid.is_complete());
        assert_eq!(tiles, layout.levels().expect("a good layout").iter().map(LevelShape::tiles).sum::<u64>());
    }
}

#[test]
fn deflated_tiles_are_no_longer_than_their_level() {
    let sides = |width, height, tile, compression| {
        let levels = layout(width, height, tile, compression).levels().expect("a good layout");
        levels.iter().map(|level| level.tile).collect::<Vec<_>>()
    };
    assert_eq!(sides(3000, 2000, 512, Compression::Deflate), [512, 512, 256, 128]);
    assert_eq!(sides(3000, 2000, 512, JPEG), [512; 4]);
    // Divisors of 33 units of 16: 528, 176, 48, 16.
    assert_eq!(sides(1000, 380, 528, Compression::Deflate), [176, 176]);
    assert_eq!(sides(1000, 60, 528, Compression::Deflate), [48, 16]);
    assert_eq!(sides(5, 3, 512, Compression::Deflate), [16]);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut pyramid = Pyramid::new(&layout(100, 50, 32, Compression::Deflate)).expect("a good layout");
    let mut insert = |x, y, width, height, piece: Piece<'_>| {
        pyramid.insert(x, y, width, height, piece, &mut |_| ()).map(|()| pyramid.is_complete())
    };
    assert!(matches!(insert(0, 0, 40, 50, Piece::Blank), Ok(false)));
    for (x, y, width, height) in [
        (50, 0, 51, 10),
        (50, 41, 10, 10),
        (100, 0, 1, 1),
        (0, 50, 1, 1),
        (u32::MAX, 0, 2, 1),
        (50, 0, u32::MAX, 1),
        (50, 0, 0, 5),
        (50, 0, 5, 0),
    ] {
        let refused = insert(x, y, width, height, Piece::Blank);
        assert!(matches!(refused, Err(Error::PieceOutside { .. })), "{x} {y} {width} {height}: {refused:?}");
    }
    // In a finished tile, in a begun one, and over both.
    for (x, y, width, height) in [(3, 3, 1, 1), (39, 10, 5, 5), (20, 10, 80, 20)] {
        let refused = insert(x, y, width, height, Piece::Blank);
        assert!(matches!(refused, Err(Error::PieceOverlaps { .. })), "{x} {y} {width} {height}: {refused:?}");
    }
    let refused = insert(40, 0, 60, 50, Piece::Rgb(&[0; 100]));
    assert!(matches!(refused, Err(Error::BufferSize { expected: 9000, found: 100, .. })), "{refused:?}");
    assert!(matches!(insert(40, 0, 60, 50, Piece::Rgb(&[0; 9000])), Ok(true)));
}

#[test]
fn layouts_that_cannot_be_written_are_refused() {
    let good = layout(100, 50, 32, JPEG);
    assert!(Pyramid::new(&good).is_ok());
    let jpeg = |quality| Compression::Jpeg { quality, subsampling: restain_tiff::Subsampling::S420 };
    let bad = [
        Layout { width: 0, ..good.clone() },
        Layout { height: 0, ..good.clone() },
        Layout { tile: 0, ..good.clone() },
        Layout { tile: 40, ..good.clone() },
        Layout { tile: 1 << 20, ..good.clone() },
        Layout { compression: jpeg(0), ..good.clone() },
        Layout { compression: jpeg(101), ..good.clone() },
        Layout { mpp: Some((0.0, 0.25)), ..good.clone() },
        Layout { mpp: Some((0.25, f64::NAN)), ..good.clone() },
        Layout { mpp: Some((-1.0, 0.25)), ..good.clone() },
        Layout { description: "a\0b".to_owned(), ..good.clone() },
        Layout { width: 1 << 31, height: 1, tile: 8192, ..good.clone() },
        Layout { width: i32::MAX as u32, height: i32::MAX as u32, tile: 512, ..good },
    ];
    for layout in bad {
        assert!(matches!(Pyramid::new(&layout), Err(Error::Layout(_))), "{layout:?}");
    }
}
