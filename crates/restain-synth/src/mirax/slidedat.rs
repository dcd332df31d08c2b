//! `Slidedat.ini`: what there is, in words.

use std::fmt::Write as _;

use crate::mirax::{DIVISIONS, QUALITY, data, index::PAGE, layout::Layout};

// The non-hierarchical records, in the order of the index.

/// The whole glass.
pub(super) const MACRO: usize = 0;
/// The label.
pub(super) const LABEL: usize = 1;
/// The preview of the scanned area.
pub(super) const THUMBNAIL: usize = 2;
/// The position buffer.
pub(super) const POSITIONS: usize = 3;
/// How many records there are.
pub(super) const RECORDS: usize = 4;

/// What the file says beside the layout.
pub(super) struct Facts<'a> {
    pub(super) slide_id: &'a str,
    pub(super) mpp: f64,
    pub(super) background: [u8; 3],
    pub(super) data_files: u32,
    /// Width and height of macro, label and thumbnail.
    pub(super) associated: [[u32; 2]; 3],
}

/// The file's text. `write!` to a string cannot fail, so its results are dropped.
pub(super) fn text(layout: &Layout, facts: &Facts) -> String {
    let mut ini = String::new();
    general(&mut ini, layout, facts);
    hierarchical(&mut ini, layout.levels);
    section(&mut ini, "DATAFILE", &[("FILE_COUNT", facts.data_files.to_string())]);
    for number in 0..facts.data_files {
        let _ = writeln!(ini, "FILE_{number} = {}", data::name(number));
    }
    levels(&mut ini, layout, facts);
    for (value, (kind, [width, height])) in
        ["THUMBNAIL", "BARCODE", "PREVIEW"].iter().zip(facts.associated).enumerate()
    {
        let _ = writeln!(ini, "[NONHIERLAYER_0_LEVEL_{value}_SECTION]");
        let _ = writeln!(ini, "{kind}_IMAGE_TYPE = JPEG");
        let _ = writeln!(ini, "{kind}_IMAGE_WIDTH = {width}");
        let _ = writeln!(ini, "{kind}_IMAGE_HEIGHT = {height}");
    }
    section(&mut ini, "NONHIERLAYER_1_LEVEL_0_SECTION", &[("COMPRESSED_STITCHING_VERSION", "0.0.1".into())]);
    ini
}

fn section(ini: &mut String, name: &str, entries: &[(&str, String)]) {
    let _ = writeln!(ini, "[{name}]");
    for (key, value) in entries {
        let _ = writeln!(ini, "{key} = {value}");
    }
}

fn general(ini: &mut String, layout: &Layout, facts: &Facts) {
    let micrometres = |overlap: u32| (f64::from(overlap) * facts.mpp).to_string();
    // What objectives of slide scanners give at this resolution: 0.25 micrometres a pixel at 40x.
    let magnification = (10.0 / facts.mpp).round().max(1.0).to_string();
    section(
        ini,
        "GENERAL",
        &[
            ("SLIDE_VERSION", "01.02".into()),
            ("SLIDE_NAME", "SYNTHETIC SLIDE".into()),
            ("PROJECT_NAME", "restain".into()),
            ("SLIDE_ID", facts.slide_id.into()),
            ("IMAGENUMBER_X", (layout.x.total() * DIVISIONS).to_string()),
            ("IMAGENUMBER_Y", (layout.y.total() * DIVISIONS).to_string()),
            ("CURRENT_SLIDE_VERSION", "2.2".into()),
            ("IMAGE_OVERLAP_MICROMETERS_X", micrometres(layout.x.overlap())),
            ("IMAGE_OVERLAP_MICROMETERS_Y", micrometres(layout.y.overlap())),
            ("SLIDE_CONTENT", "DIGITAL_SLIDE".into()),
            ("OBJECTIVE_MAGNIFICATION", magnification),
            ("SLIDE_TYPE", "SLIDE_TYPE_BRIGHTFIELD".into()),
            ("CameraImageDivisionsPerSide", DIVISIONS.to_string()),
        ],
    );
}

fn hierarchical(ini: &mut String, levels: usize) {
    section(
        ini,
        "HIERARCHICAL",
        &[
            ("INDEXFILE", "Index.dat".into()),
            ("PAGEELEMENTCOUNT", PAGE.to_string()),
            ("HIER_COUNT", "1".into()),
            ("NONHIER_COUNT", "2".into()),
            ("HIER_0_NAME", "Slide zoom level".into()),
            ("HIER_0_COUNT", levels.to_string()),
            ("HIER_0_SECTION", "LAYER_0_SECTION".into()),
        ],
    );
    for level in 0..levels {
        let _ = writeln!(ini, "HIER_0_VAL_{level} = ZoomLevel_{level}");
        let _ = writeln!(ini, "HIER_0_VAL_{level}_SECTION = LAYER_0_LEVEL_{level}_SECTION");
    }
    let layers: [(&str, &[&str]); 2] = [
        (
            "Scan data layer",
            &["ScanDataLayer_SlideThumbnail", "ScanDataLayer_SlideBarcode", "ScanDataLayer_SlidePreview"],
        ),
        ("StitchingIntensityLayer", &["StitchingIntensityLevel"]),
    ];
    for (layer, (name, values)) in layers.iter().enumerate() {
        let _ = writeln!(ini, "NONHIER_{layer}_NAME = {name}");
        let _ = writeln!(ini, "NONHIER_{layer}_COUNT = {}", values.len());
        let _ = writeln!(ini, "NONHIER_{layer}_SECTION = NONHIERLAYER_{layer}_SECTION");
        for (value, name) in values.iter().enumerate() {
            let _ = writeln!(ini, "NONHIER_{layer}_VAL_{value} = {name}");
            let _ = writeln!(
                ini,
                "NONHIER_{layer}_VAL_{value}_SECTION = NONHIERLAYER_{layer}_LEVEL_{value}_SECTION"
            );
        }
    }
}

fn levels(ini: &mut String, layout: &Layout, facts: &Facts) {
    let [r, g, b] = facts.background.map(u32::from);
    for level in 0..layout.levels {
        let scale = f64::from(1_u32 << level);
        let mpp = (facts.mpp * scale).to_string();
        let overlap = |overlap: u32| (f64::from(overlap) / scale).to_string();
        section(
            ini,
            &format!("LAYER_0_LEVEL_{level}_SECTION"),
            &[
                ("IMAGE_FILL_COLOR_BGR", (b << 16 | g << 8 | r).to_string()),
                ("MICROMETER_PER_PIXEL_X", mpp.clone()),
                ("MICROMETER_PER_PIXEL_Y", mpp),
                ("DIGITIZER_WIDTH", layout.x.image.to_string()),
                ("DIGITIZER_HEIGHT", layout.y.image.to_string()),
                ("OVERLAP_X", overlap(layout.x.overlap())),
                ("OVERLAP_Y", overlap(layout.y.overlap())),
                ("IMAGE_CONCAT_FACTOR", u32::from(level > 0).to_string()),
                ("IMAGE_FORMAT", "JPEG".into()),
                ("IMAGE_COMPRESSION_FACTOR", QUALITY.to_string()),
            ],
        );
    }
}
