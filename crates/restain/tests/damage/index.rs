//! `Index.dat`: where in the data files each image lies.

use super::Expected::{self, Refused, Same};
use super::files::{Files, INDEX, LABEL, LEVELS, MACRO, POSITIONS, RECORDS, VERSION};
use super::variants::{Variant, several_pages};
use super::{Kind, of};

const fn kind(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Jpeg, name, damage, expected)
}

// An entry of a page of a level.
const IMAGE: usize = 0;
const OFFSET: usize = 4;
const LENGTH: usize = 8;
const FILE: usize = 12;

/// Sets a field of an image.
fn image(files: &mut Files, level: usize, field: usize, value: i32) {
    let at = files.entry(level, 0) + field;
    files.put(at, value);
}

/// Sets a field of a record.
fn record(files: &mut Files, record: usize, field: usize, value: i32) {
    let at = files.record_page(record) + field;
    files.put(at, value);
}

/// Lets a record have its page at the end of the file, where it is cut off after so many numbers.
fn cut_record(files: &mut Files, record: usize, numbers: usize) {
    let page = files.record_page(record);
    let whole = files.folder[INDEX][page..page + 28].to_vec();
    let (end, pointer) = (files.folder[INDEX].len(), files.record(record) + 4);
    files.put(pointer, end as i32);
    files.file(INDEX).extend(&whole[..4 * numbers]);
}

/// Puts a record's zero and pointer at the end of the file, where only the zero is left.
fn cut_record_pointer(files: &mut Files, pointer: usize) {
    let end = files.folder[INDEX].len();
    files.put(pointer, end as i32);
    files.file(INDEX).extend([0; 4]);
}

/// Past every file, and before it.
const PAST: i32 = i32::MAX - 8;
const BEFORE: i32 = -0x0100_0000;

