//! What is left on disk, and said, when something is in the way.

mod support;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use restain_tiff::{Error, Layout, PyramidWriter, Result, TileEncoder, TilePixels};
use support::{JPEG, layout};

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A layout of four tiles and one above.
fn four() -> Layout {
    layout(100, 100, 64, JPEG)
}

/// Writes noise into tiles of level 0 from `first` on, and into the one above.
fn fill(writer: &mut PyramidWriter, layout: &Layout, first: u32) -> Result<()> {
    let noise = (0..3 * layout.tile * layout.tile).map(|at| (at.wrapping_mul(2_654_435_761) >> 19) as u8);
    fill_with(&TilePixels::Rgb(noise.collect()), writer, layout, first)
}

/// Writes the same pixels into tiles of level 0 from `first` on, and into all above.
fn fill_with(pixels: &TilePixels, writer: &mut PyramidWriter, layout: &Layout, first: u32) -> Result<()> {
    let tile = TileEncoder::new(layout)?.encode(pixels)?;
    for (level, shape) in (0..).zip(layout.levels()?) {
        for index in 0..shape.tiles() as u32 {
            if level > 0 || index >= first {
                writer.write(level, index % shape.columns, index / shape.columns, tile.clone())?;
            }
        }
    }
    Ok(())
}

#[test]
fn the_name_never_holds_half_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("picture.tif");
    let mut writer = PyramidWriter::create(&path, &four(), false).expect("a writable folder");
    let [hidden] = &names(folder.path())[..] else { panic!("one temporary file") };
    assert!(hidden.starts_with(".picture.tif."), "{hidden}");
    fill(&mut writer, &four(), 0).expect("tiles that fit");
    assert!(!path.exists());
    let summary = writer.finish().expect("room on the disk");
    assert_eq!(
        (summary.path.as_path(), summary.levels, summary.tiles, summary.blank_tiles),
        (&*path, 2, 5, 0)
    );
    assert_eq!(names(folder.path()), ["picture.tif"]);
}

#[test]
fn a_writer_dropped_or_short_of_tiles_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("picture.tif");
    let mut writer = PyramidWriter::create(&path, &four(), false).expect("a writable folder");
    fill(&mut writer, &four(), 0).expect("tiles that fit");
    drop(writer);
    assert!(names(folder.path()).is_empty());
    let mut writer = PyramidWriter::create(&path, &four(), false).expect("a writable folder");
    fill(&mut writer, &four(), 1).expect("tiles that fit");
    let missing = writer.finish();
    assert!(matches!(missing, Err(Error::TilesMissing { missing: 1, total: 5, .. })), "{missing:?}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn tiles_have_one_place_each() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer =
        PyramidWriter::create(folder.path().join("a.tif"), &four(), false).expect("a writable folder");
    let blank = TileEncoder::new(&four())
        .and_then(|encoder| encoder.encode(&TilePixels::Blank { side: 64 }))
        .expect("a blank tile");
    for (level, column, row) in [(2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (u32::MAX, 0, 0)] {
        let refused = writer.write(level, column, row, blank.clone());
        assert!(matches!(refused, Err(Error::NoSuchTile { .. })), "{level} {column} {row}: {refused:?}");
    }
    writer.write(0, 1, 1, blank.clone()).expect("a tile that fits");
    let refused = writer.write(0, 1, 1, blank);
    assert!(matches!(refused, Err(Error::TileTwice { level: 0, column: 1, row: 1 })), "{refused:?}");
}

#[test]
fn an_existing_file_is_replaced_only_when_asked_and_only_at_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("picture.tif");
    let content = || fs::read(&path).expect("a readable file");
    fs::write(&path, "old").expect("a writable folder");
    let refused = PyramidWriter::create(&path, &four(), false).err();
    assert!(matches!(refused, Some(Error::Exists(_))), "{refused:?}");
    let mut writer = PyramidWriter::create(&path, &four(), true).expect("a writable folder");
    fill(&mut writer, &four(), 0).expect("tiles that fit");
    assert_eq!(content(), b"old");
    writer.finish().expect("room on the disk");
    assert!(content().starts_with(b"II\x2b\0"));

    fs::remove_file(&path).expect("a writable folder");
    let mut writer = PyramidWriter::create(&path, &four(), false).expect("a writable folder");
    fill(&mut writer, &four(), 0).expect("tiles that fit");
    fs::write(&path, "from elsewhere").expect("a writable folder");
    let refused = writer.finish();
    assert!(matches!(refused, Err(Error::Exists(_))), "{refused:?}");
    assert_eq!(content(), b"from elsewhere");
    assert_eq!(names(folder.path()), ["picture.tif"]);
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let create = |path: &Path| PyramidWriter::create(path, &four(), true).err();
    let refused = create(folder.path());
    assert!(matches!(refused, Some(Error::IsFolder(_))), "{refused:?}");
    let refused = create(Path::new("/dev/null"));
    assert!(matches!(refused, Some(Error::NotAFile(_))), "{refused:?}");
    let refused = create(Path::new("/"));
    assert!(matches!(refused, Some(Error::IsFolder(_))), "{refused:?}");
    let refused = create(&folder.path().join("none/picture.tif"));
    assert!(matches!(refused, Some(Error::NoFolder { .. })), "{refused:?}");
    fs::write(folder.path().join("file"), "").expect("a writable folder");
    let refused = create(&folder.path().join("file/picture.tif"));
    assert!(matches!(refused, Some(Error::NoFolder { .. })), "{refused:?}");
    let bad = PyramidWriter::create(folder.path().join("a.tif"), &Layout { width: 0, ..four() }, true).err();
    assert!(matches!(bad, Some(Error::Layout(_))), "{bad:?}");
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("picture.tif");
    let other = folder.path().join("other");
    File::create(&other).expect("a writable folder");
    let mut writer = PyramidWriter::create(&path, &four(), false).expect("a writable folder");
    fill(&mut writer, &four(), 0).expect("tiles that fit");
    writer.finish().expect("room on the disk");
    let mode = |path: &Path| path.metadata().expect("a file").permissions().mode();
    assert_eq!(mode(&path), mode(&other));
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("one's own folder");
    if File::create(folder.path().join("probe")).is_ok() {
        eprintln!("SKIPPED: this user may write everywhere");
        return;
    }
    let refused = PyramidWriter::create(folder.path().join("picture.tif"), &four(), false).err();
    assert!(matches!(refused, Some(Error::NotWritable { .. })), "{refused:?}");
}

/// A file system of half a MiB, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k", "none"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: this user may not mount a small disk");
        return;
    };
    let path = disk.0.path().join("picture.tif");
    // Among the tiles, and at the very end: one blank tile takes no room, the directory of 80,000 does.
    for at_the_end in [false, true] {
        let side = if at_the_end { 250 * 128 } else { 3000 };
        let layout = layout(side, side, 128, JPEG);
        let mut writer = PyramidWriter::create(&path, &layout, false).expect("a writable folder");
        let filled = if at_the_end {
            fill_with(&TilePixels::Blank { side: 128 }, &mut writer, &layout, 0)
        } else {
            fill(&mut writer, &layout, 0)
        };
        assert_eq!(filled.is_ok(), at_the_end);
        let failed = filled.and_then(|()| writer.finish()).map(|summary| summary.bytes);
        assert!(matches!(failed, Err(Error::DiskFull { .. })), "{failed:?}");
        let message = failed.map_or_else(|error| error.to_string(), |_| String::new());
        assert!(message.contains("picture.tif: no space left after"), "{message}");
        assert!(message.contains("free some space"), "{message}");
        assert!(names(disk.0.path()).is_empty());
    }
}
