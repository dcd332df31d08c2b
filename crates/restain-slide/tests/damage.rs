//! Files that are no slides, slides that are damaged, and readers that must not suffer from others' errors.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use common::{real, rect, write_slide};
use restain_slide::{Coverage, Error, Extent, Margin, Slide, TileGrid};

/// The one-line message of opening `path`, without its beginning, which must be the path.
fn refusal(path: &Path) -> String {
    let message = Slide::open(path).expect_err("no slide").to_string();
    assert!(!message.contains('\n'), "{message}");
    let rest = message.strip_prefix(&format!("{}: ", path.display()));
    rest.unwrap_or_else(|| panic!("{message} does not begin with the file")).to_owned()
}

#[test]
fn what_is_not_there_or_no_slide() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(refusal(&folder.path().join("no.svs")), "no such file; check the path");
    assert!(refusal(folder.path()).starts_with("this is a directory; name the slide file itself"));
    let file = folder.path().join("file.svs");
    fs::write(&file, "").expect("a file");
    assert!(refusal(&file).starts_with("the file is empty"));
    fs::write(&file, "a letter, not a slide").expect("a file");
    assert!(refusal(&file).starts_with("not a slide that OpenSlide "));
    assert!(refusal(&file.join("beneath")).starts_with("cannot read the file: "), "a file is no folder");
}

#[test]
fn a_mirax_slide_without_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (slide, companion) = (folder.path().join("case 7.mrxs"), folder.path().join("case 7"));
    fs::write(&slide, "not empty").expect("a file");
    let missing = |missing: &Path| {
        format!(
            "{} is missing; a MIRAX slide is the .mrxs file and the folder of the same name, copy both",
            missing.display()
        )
    };
    assert_eq!(refusal(&slide), missing(&companion));
    fs::create_dir(&companion).expect("a folder");
    assert_eq!(refusal(&slide), missing(&companion.join("Slidedat.ini")));
    fs::write(companion.join("Slidedat.ini"), "[GENERAL]\n[HIERARCHICAL]\n").expect("a file");
    let damaged = refusal(&slide);
    assert!(damaged.starts_with("the slide is damaged or incomplete: "), "{damaged}");
    let shouting = folder.path().join("case 7.MRXS");
    fs::rename(&slide, &shouting).expect("a file");
    assert!(refusal(&shouting).ends_with("rename the file"));
}

#[test]
fn a_slide_cut_off_in_its_pixels() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.tif");
    write_slide(&path, &[(300, 200), (150, 100)], None);
    let slide = Slide::open(&path).expect("the whole slide opens");
    let whole = slide.read(0, rect(0, 0, 300, 200)).expect("the whole slide reads");
    // The table of tile offsets (tag 324) lies behind the 5 x 4 tiles: let its first entry point past the end.
    let mut bytes = fs::read(&path).expect("the file");
    let kept = bytes.len();
    let offsets = 8 + 20 * 3 * 64 * 64;
    assert_eq!(bytes[offsets..offsets + 4], 8u32.to_le_bytes(), "the table of tiles begins with the first");
    bytes[offsets..offsets + 4].copy_from_slice(&(kept as u32 + 1000).to_le_bytes());
    fs::write(&path, bytes).expect("the file");
    let slide = Slide::open(&path).expect("the damage is not seen on opening");
    let error = slide.read(0, rect(-5, 0, 50, 50)).expect_err("the first tile is gone");
    assert!(matches!(&error, Error::Read { level: 0, .. }));
    let message = error.to_string();
    assert!(message.contains("cut.tif: cannot read level 0, region x 0, y 0, 45 x 50 px: "), "{message}");
    // The failed read has spoilt the handle; the next one gets a fresh one.
    let rest = slide.read(0, rect(64, 0, 236, 200)).expect("the rest is whole");
    assert_eq!(rest.coverage, Coverage::Everything);
    assert_eq!(rest.rgb[..3 * 236], whole.rgb[3 * 64..3 * 300]);
}

fn partial_mirax() -> Option<PathBuf> {
    real("mirax_real_fluorescence_partial/Mirax2-Fluorescence-2.mrxs")
}

#[test]
fn a_real_slide_with_missing_data_files_reads_where_they_are_not_needed() {
    let Some(path) = partial_mirax() else { return };
    let slide = Slide::open(&path).expect("the slide opens");
    let info = slide.info();
    assert_eq!((info.vendor.as_str(), info.levels.len(), info.background), ("mirax", 10, [0x80; 3]));
    assert_eq!((info.bounds.min.x, info.bounds.min.y), (9153, 102_664));
    assert_eq!((info.bounds.width(), info.bounds.height()), (10_439, 7_641));
    let names: Vec<_> = info.associated.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["label", "macro", "thumbnail"]);
    assert!(
        info.file_bytes > 10 * fs::metadata(&path).expect("a file").len(),
        "the folder counts: {}",
        info.file_bytes
    );
    let bounds = slide.extent(2, Extent::Bounds).expect("level 2");
    // 9153 / 4 = 2288.25 and (9153 + 10439) / 4 = 4898, 102664 / 4 = 25666 and (102664 + 7641) / 4 = 27576.25.
    assert_eq!(bounds, rect(2288, 25_666, 4898 - 2288, 27_577 - 25_666));
    assert_eq!(slide.extent(2, Extent::Full).expect("level 2"), rect(0, 0, 18_112, 38_020));
    for level in 2..10 {
        let pixels = slide
            .read(level, slide.extent(level, Extent::Bounds).expect("a level"))
            .expect("levels 2 to 9 read");
        assert_ne!(pixels.coverage, Coverage::Nothing, "level {level}");
    }
    for level in 0..2 {
        let error = slide
            .read(level, slide.extent(level, Extent::Bounds).expect("a level"))
            .expect_err("data are missing");
        let message = error.to_string();
        let place = format!("Mirax2-Fluorescence-2.mrxs: cannot read level {level}, region x ");
        assert!(
            message.contains(&place) && message.contains("Data00") && !message.contains('\n'),
            "{message}"
        );
    }
    let glass = slide.read(0, rect(0, 0, 512, 512)).expect("glass that was never scanned needs no data");
    assert_eq!((glass.coverage, glass.rgb), (Coverage::Nothing, vec![0x80; 512 * 512 * 3]));
}

#[test]
fn readers_do_not_suffer_from_a_neighbours_errors() {
    let Some(path) = partial_mirax() else { return };
    let slide = Slide::open(&path).expect("the slide opens");
    let bounds = |level| slide.extent(level, Extent::Bounds).expect("a level");
    let expected = slide.read(4, bounds(4)).expect("level 4 reads");
    // A small region whose data are missing fails at once, so the handle is spoilt all the time.
    let holes = TileGrid::new(bounds(0), 256, Margin::None).expect("a grid");
    let hole = holes.iter().find(|tile| slide.read(0, tile.core).is_err()).expect("data are missing").core;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let spoilers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = 0;
                    while !done.load(Ordering::Relaxed) {
                        slide.read(0, hole).expect_err("data are missing");
                        failures += 1;
                    }
                    failures
                })
            })
            .collect();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..6 {
                        assert_eq!(slide.read(4, bounds(4)).expect("level 4 reads"), expected);
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = readers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        for spoiler in spoilers {
            assert!(spoiler.join().expect("a spoiler ends") > 0);
        }
        assert!(outcomes.iter().all(Result::is_ok));
    });
}
