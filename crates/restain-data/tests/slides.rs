//! Patches of slides, compared with pixels cut by the test from a read of the whole level.

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

use common::{Desk, pixel};
use restain_data::{Dataset, Error, Label, Place};
use restain_slide::{Extent, LevelRect, Slide};
use restain_synth::{SlideSpec, write_slide};

/// A MIRAX slide of 0.25 micrometres a pixel whose scan does not begin at its corner.
static SLIDE: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    let spec = SlideSpec { seed: 3, ..SlideSpec::new(1100, 900) };
    write_slide(&spec, &desk.path("slide.mrxs"), &|_| ControlFlow::Continue(())).unwrap();
    desk
});

fn slide() -> Slide {
    Slide::open(SLIDE.path("slide.mrxs")).unwrap()
}

/// All pixels of a level.
fn whole(level: u32) -> (Vec<u8>, LevelRect) {
    let extent = slide().extent(level, Extent::Full).unwrap();
    (slide().read(level, extent).unwrap().rgb, extent)
}

/// Where the scan begins, in level-0 pixels.
fn corner() -> [i64; 2] {
    let bounds = slide().info().bounds;
    assert!(bounds.min.x > 0 && bounds.min.y > 0, "the test needs a scan away from the corner: {bounds:?}");
    [bounds.min.x, bounds.min.y]
}

/// A patch equals the pixels of a level from `left`, `top` on.
fn assert_cut(patch: &[u8], side: usize, level: u32, left: i64, top: i64) {
    let (rgb, extent) = whole(level);
    for y in 0..side {
        for x in 0..side {
            let (at_x, at_y) = (left as usize + x, top as usize + y);
            assert_eq!(pixel(patch, side, x, y), pixel(&rgb, extent.width() as usize, at_x, at_y), "{x} {y}");
        }
    }
    // A plain patch would be equal anywhere.
    assert!(patch.as_chunks::<3>().0.iter().any(|pixel| pixel != &patch[..3]), "the patch shows nothing");
}

/// Objects as QuPath writes them, in pixels from the corner of the scan.
const ANNOTATIONS: &str = r#"{"type": "FeatureCollection", "features": [
    {"type": "Feature", "id": "6f1e", "geometry": {"type": "Point", "coordinates": [300.5, 400.5]},
     "properties": {"objectType": "annotation", "classification": {"name": "NILM", "color": [0, 0, 200]}}},
    {"type": "Feature", "id": "6f1f", "geometry": {"type": "Polygon", "coordinates":
        [[[600, 500], [640, 500], [640, 560], [600, 560], [600, 500]]]},
     "properties": {"objectType": "detection", "classification": {"names": ["HSIL", "Positive"]}}},
    {"type": "Feature", "id": "6f20", "geometry": {"type": "MultiPoint", "coordinates": [[700, 700], [10, 5]]},
     "properties": {"objectType": "annotation"}}]}"#;

fn load(patches: &str, more: &str) -> Result<Dataset, Error> {
    let desk = Desk::new();
    desk.write("exports/slide.geojson", ANNOTATIONS);
    let slides = format!("paths: ['{}']", SLIDE.path("*.mrxs").display());
    desk.load(&format!(
        "patches: {patches}\nsources: [{{slides: {{{slides}, annotations: exports{more}}}}}]\n"
    ))
}

#[test]
fn patches_lie_where_the_annotations_say() {
    let [x, y] = corner();
    let dataset = load("{side: 64}", "").unwrap();
    let told: Vec<_> = dataset
        .samples()
        .iter()
        .map(|sample| {
            let [at_x, at_y] = sample.centre();
            ((at_x - x as f64, at_y - y as f64), &*sample.class, sample.label, &*sample.group)
        })
        .collect();
    assert_eq!(
        told,
        [
            ((10.0, 5.0), "unclassified", None, "slide.mrxs"),
            ((300.5, 400.5), "NILM", None, "slide.mrxs"),
            ((620.0, 530.0), "HSIL: Positive", None, "slide.mrxs"),
            ((700.0, 700.0), "unclassified", None, "slide.mrxs"),
        ]
    );
    let read = |index: usize| dataset.read(&dataset.samples()[index]).unwrap().rgb;
    assert_cut(&read(1), 64, 0, x + 269, y + 369);
    assert_cut(&read(2), 64, 0, x + 588, y + 498);
    assert_cut(&read(3), 64, 0, x + 668, y + 668);
    assert_eq!(dataset.whole().draw(1, 1, 1).unwrap(), dataset.whole().draw(1, 1, 1).unwrap());
}

