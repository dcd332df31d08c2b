//! Faults are found, and clean outputs are left alone. `examples/validate.rs` does the same with more slides and with outputs of
//! the program itself.

mod faults;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use faults::{Canvas, Fault, hematoxylin_and_eosin};
use restain_quality::{Error, Examination, Source, examine, pictures};
use restain_slide::{Extent, Slide};
use restain_stain::{
    histogram::Histogram,
    quantile::QuantileMap,
    reference::{Picture, Reference},
};
use restain_synth::{Drawing, Rect, SlideSpec, Style, write_slide};

const SIDE: u32 = 2048;

/// A drawn slide in one style, and an output of it: its pixels, mapped to the colours of another in the other style.
struct Case {
    folder: tempfile::TempDir,
    slide: Slide,
    output: Canvas,
}

impl Case {
    fn new(style: Style, other: Style) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let slide = synth(&folder.path().join("slide.mrxs"), 11, style);
        let lab = Canvas::of(&synth(&folder.path().join("lab.mrxs"), 12, other)).unwrap();
        let mut output = Canvas::of(&slide).unwrap();
        let histogram = |canvas: &Canvas| {
            let mut histogram = Histogram::new();
            histogram.add(&canvas.rgb);
            histogram
        };
        QuantileMap::between(&histogram(&output), &histogram(&lab)).unwrap().apply(&mut output.rgb);
        Self { folder, slide, output }
    }

    fn examine(&self, output: &Canvas, reference: Option<&Reference>) -> Examination {
        let output = output.write(&self.folder.path().join("output.tif")).unwrap();
        examine(&self.slide, &output, &source(&self.slide), reference, &AtomicBool::new(false)).unwrap()
    }
}

fn synth(path: &Path, seed: u64, style: Style) -> Slide {
    let spec = SlideSpec { seed, style, ..SlideSpec::new(SIDE, SIDE) };
    write_slide(&spec, path, &|_| ControlFlow::Continue(())).unwrap();
    Slide::open(path).unwrap()
}

fn source(slide: &Slide) -> Source {
    let extent = slide.extent(0, Extent::Bounds).unwrap();
    Source { level: 0, region: [extent.min.x, extent.min.y, extent.width(), extent.height()] }
}

fn reference(style: &Style) -> Reference {
    let fields: Vec<Vec<u8>> = (101..113)
        .map(|seed| {
            let spec = SlideSpec { seed, style: style.clone(), ..SlideSpec::new(1024, 1024) };
            let whole = Rect { x: 0, y: 0, width: 1024, height: 1024 };
            Drawing::new(&spec).unwrap().draw(whole).unwrap().rgb
        })
        .collect();
    Reference::of(fields.iter().map(|rgb| Picture { rgb, width: 1024, mpp: 0.25 })).unwrap()
}

#[test]
fn faults_are_flagged_and_clean_outputs_are_not() {
    for (style, other) in
        [(Style::new_scanner(), Style::old_scanner()), (Style::old_scanner(), Style::new_scanner())]
    {
        let case = Case::new(style, other);
        let same = Canvas::of(&case.slide).unwrap();
        assert_eq!(case.examine(&same, None).flags(), [""; 0], "copied");
        assert_eq!(case.examine(&case.output, None).flags(), [""; 0], "mapped");
        let tiles = case.output.tiles();
        for (fault, expected) in [
            (Fault::ShiftedTile, "displacement"),
            (Fault::ExchangedTile, "structure"),
            (Fault::BlurredTile, "sharpness"),
            (Fault::BlackTile, "clipping"),
            (Fault::SwappedTile, "red-blue"),
            (Fault::SwappedQuarter, "red-blue"),
            (Fault::Swapped, "red-blue"),
            (Fault::Swapped, "mask"),
            (Fault::Tinted, "background"),
            (Fault::Clipped, "clipping"),
        ] {
            let mut output = case.output.clone();
            fault.plant(&mut output, tiles[0], tiles[5]);
            let examination = case.examine(&output, None);
            let check = examination.checks.iter().find(|check| check.name == expected).unwrap();
            assert!(check.fired, "{}: {check:?}", fault.name());
            if fault.is_local() {
                let [x, y] = tiles[0].map(|at| at as i64);
                let [other_x, other_y] = tiles[5].map(|at| at as i64);
                let region = check.regions[0];
                let within =
                    |x: i64, y: i64| (x..x + 512).contains(&region.x) && (y..y + 512).contains(&region.y);
                assert!(within(x, y) || within(other_x, other_y), "{}: {region:?}", fault.name());
            }
        }
        // Glass is where the tile has least contrast.
        for (fault, expected) in [(Fault::Painted, "hallucination"), (Fault::Noise, "noise")] {
            let mut output = case.output.clone();
            fault.plant(&mut output, *tiles.last().unwrap(), tiles[0]);
            let flags = case.examine(&output, None);
            assert!(flags.flags().contains(&expected), "{}: {:?}", fault.name(), flags.checks);
        }
    }
}