pub(crate) const KINDS: &[Kind] = &[
    kind("index-bad-nonhier-table-base", |f| f.put(RECORDS, BEFORE), Refused("nonhier record pointer")),
    kind("index-bad-slide-id", |f| f.file(INDEX)[VERSION] ^= 1, Refused("slide identifier")),
    kind("index-bad-version", |f| f.file(INDEX)[1] = b'2', Refused("expected version")),
    kind("index-hier-bad-fileno", |f| image(f, 0, FILE, 7), Refused("Invalid fileno")),
    kind(
        "index-hier-bad-initial-data-page-pointer",
        |f| f.put(f.level(0) + 4, BEFORE),
        Refused("initial data page"),
    ),
    kind("index-hier-bad-initial-page-item-count", |f| f.put(f.level(0), 1), Refused("Expected 0 value")),
    kind(
        "index-hier-bad-level-pointer",
        |f| f.put(f.level_pointer(1), BEFORE),
        Refused("start of data pages"),
    ),
    kind("index-hier-data-page-loop", page_loop, Refused("does not lead to the next")),
    kind("index-hier-image-x-bad-multiple", |f| image(f, 1, IMAGE, 1), Refused("x (1) not correct multiple")),
    kind(
        "index-hier-image-y-bad-multiple",
        |f| image(f, 1, IMAGE, 20),
        Refused("y (1) not correct multiple"),
    ),
    kind(
        "index-hier-image-y-too-large",
        |f| image(f, 0, IMAGE, 20_000),
        Refused("y (1000) outside of bounds"),
    ),
    kind("index-hier-negative-fileno", |f| image(f, 0, FILE, -2), Refused("fileno < 0")),
    kind("index-hier-negative-image-index", |f| image(f, 0, IMAGE, -2), Refused("image_index < 0")),
    kind("index-hier-negative-length", |f| image(f, 0, LENGTH, -2), Refused("length < 0")),
    kind("index-hier-negative-offset", |f| image(f, 0, OFFSET, -2), Refused("offset < 0")),
    of(Variant::Edges, "index-hier-no-images", no_images, Refused("no image of level 0")),
    kind(
        "index-hier-no-initial-page-pointer",
        |f| cut_record_pointer(f, f.level_pointer(0)),
        Refused("initial data page pointer"),
    ),
    kind("index-hier-no-next-pointer", |f| cut_page(f, 4), Refused("next")),
    kind("index-hier-no-page-length", |f| cut_page(f, 0), Refused("page length")),
    kind("index-missing", |f| drop(f.folder.remove(INDEX)), Refused("Index.dat")),
    kind("index-negative-hier-root", |f| f.put(LEVELS, BEFORE), Refused("zoom level pointer 0")),
    kind("index-no-hier-table", |f| f.put(LEVELS, PAST), Refused("zoom level pointer")),
    kind("index-no-nonhier-root", |f| f.cut_index(RECORDS), Refused("initial nonhier pointer")),
    kind("index-no-nonhier-table", |f| f.put(RECORDS, PAST - 64), Refused("nonhier record")),
    kind("index-no-slide-id", |f| f.cut_index(VERSION), Refused("slide identifier")),
    kind("index-no-version", |f| f.file(INDEX).clear(), Refused("expected version")),
    kind("index-nonhier-associated-bad-offset", |f| record(f, MACRO, 16, BEFORE), Refused("macro")),
    kind("index-nonhier-bad-fileno", |f| record(f, POSITIONS, 24, 4864), Refused("Invalid fileno 4864")),
    kind(
        "index-nonhier-bad-initial-data-page-pointer",
        |f| f.put(f.record(MACRO) + 4, BEFORE),
        Refused("initial data page"),
    ),
    kind(
        "index-nonhier-bad-initial-page-item-count",
        |f| f.put(f.record(MACRO), 1),
        Refused("Expected 0 value"),
    ),
    kind("index-nonhier-bad-length-2", |f| record(f, LABEL, 0, 0), Refused("label")),
    kind("index-nonhier-bad-second-0", |f| record(f, MACRO, 8, 1), Refused("second 0")),
    kind(
        "index-nonhier-bad-table-entry",
        |f| f.put(f.record_pointer(MACRO), BEFORE),
        Refused("nonhier record 0"),
    ),
    kind("index-nonhier-bad-third-0", |f| record(f, MACRO, 12, 1), Refused("third 0")),
    kind(
        "index-nonhier-negative-fileno",
        |f| record(f, MACRO, 24, -268_435_454),
        Refused("Invalid fileno -268435454"),
    ),
    kind("index-nonhier-no-fileno", |f| cut_record(f, MACRO, 6), Refused("fileno")),
    kind(
        "index-nonhier-no-initial-page-pointer",
        |f| cut_record_pointer(f, f.record_pointer(MACRO)),
        Refused("initial data page pointer"),
    ),
    kind("index-nonhier-no-position", |f| cut_record(f, LABEL, 4), Refused("position")),
    kind("index-nonhier-no-size", |f| cut_record(f, MACRO, 5), Refused("size")),
    // Nothing of what follows is in the corpus.
    kind("more-index-half", |f| f.cut_index(f.entry(0, 30)), Refused("damaged or incomplete")),
    kind("more-index-hier-negative-page-length", |f| f.put(f.page(0), -2), Refused("a page of -2 images")),
    kind(
        "more-index-hier-no-last-page",
        |f| f.put(f.page(0) + 4, f.level(1) as i32),
        Refused("a page of two levels"),
    ),
    kind(
        "more-index-hier-next-page-past-the-end",
        |f| f.put(f.page(0) + 4, PAST),
        Refused("does not lead to the next"),
    ),
    kind("more-index-hier-several-pages", several_pages, Same),
    kind(
        "more-index-hier-image-of-another",
        |f| f.put(f.level_pointer(0), f.level(1) as i32),
        Refused("a page of two levels"),
    ),
    kind(
        "more-index-hier-offset-past-the-end",
        |f| image(f, 0, OFFSET, PAST),
        Refused("damaged or incomplete"),
    ),
    kind("more-index-nonhier-negative-size", |f| record(f, POSITIONS, 20, -2), Refused("have -2 bytes")),
    kind(
        "more-index-nonhier-huge-size",
        |f| record(f, POSITIONS, 20, PAST),
        Refused("positions of photographs have"),
    ),
];

/// The first of several pages points to itself.
fn page_loop(files: &mut Files) {
    several_pages(files);
    let page = files.page(0);
    files.put(page + 4, page as i32);
}

/// No level has an image.
fn no_images(files: &mut Files) {
    for level in 0..files.levels() {
        let page = files.page(level);
        files.put(page, 0);
    }
}

/// Puts the first page of level 0 at the end of the file, where only so many of its bytes are left.
fn cut_page(files: &mut Files, left: usize) {
    let (end, pointer) = (files.folder[INDEX].len(), files.level(0) + 4);
    let count = files.number(files.page(0)) as i32;
    files.put(pointer, end as i32);
    files.file(INDEX).extend(&count.to_le_bytes()[..left]);
}
