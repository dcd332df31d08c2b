//! The picture that `restain preview` makes, against what `restain normalize` makes of the same slide.

mod common;

use std::fs;
use std::path::Path;

use common::{assert_fails, names, restain, run, run_json, run_well, synth, text};
use image::{Rgb, RgbImage, imageops};
use restain_slide::{Extent, LevelPoint, LevelRect, LevelSize, Slide};
use tempfile::TempDir;

/// A name no picture may hold.
const PATIENT: &str = "Jane-Doe-1952";

/// How the picture is laid out, in pixels.
const SIDE: u32 = 512;
const SPACE: u32 = 24;
const GAP: u32 = 8;
const LINE: u32 = 26;
const COLUMN: u32 = 2 * SIDE + GAP;

/// A folder with a slide in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A slide of drawn cells, not all of it scanned.
    fn new(size: &str) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        synth(Path::new(&bench.slide()), size, &["--coverage", "0.9", "--style", "old-scanner"]);
        bench
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).into_os_string().into_string().unwrap()
    }

    fn slide(&self) -> String {
        self.path(&format!("{PATIENT}.mrxs"))
    }

    /// The preview, and what is said of it.
    fn preview(&self, options: &[&str]) -> (RgbImage, serde_json::Value) {
        let (slide, output) = (self.slide(), self.path("preview.png"));
        let said = run_json([&["preview", &slide, "-o", &output, "--json", "--no-open"], options].concat());
        (image::open(&output).unwrap().into_rgb8(), said)
    }

    /// The lossless output, and the level that it was made of.
    fn normalize(&self, options: &[&str]) -> (Slide, u32) {
        let (slide, output) = (self.slide(), self.path("out.tif"));
        let report = run_json(
            [&["normalize", &slide, "-o", &output, "--force", "--compression", "deflate", "--json"], options]
                .concat(),
        );
        (Slide::open(&output).unwrap(), report["source"]["level"].as_u64().unwrap() as u32)
    }
}

/// The regions of a preview as it names them.
fn regions(said: &serde_json::Value) -> Vec<LevelRect> {
    let region = |region: &serde_json::Value| {
        let number = |name: &str| region[name].as_i64().unwrap();
        let min = LevelPoint::new(number("x"), number("y"));
        LevelRect::from_origin_and_size(min, LevelSize::new(number("width"), number("height")))
    };
    said["regions"].as_array().unwrap().iter().map(region).collect()
}

/// What the picture shows of a region, before and after.
fn shown(picture: &RgbImage, index: usize, regions: &[LevelRect]) -> [Vec<u8>; 2] {
    let rows_below = (regions.len() - 1) / 2 - index / 2;
    let y = picture.height() - SPACE - SIDE - rows_below as u32 * (SPACE + LINE + SIDE);
    let x = SPACE + index as u32 % 2 * (SPACE + COLUMN);
    let size = regions[index].size().to_u32();
    [x, x + SIDE + GAP]
        .map(|x| imageops::crop_imm(picture, x, y, size.width, size.height).to_image().into_raw())
}

#[test]
fn the_regions_are_what_normalize_makes_of_them() {
    let bench = Bench::new("1300x1100");
    let style = bench.path("lab.style.json");
    run_well(["style", &bench.slide(), "-o", &style, "-q"]);
    for (count, options) in [
        ("4", &["--tile", "256"][..]),
        ("2", &["--level", "1", "--gray", "model"]),
        ("4", &["--extent", "full", "--model", "identity"]),
        ("1", &["--style", &style, "--model", "shipped"]),
        ("3", &["--style", &style, "--own", &style]),
    ] {
        let (picture, said) = bench.preview(&[options, &["--regions", count]].concat());
        let (output, level) = bench.normalize(options);
        let slide = Slide::open(bench.slide()).unwrap();
        let kind = if options.contains(&"full") { Extent::Full } else { Extent::Bounds };
        let extent = slide.extent(level, kind).unwrap();
        let regions = regions(&said);
        assert!((1..=count.parse().unwrap()).contains(&regions.len()), "{options:?}: {regions:?}");
        for (index, region) in regions.iter().enumerate() {
            let [before, after] = shown(&picture, index, &regions);
            let there = region.translate(extent.min.to_vector());
            assert!(before == slide.read(level, there).unwrap().rgb, "{options:?}: region {index} before");
            assert!(after == output.read(0, *region).unwrap().rgb, "{options:?}: region {index} after");
            assert!(region.width() == i64::from(SIDE) || region.width() == extent.width(), "{region:?}");
        }
    }
}

#[test]
fn the_whole_comes_near_the_colours_of_the_output() {
    let (width, height) = (COLUMN, COLUMN / 2);
    let bench = Bench::new(&format!("{width}x{height}"));
    let (picture, _) = bench.preview(&[]);
    let (output, _) = bench.normalize(&[]);
    let truth = output.read(0, output.extent(0, Extent::Bounds).unwrap()).unwrap().rgb;
    let difference = |x| {
        let shown = imageops::crop_imm(&picture, x, SPACE + LINE, width, height).to_image();
        let sum: u64 = shown.iter().zip(&truth).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / truth.len() as f64
    };
    let (before, after) = (difference(SPACE), difference(2 * SPACE + COLUMN));
    println!("{after:.2} levels from the output, and before {before:.2}");
    assert!(after < 0.7 * before, "{after} levels from the output, and before {before}");
}