#[test]
fn another_kind_of_slide_is_flagged() {
    for style in Style::all() {
        let folder = tempfile::tempdir().unwrap();
        let reference = reference(&style);
        let slide = synth(&folder.path().join("slide.mrxs"), 11, style);
        let case = Case { folder, output: Canvas::of(&slide).unwrap(), slide };
        let examination = case.examine(&case.output, Some(&reference));
        assert_eq!(examination.flags(), [""; 0], "{:?}", examination.checks);
        let [before, after] = examination.distance.unwrap();
        assert!((before - after).abs() < 0.02 && before < 0.2, "{before} {after}");

        let mut stained = case.output.clone();
        hematoxylin_and_eosin(&mut stained);
        let slide = stained.write(&case.folder.path().join("he.tif")).unwrap();
        let case = Case { folder: case.folder, output: stained, slide };
        assert_eq!(case.examine(&case.output, Some(&reference)).flags(), ["kind"]);
    }
}

#[test]
fn the_same_slide_gives_the_same_examination_for_any_number_of_threads() {
    let case = Case::new(Style::new_scanner(), Style::old_scanner());
    let reference = reference(&Style::old_scanner());
    let examinations = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.examine(&case.output, Some(&reference)))
    });
    let [one, three] = examinations.each_ref().map(|examination| serde_json::to_string(examination).unwrap());
    assert_eq!(one, three);
    assert_eq!(examinations[0].thumbnails, examinations[1].thumbnails);
}

#[test]
fn what_a_report_shows() {
    let case = Case::new(Style::new_scanner(), Style::old_scanner());
    let examination = case.examine(&case.output, None);
    for thumbnail in &examination.thumbnails {
        let thumbnail = image::load_from_memory(thumbnail).unwrap();
        assert_eq!((thumbnail.width(), thumbnail.height()), (256, 256));
    }
    let output = Slide::open(case.folder.path().join("output.tif")).unwrap();
    let region = examination.checks[0].regions[0];
    for picture in pictures(&case.slide, &output, &source(&case.slide), region).unwrap() {
        let picture = image::load_from_memory(&picture).unwrap();
        assert_eq!((i64::from(picture.width()), i64::from(picture.height())), (region.width, region.height));
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let case = Case::new(Style::new_scanner(), Style::old_scanner());
    let output = case.output.write(&case.folder.path().join("output.tif")).unwrap();
    let mut wrong = source(&case.slide);
    wrong.region[2] -= 1;
    let error = examine(&case.slide, &output, &wrong, None, &AtomicBool::new(false)).unwrap_err();
    assert!(error.to_string().contains("2048 x 2048 px, but"), "{error}");
    let stopped = examine(&case.slide, &output, &source(&case.slide), None, &AtomicBool::new(true));
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let said = Source::of(r#"{"source": {"level": 1, "region": [1, 2, 3, 4], "mpp": null}}"#).unwrap();
    assert_eq!(said, Source { level: 1, region: [1, 2, 3, 4] });
    assert!(Source::of("a picture").unwrap_err().to_string().contains("does not say what of the slide"));
}
