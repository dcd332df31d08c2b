//! The position buffer: where each photograph lies.

use super::Expected::{self, Refused};
use super::files::{Files, POSITIONS, data_name};
use super::variants::{Variant, deflate, positions};
use super::{Kind, of};

const fn plain(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Plain, name, damage, expected)
}

const fn deflated(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Jpeg, name, damage, expected)
}

pub(crate) const KINDS: &[Kind] = &[
    plain(
        "slidepos-bad-position",
        |f| f.put(f.record_page(POSITIONS) + 16, -0x0100_0000),
        Refused("slide position record"),
    ),
    plain("slidepos-bad-size", shorter, Refused("expected size")),
    plain("slidepos-missing", missing, Refused("slide position record")),
    plain("slidepos-truncated", cut, Refused("slide position record")),
    plain("slidepos-unknown-z", |f| buffer(f)[9] = 96, Refused("flag value (96)")),
    deflated("slidepos-zlib-bad-stream", |f| *buffer(f).last_mut().unwrap() ^= 1, Refused("position buffer")),
    deflated("slidepos-zlib-long-stream", |f| resize(f, 9), Refused("position buffer")),
    deflated("slidepos-zlib-short-stream", |f| resize(f, -9), Refused("position buffer")),
    // Nothing of what follows is in the corpus.
    plain("more-slidepos-far-right", |f| photograph(f, 3), Refused("far outside")),
    plain("more-slidepos-far-down", |f| photograph(f, 7), Refused("far outside")),
    plain("more-slidepos-garbage", garbage, Refused("far outside")),
];

/// The buffer as it is in the data file.
fn buffer(files: &mut Files) -> &mut [u8] {
    let place = files.record_data(POSITIONS);
    files.bytes(place)
}

fn shorter(files: &mut Files) {
    let (place, at) = (files.record_data(POSITIONS), files.record_page(POSITIONS) + 20);
    files.put(at, place.length as i32 - 9);
}

/// Takes the file with nothing but the positions away.
fn missing(files: &mut Files) {
    let bytes = buffer(files).to_vec();
    files.folder.insert(data_name(7), bytes);
    files.set("DATAFILE", "FILE_COUNT", "8\nFILE_7 = Data0007.dat");
    let page = files.record_page(POSITIONS);
    files.put(page + 16, 0);
    files.put(page + 24, 7);
    files.folder.remove(&data_name(7));
}

fn cut(files: &mut Files) {
    let place = files.record_data(POSITIONS);
    files.data(place.file).truncate(place.offset + place.length - 1);
}

/// Compresses the buffer anew, by so many bytes longer or shorter.
fn resize(files: &mut Files, by: isize) {
    let mut buffer = positions(files);
    buffer.resize(buffer.len().strict_add_signed(by), 0);
    files.replace_record(POSITIONS, &deflate(&buffer));
}

/// Changes the highest byte of a photograph's coordinate.
fn photograph(files: &mut Files, byte: usize) {
    let buffer = buffer(files);
    let taken = buffer.chunks_exact_mut(9).find(|record| record[0] == 1).unwrap();
    taken[1 + byte] = 0x40;
}

/// A sector of noise, in which every flag is as it may be.
fn garbage(files: &mut Files) {
    for (n, record) in (0_u8..).zip(buffer(files).chunks_exact_mut(9)) {
        record[0] = 1;
        record[1..]
            .iter_mut()
            .for_each(|byte| *byte = byte.wrapping_mul(91).wrapping_add(n.wrapping_mul(37)));
    }
}