#[test]
fn the_bytes_are_the_same_for_any_number_of_threads() {
    let bench = Bench::new("1100x600");
    let picture = |threads: &str| {
        let (slide, output) = (bench.slide(), bench.path("preview.png"));
        let said = run(["preview", &slide, "-o", &output, "--no-open", "--threads", threads]);
        assert!(said.status.success(), "{}", text(&said.stderr));
        let line = text(&said.stdout);
        assert!(line.contains("before on the left") && line.contains("4 regions"), "{line}");
        fs::read(output).unwrap()
    };
    let one = picture("1");
    assert!(one == picture("3") && one == picture("3"));
    let holds = |words: &str| one.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(!["Jane", "mrxs", "/tmp"].into_iter().any(holds));
}

#[test]
fn glass_alone_and_the_smallest_slide_give_a_picture() {
    let bench = Bench { folder: tempfile::tempdir().unwrap() };
    fs::create_dir(bench.path("glass")).unwrap();
    RgbImage::from_pixel(300, 300, Rgb([236, 240, 241])).save(bench.path("glass/glass.png")).unwrap();
    synth(Path::new(&bench.slide()), "1100x600", &["--from", &bench.path("glass")]);
    let (_, said) = bench.preview(&["--regions", "2"]);
    assert_eq!(regions(&said).len(), 2);
    synth(Path::new(&bench.slide()), "90x70", &["--force"]);
    let (picture, said) = bench.preview(&[]);
    let regions = regions(&said);
    let output = bench.normalize(&[]).0;
    assert_eq!(regions.len(), 1);
    let [_, after] = shown(&picture, 0, &regions);
    assert!(after == output.read(0, output.extent(0, Extent::Bounds).unwrap()).unwrap().rgb);
}

#[test]
fn what_is_wrong_is_said_and_leaves_nothing() {
    let bench = Bench::new("700x600");
    let before = names(bench.folder.path());
    let slide = bench.slide();
    let inside = bench.path(&format!("{PATIENT}/preview.png"));
    let folder = bench.path("folder.png");
    for (output, words) in [
        (&inside, ["would replace the input or lie among its files", "preview.png"]),
        (&bench.path("preview.jpg"), ["let its name end in .png", "preview.jpg"]),
        (&bench.path("none/preview.png"), ["no such folder; make it first", "none"]),
    ] {
        assert_fails(&run(["preview", &slide, "-o", output, "--no-open", "-q"]), &words);
    }
    assert_fails(&run(["preview", &bench.path("nowhere.mrxs"), "--no-open"]), &["no such file"]);
    assert_fails(&run(["preview", &slide, "--level", "77", "--no-open"]), &["level 77"]);
    assert_eq!(names(bench.folder.path()), before);
    fs::create_dir(&folder).unwrap();
    assert_fails(&run(["preview", &slide, "-o", &folder, "--no-open"]), &["is no file"]);
    assert_eq!(run(["preview", &slide, "--regions", "0"]).status.code(), Some(2));
}

#[test]
fn a_picture_has_the_name_of_its_slide_and_takes_the_place_of_an_older_one() {
    let bench = Bench::new("300x200");
    let name = format!("{PATIENT}-preview.png");
    fs::write(bench.path(&name), "an older one").unwrap();
    let mut command = restain();
    command.args(["preview", &bench.slide(), "--model", "identity", "--no-open"]);
    let output = command.current_dir(bench.folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with(&name));
    assert!(image::open(bench.path(&name)).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_desktop_opens_the_picture() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new("300x200");
    let (opener, opened, picture) = (bench.path("xdg-open"), bench.path("opened"), bench.path("preview.png"));
    fs::write(
        &opener,
        format!("#!/bin/sh\necho \"$1\" > '{opened}.part' && mv '{opened}.part' '{opened}'\n"),
    )
    .unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bench.folder.path().display(), std::env::var("PATH").unwrap());
    for (desktop, option, is_opened) in [
        (true, None, true),
        (false, None, false),
        (true, Some("--no-open"), false),
        (false, Some("--open"), true),
    ] {
        let mut command = restain();
        command.args(["preview", &bench.slide(), "-o", &picture, "--model", "identity"]).args(option);
        command.env("PATH", &path).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        if desktop {
            command.env("DISPLAY", ":0");
        }
        assert!(command.output().unwrap().status.success());
        // The program that opens it is not waited for.
        for _ in 0..if is_opened { 100 } else { 2 } {
            if Path::new(&opened).exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(
            fs::read_to_string(&opened).unwrap_or_default().trim(),
            if is_opened { &*picture } else { "" }
        );
        let _ = fs::remove_file(&opened);
    }
}