#[test]
fn beyond_the_scan_lies_a_mirror_or_glass() {
    let [x, y] = corner();
    let edge = |padding: &str| {
        let dataset = load(&format!("{{side: 64, padding: {padding}}}"), "").unwrap();
        (dataset.read(&dataset.samples()[0]).unwrap().rgb, dataset.skipped())
    };
    let (rgb, extent) = whole(0);
    let shown = |x: i64, y: i64| pixel(&rgb, extent.width() as usize, x as usize, y as usize);
    let ((mirrored, none), (glass, _)) = (edge("reflect"), edge("white"));
    let background = slide().info().background;
    assert_eq!(none, 0);
    // About 10, 5: from -22, -27.
    for (row, at_y) in (-27_i64..37).enumerate() {
        for (column, at_x) in (-22_i64..42).enumerate() {
            assert_eq!(pixel(&mirrored, 64, column, row), shown(x + at_x.abs(), y + at_y.abs()));
            let inside = at_x >= 0 && at_y >= 0;
            let expected = if inside { shown(x + at_x, y + at_y) } else { background };
            assert_eq!(pixel(&glass, 64, column, row), expected, "{at_x} {at_y}");
        }
    }
    assert_eq!(edge("skip").1, 1);
}

#[test]
fn a_coarser_patch_comes_from_a_coarser_level() {
    let [x, y] = corner();
    let dataset = load("{side: 64, mpp: 1.0}", "").unwrap();
    let levels = slide().info().levels.clone();
    assert!((levels[2].downsample - 4.0).abs() < 1e-9);
    let patch = dataset.read(&dataset.samples()[2]).unwrap();
    let left = |at: i64| ((at as f64) / 4.0 - 32.0 + 0.5).floor() as i64;
    assert_cut(&patch.rgb, 64, 2, left(x + 620), left(y + 530));

    // Three pixels of level 1 make two: the mean colour stays.
    let dataset = load("{side: 64, mpp: 0.75}", "").unwrap();
    let patch = dataset.read(&dataset.samples()[2]).unwrap();
    let (rgb, extent) = whole(1);
    let left = |at: i64| ((at as f64) / 2.0 - 48.0 + 0.5).floor() as usize;
    let (left, top) = (left(x + 620), left(y + 530));
    for channel in 0..3 {
        let mean = |values: &mut dyn Iterator<Item = u8>| {
            let (sum, count) =
                values.fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(value), count + 1.0));
            sum / count
        };
        let pixels = (0..96 * 96).map(|i| (left + i % 96, top + i / 96));
        let expected = mean(&mut pixels.map(|(x, y)| pixel(&rgb, extent.width() as usize, x, y)[channel]));
        let found = mean(&mut patch.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel[channel]));
        assert!((found - expected).abs() < 1.0, "{found} for {expected}");
    }
}

#[test]
fn labels_origin_and_polygons_as_asked() {
    let labels = "labels: {NILM: normal, 'HSIL: Positive': abnormal, unclassified: ignore}";
    let dataset = load("{side: 32}", &format!(", {labels}, polygons: inside")).unwrap();
    let told: Vec<_> = dataset.samples().iter().map(|sample| sample.label).collect();
    assert_eq!(told, [Some(Label::Normal), Some(Label::Abnormal)]);
    assert!(matches!(dataset.samples()[1].place, Place::Inside(_)));

    // Of the slide's own corner, the same numbers are another place.
    let [x, y] = corner();
    let wide = Desk::new();
    let at = format!("[{}, {}]", x + 300, y + 400);
    wide.write(
        "a.geojson",
        format!(r#"{{"type":"Feature","geometry":{{"type":"Point","coordinates":{at}}},"properties":{{}}}}"#),
    );
    let manifest = |origin: &str| {
        let path = SLIDE.path("slide.mrxs");
        format!(
            "patches: {{side: 32}}\nsources: [{{slides: {{paths: ['{}'], annotations: a.geojson, origin: {origin}}}}}]\n",
            path.display()
        )
    };
    let dataset = wide.load(&manifest("slide")).unwrap();
    assert_cut(&dataset.read(&dataset.samples()[0]).unwrap().rgb, 32, 0, x + 284, y + 384);

    let error = load("{side: 32}", ", labels: {NILM: normal}").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("slide.geojson: object 2: the class `HSIL: Positive` has no label"), "{error}");
}

