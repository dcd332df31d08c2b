//! `Slidedat.ini`: what there is, in words.

use super::Expected::{self, Differs, Refused, Same};
use super::files::{Files, INI};
use super::variants::{Variant, section};
use super::{Kind, of};

const fn kind(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Jpeg, name, damage, expected)
}

fn set(files: &mut Files, level: usize, key: &str, value: &str) {
    files.set(&section(level), key, value);
}

fn general(files: &mut Files, key: &str, value: &str) {
    files.set("GENERAL", key, value);
}

fn hierarchical(files: &mut Files, key: &str, value: &str) {
    files.set("HIERARCHICAL", key, value);
}

/// `OpenSlide` 3.4.1 wants a magnification, and a number.
const MAGNIFICATION: Expected = Differs(&Refused("OBJECTIVE_MAGNIFICATION"), &Same);

pub(crate) const KINDS: &[Kind] = &[
    kind("slidedat-bad-datafile-count", |f| f.set("DATAFILE", "FILE_COUNT", "0"), Refused("datafile_count")),
    kind(
        "slidedat-bad-image-concat-factor",
        |f| set(f, 2, "IMAGE_CONCAT_FACTOR", "one"),
        Refused("IMAGE_CONCAT_FACTOR"),
    ),
    kind(
        "slidedat-bad-image-fill-color",
        |f| set(f, 3, "IMAGE_FILL_COLOR_BGR", "white"),
        Refused("IMAGE_FILL_COLOR_BGR"),
    ),
    kind("slidedat-bad-image-format", |f| set(f, 3, "IMAGE_FORMAT", "TGA"), Refused("TGA")),
    kind("slidedat-bad-image-height-2", |f| set(f, 1, "DIGITIZER_HEIGHT", "0"), Refused("image_h")),
    kind("slidedat-bad-image-height", |f| set(f, 1, "DIGITIZER_HEIGHT", "x"), Refused("DIGITIZER_HEIGHT")),
    kind("slidedat-bad-image-width-2", |f| set(f, 1, "DIGITIZER_WIDTH", "0"), Refused("image_w")),
    kind("slidedat-bad-image-width", |f| set(f, 1, "DIGITIZER_WIDTH", "x"), Refused("DIGITIZER_WIDTH")),
    kind(
        "slidedat-bad-imagedivisions",
        |f| general(f, "CameraImageDivisionsPerSide", "-1"),
        Refused("image_divisions"),
    ),
    kind("slidedat-bad-imagenumber-x-2", |f| general(f, "IMAGENUMBER_X", "0"), Refused("images_x")),
    kind("slidedat-bad-imagenumber-x", |f| general(f, "IMAGENUMBER_X", "x"), Refused("IMAGENUMBER_X")),
    kind("slidedat-bad-imagenumber-y-2", |f| general(f, "IMAGENUMBER_Y", "0"), Refused("images_y")),
    kind("slidedat-bad-imagenumber-y", |f| general(f, "IMAGENUMBER_Y", "x"), Refused("IMAGENUMBER_Y")),
    kind(
        "slidedat-bad-layer-0-concat-factor",
        |f| set(f, 0, "IMAGE_CONCAT_FACTOR", "-1"),
        Refused("concat_exponent"),
    ),
    kind(
        "slidedat-bad-layer-n-concat-factor",
        |f| set(f, 1, "IMAGE_CONCAT_FACTOR", "0"),
        Refused("concat_exponent"),
    ),
    kind(
        "slidedat-bad-macro-format",
        |f| f.set("NONHIERLAYER_0_LEVEL_0_SECTION", "THUMBNAIL_IMAGE_TYPE", "FOO"),
        Refused("FOO"),
    ),
    kind("slidedat-bad-zoom-level-count", |f| hierarchical(f, "HIER_0_COUNT", "0"), Refused("zoom_levels")),
    kind("slidedat-empty-keys.2", empty_keys, Differs(&Refused("Slidedat.ini"), &Same)),
    kind(
        "slidedat-empty-objective-magnification",
        |f| general(f, "OBJECTIVE_MAGNIFICATION", ""),
        MAGNIFICATION,
    ),
    kind("slidedat-garbage", |f| f.file(INI).fill(0x9c), Refused("Slidedat.ini")),
    kind(
        "slidedat-large-image-concat-factor",
        |f| set(f, 2, "IMAGE_CONCAT_FACTOR", "70"),
        Refused("image_concat exponent"),
    ),
    kind("slidedat-missing", |f| drop(f.folder.remove(INI)), Refused("Slidedat.ini is missing")),
    kind(
        "slidedat-negative-nonhier-count",
        |f| hierarchical(f, "NONHIER_COUNT", "-1"),
        Refused("nonhier_count"),
    ),
    kind("slidedat-no-datafile-count", |f| f.remove("DATAFILE", "FILE_COUNT"), Refused("FILE_COUNT")),
    kind("slidedat-no-datafile-name", |f| f.remove("DATAFILE", "FILE_3"), Refused("FILE_3")),
    kind("slidedat-no-datafile", |f| f.remove_group("DATAFILE"), Refused("DATAFILE")),
    kind("slidedat-no-general", |f| f.remove_group("GENERAL"), Refused("GENERAL")),
    kind("slidedat-no-hier-count", |f| f.remove("HIERARCHICAL", "HIER_COUNT"), Refused("HIER_COUNT")),
    kind("slidedat-no-hier-name", |f| f.remove("HIERARCHICAL", "HIER_0_NAME"), Refused("HIER_0_NAME")),
    kind(
        "slidedat-no-hier-val-section",
        |f| f.remove("HIERARCHICAL", "HIER_0_VAL_2_SECTION"),
        Refused("HIER_0_VAL_2_SECTION"),
    ),
    kind("slidedat-no-hierarchical", |f| f.remove_group("HIERARCHICAL"), Refused("HIERARCHICAL")),
    kind("slidedat-no-image-format", |f| f.remove(&section(3), "IMAGE_FORMAT"), Refused("IMAGE_FORMAT")),
    kind("slidedat-no-index-filename", |f| f.remove("HIERARCHICAL", "INDEXFILE"), Refused("INDEXFILE")),
    kind(
        "slidedat-no-nonhier-count",
        |f| f.remove("HIERARCHICAL", "NONHIER_COUNT"),
        Refused("NONHIER_COUNT"),
    ),
    kind(
        "slidedat-no-nonhier-key",
        |f| f.remove("HIERARCHICAL", "NONHIER_0_VAL_2"),
        Refused("NONHIER_0_VAL_2"),
    ),
    kind(
        "slidedat-no-nonhier-name",
        |f| f.remove("HIERARCHICAL", "NONHIER_0_NAME"),
        Refused("NONHIER_0_NAME"),
    ),
    kind(
        "slidedat-no-nonhier-val-count",
        |f| f.remove("HIERARCHICAL", "NONHIER_0_COUNT"),
        Refused("NONHIER_0_COUNT"),
    ),
    kind(
        "slidedat-no-objective-magnification",
        |f| f.remove("GENERAL", "OBJECTIVE_MAGNIFICATION"),
        MAGNIFICATION,
    ),
    kind("slidedat-no-overlap-x", |f| f.remove(&section(1), "OVERLAP_X"), Refused("OVERLAP_X")),
    kind("slidedat-no-overlap-y", |f| f.remove(&section(1), "OVERLAP_Y"), Refused("OVERLAP_Y")),
    kind("slidedat-no-slide-id", |f| f.remove("GENERAL", "SLIDE_ID"), Refused("SLIDE_ID")),
    kind(
        "slidedat-no-slide-zoom-level",
        |f| hierarchical(f, "HIER_0_NAME", "Slide filter level"),
        Refused("slide zoom level"),
    ),
    kind(
        "slidedat-no-zoom-level-count",
        |f| f.remove("HIERARCHICAL", "HIER_0_COUNT"),
        Refused("HIER_0_COUNT"),
    ),
    kind(
        "slidedat-no-zoom-level-section",
        |f| hierarchical(f, "HIER_0_VAL_2_SECTION", "LAYER_0_LEVEL_2_MISSING"),
        Refused("LAYER_0_LEVEL_2_MISSING"),
    ),
    kind(
        "slidedat-objective-magnification-trailing-x",
        |f| general(f, "OBJECTIVE_MAGNIFICATION", "40x"),
        MAGNIFICATION,
    ),
    kind("slidedat-slide-zoom-level-not-hier-0", another_hierarchy_first, Refused("not HIER_0")),
    kind("slidedat-zero-hier-count", |f| hierarchical(f, "HIER_COUNT", "0"), Refused("hier_count")),
    // Nothing of what follows is in the corpus.
    kind("more-slidedat-empty", |f| f.file(INI).clear(), Refused("the slide is damaged")),
    kind(
        "more-slidedat-control-characters",
        |f| f.file(INI)[..9].copy_from_slice(b"\x1b[2J\r\x07\x1b[m"),
        Refused("Slidedat.ini"),
    ),
    kind("more-slidedat-half", |f| f.file(INI).truncate(1800), Refused("damaged or incomplete")),
    kind(
        "more-slidedat-huge-image",
        |f| set(f, 0, "DIGITIZER_WIDTH", "99999999"),
        Refused("would have 99999999 pixels a side"),
    ),
    kind(
        "more-slidedat-huge-imagenumber",
        |f| general(f, "IMAGENUMBER_X", "400000000"),
        Refused("damaged or incomplete"),
    ),
    kind(
        "more-slidedat-huge-overlap",
        |f| set(f, 0, "OVERLAP_X", "9999999"),
        Refused("damaged or incomplete"),
    ),
    kind(
        "more-slidedat-huge-zoom-level-count",
        |f| hierarchical(f, "HIER_0_COUNT", "2000000000"),
        Refused("damaged or incomplete"),
    ),
    kind(
        "more-slidedat-huge-datafile-count",
        |f| f.set("DATAFILE", "FILE_COUNT", "2000000000"),
        Refused("FILE_7"),
    ),
];

/// A byte order mark, and lines without a key.
fn empty_keys(files: &mut Files) {
    let text = String::from_utf8(files.file(INI).clone()).unwrap();
    *files.file(INI) =
        format!("\u{feff}{}", text.replace("PROJECT_NAME", "= nothing\n = \nPROJECT_NAME")).into_bytes();
}

/// A first hierarchy that is not that of the levels.
fn another_hierarchy_first(files: &mut Files) {
    let text = String::from_utf8(files.file(INI).clone()).unwrap();
    let text = text.replace(
        "HIER_0_NAME = Slide zoom level",
        "HIER_0_NAME = Slide filter level\nHIER_1_NAME = Slide zoom level",
    );
    *files.file(INI) = text.replace("\nHIER_COUNT = 1", "\nHIER_COUNT = 2").into_bytes();
}
