//! Pictures beside the scan, files as a whole, and slides that are only written otherwise.

use super::Expected::{self, Refused, Same};
use super::files::{Files, LABEL, MACRO, THUMBNAIL, data_name};
use super::variants::Variant;
use super::{Kind, of};

const fn kind(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Jpeg, name, damage, expected)
}

const fn sound(name: &'static str, variant: Variant) -> Kind {
    of(variant, name, |_| {}, Same)
}

pub(crate) const KINDS: &[Kind] = &[
    kind("associated-bad-label", |f| picture(f, LABEL)[11] = 8, Refused("label")),
    kind("associated-bad-macro", |f| picture(f, MACRO)[1] = 0xd9, Refused("macro")),
    kind("associated-bad-thumbnail", |f| extraneous(f, THUMBNAIL), Refused("thumbnail")),
    kind("data-no-top-level", |f| drop(f.folder.remove(&data_name(5))), Refused("Data0005.dat")),
    kind("data-truncated-top-level", |f| f.data(5).truncate(300), Refused("Can't hash images")),
    kind("mrxs-missing", |f| f.mrxs = None, Refused("no such file")),
    sound("mirax", Variant::Plain),
    sound("2.2", Variant::Jpeg),
    sound("png", Variant::Png),
    sound("bmp", Variant::Bmp),
    sound("no-overlaps", Variant::Edges),
    sound("downsampled-1-2", Variant::Half),
    sound("downsampled-1-16", Variant::Sixteenth),
    // Nothing of what follows is in the corpus.
    kind(
        "more-associated-bad-pixels",
        |f| {
            let picture = picture(f, LABEL);
            let half = picture.len() / 2;
            picture[half..].fill(0);
        },
        Same,
    ),
    kind("more-mrxs-empty", |f| f.mrxs = Some(Vec::new()), Refused("is empty")),
    kind("more-folder-empty", |f| f.folder.clear(), Refused("Slidedat.ini is missing")),
];

fn picture(files: &mut Files, record: usize) -> &mut [u8] {
    let place = files.record_data(record);
    files.bytes(place)
}

/// Bytes that belong to nothing, between two markers.
fn extraneous(files: &mut Files, record: usize) {
    let mut picture = picture(files, record).to_vec();
    let first = 4 + usize::from(picture[5]);
    picture.splice(first..first, [0; 14]);
    files.replace_record(record, &picture);
}