#[test]
fn drawn_places_of_a_polygon_lie_in_it() {
    let [x, y] = corner();
    let labels = "labels: {NILM: ignore, 'HSIL: Positive': abnormal, unclassified: ignore}";
    let part = load("{side: 1}", &format!(", {labels}, polygons: inside")).unwrap().whole();
    let (rgb, extent) = whole(0);
    let area = (600..640).flat_map(|at_x| (500..560).map(move |at_y| (at_x, at_y)));
    let colours: std::collections::HashSet<_> = area
        .map(|(at_x, at_y)| pixel(&rgb, extent.width() as usize, (x + at_x) as usize, (y + at_y) as usize))
        .collect();
    let drawn: Vec<_> = (0..200).map(|item| part.draw(1, 1, item).unwrap().rgb).collect();
    assert!(drawn.iter().all(|rgb| colours.contains(rgb.as_slice())));
    assert!(drawn.iter().collect::<std::collections::HashSet<_>>().len() > 20, "always the same place");
}

#[test]
fn what_lies_outside_the_scan_is_named() {
    let desk = Desk::new();
    desk.write("a.geojson", ANNOTATIONS.replace("[700, 700]", "[1101, 700]"));
    let path = SLIDE.path("slide.mrxs");
    let manifest =
        format!("sources: [{{slides: {{paths: ['{}'], annotations: a.geojson}}}}]\n", path.display());
    desk.fails(&manifest, &["a.geojson: object 3", "outside", "slide.mrxs", "origin"]);
    desk.fails(&manifest.replace("a.geojson", "nowhere"), &["nowhere", "cannot read"]);
    let beside = format!("sources: [{{slides: {{paths: ['{}']}}}}]\n", path.display());
    desk.fails(&beside, &["slide.geojson", "cannot read"]);
    let twice = Desk::new();
    for name in ["a", "b"] {
        let target = Path::new("/").join(twice.path(&format!("{name}.mrxs")));
        write_slide(&SlideSpec::new(300, 200), &target, &|_| ControlFlow::Continue(())).unwrap();
    }
    twice.write("a.geojson", ANNOTATIONS);
    twice.fails("sources: [{slides: {paths: ['*.mrxs'], annotations: a.geojson}}]\n", &["several slides"]);
}

/// Every place where there is something, and none of glass: against the pixels of level 0.
#[test]
fn places_of_tissue_are_scanned_and_dark_and_all_over_the_slide() {
    let desk = Desk::new();
    let spec = SlideSpec { seed: 5, coverage: 0.7, ..SlideSpec::new(2600, 2300) };
    write_slide(&spec, &desk.path("gaps.mrxs"), &|_| ControlFlow::Continue(())).unwrap();
    let manifest = "patches: {side: 8}\nsources: [{slides: {paths: [gaps.mrxs], place: tissue}}]\n";
    let dataset = desk.load(manifest).unwrap();
    let part = dataset.whole();
    assert!(matches!(&part.samples()[0].place, Place::Tissue(_)) && part.samples()[0].label.is_none());
    let slide = Slide::open(desk.path("gaps.mrxs")).unwrap();
    let glass = [224.0, 226.0, 238.0].iter().sum::<f64>() / 3.0;
    let mean = |rgb: &[u8]| rgb.iter().map(|&level| f64::from(level)).sum::<f64>() / rgb.len() as f64;
    let patches: Vec<Vec<u8>> = (0..400).map(|item| part.draw(1, 0, item).unwrap().rgb).collect();
    let dark = patches.iter().filter(|rgb| mean(rgb) < 0.95 * glass).count();
    // A place may lie at the edge of a cell, where most of the patch is glass.
    assert!(dark > 330, "{dark} of 400");
    // By chance alone it would be as few as the slide has cells, and gaps.
    let extent = slide.extent(0, Extent::Bounds).unwrap();
    let whole = slide.read(0, extent).unwrap().rgb;
    let share = whole.as_chunks::<3>().0.iter().filter(|pixel| mean(&pixel[..]) < 0.95 * glass).count()
        as f64
        / (whole.len() / 3) as f64;
    assert!(share < 0.6, "the test needs a slide with glass: {share}");
    let kinds: std::collections::BTreeSet<_> = patches.iter().collect();
    assert!(kinds.len() > 390, "places are drawn anew: {}", kinds.len());
    desk.fails(
        "sources: [{slides: {paths: [gaps.mrxs], place: tissue, labels: {a: normal}}}]\n",
        &["`place`", "no use for"],
    );
}
