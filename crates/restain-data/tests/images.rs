//! Patches of images: their places, edges, labels, and how they are drawn.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Desk, colour, pixel};
use restain_data::{Dataset, Kind, Label, Place};

const TABLE: &str = "image,cell,x,y,bethesda,label\n\
                     a.png,1,20,30,NILM,normal\n\
                     b.png,2,50.5,10,HSIL,abnormal\n\
                     a.png,3,2,1,NILM,normal\n";

/// Two images of 100 x 60 px with three points.
fn points(patches: &str) -> (Desk, String) {
    let desk = Desk::new();
    desk.image("fields/a.png", 100, 60);
    desk.image("fields/b.png", 100, 60);
    desk.write("cells.csv", TABLE);
    let manifest = format!(
        "patches: {patches}\nsources:\n  - points: {{path: fields, table: cells.csv, image: image, x: x, y: y, \
         label: label, class: bethesda, mpp: 0.5}}\n"
    );
    (desk, manifest)
}

#[test]
fn points_become_patches_about_them() {
    let (desk, manifest) = points("{side: 8}");
    let dataset = desk.load(&manifest).unwrap();
    let told: Vec<_> = dataset
        .samples()
        .iter()
        .map(|sample| {
            assert_eq!(sample.picture.kind, Kind::Image);
            (sample.centre(), &*sample.class, sample.label, &*sample.group)
        })
        .collect();
    assert_eq!(
        told,
        [
            ([2.0, 1.0], "NILM", Some(Label::Normal), "a.png"),
            ([20.0, 30.0], "NILM", Some(Label::Normal), "a.png"),
            ([50.5, 10.0], "HSIL", Some(Label::Abnormal), "b.png"),
        ]
    );
    let patch = dataset.read(&dataset.samples()[1]).unwrap();
    assert_eq!((patch.side, patch.label, &*patch.group), (8, Some(Label::Normal), "a.png"));
    for y in 0..8 {
        for x in 0..8 {
            assert_eq!(pixel(&patch.rgb, 8, x, y), colour(16 + x as u32, 26 + y as u32));
        }
    }
}

#[test]
fn padding_by_closed_form() {
    // The patch of 8 px about 2, 1 begins at -2, -3.
    let patch = |padding: &str| {
        let (desk, manifest) = points(&format!("{{side: 8, padding: {padding}}}"));
        let dataset = desk.load(&manifest).unwrap();
        (dataset.read(&dataset.samples()[0]).unwrap().rgb, dataset.samples().len(), dataset.skipped())
    };
    let (reflected, ..) = patch("reflect");
    let (white, ..) = patch("white");
    for (y, shown_y) in (-3_i32..5).enumerate() {
        for (x, shown_x) in (-2_i32..6).enumerate() {
            assert_eq!(pixel(&reflected, 8, x, y), colour(shown_x.unsigned_abs(), shown_y.unsigned_abs()));
            let inside = shown_x >= 0 && shown_y >= 0;
            let expected = if inside { colour(shown_x as u32, shown_y as u32) } else { [255; 3] };
            assert_eq!(pixel(&white, 8, x, y), expected);
        }
    }
    let (first, samples, skipped) = patch("skip");
    assert_eq!((samples, skipped), (2, 1));
    assert_eq!(pixel(&first, 8, 0, 0), colour(16, 26));
}

#[test]
fn a_patch_larger_than_its_image_is_mirrored_again_and_again() {
    let desk = Desk::new();
    desk.image("few/small.png", 3, 2);
    let dataset = desk.load("patches: {side: 16}\nsources: [{folder: {path: few}}]\n").unwrap();
    let patch = dataset.whole().draw(1, 2, 3).unwrap();
    // Centre 1.5, 1: from -6, -7. A row of three repeats every 4 px, a column of two every 2.
    let (row, column) = ([0, 1, 2, 1], [0, 1]);
    for y in 0..16_i32 {
        for x in 0..16_i32 {
            let shown = colour(row[(x - 6).rem_euclid(4) as usize], column[(y - 7).rem_euclid(2) as usize]);
            assert_eq!(pixel(&patch.rgb, 16, x as usize, y as usize), shown, "{x} {y}");
        }
    }
}

#[test]
fn patches_are_brought_to_their_scale() {
    // Of 0.5 micrometres a pixel: 20 px make 10 px of 1.0, and a ramp stays a ramp of twice the slope.
    let (desk, manifest) = points("{side: 10, mpp: 1.0}");
    let dataset = desk.load(&manifest).unwrap();
    let patch = dataset.read(&dataset.samples()[1]).unwrap();
    for y in 1..9 {
        for x in 1..9 {
            let [red, green, _] = pixel(&patch.rgb, 10, x, y);
            // Output pixel x covers the input pixels 10 + 2 x and 11 + 2 x.
            assert!((f64::from(red) - (10.5 + 2.0 * x as f64)).abs() <= 0.5, "{red} at {x}");
            assert!((f64::from(green) - (20.5 + 2.0 * y as f64)).abs() <= 0.5, "{green} at {y}");
        }
    }
    let unknown = manifest.replace(", mpp: 0.5", "");
    desk.fails(&unknown, &["a.png", "micrometres", "state `mpp`"]);
    let microscopic = manifest.replace("mpp: 1.0", "mpp: 0.01");
    desk.fails(&microscopic, &["a.png", "choose a nearer `mpp`"]);
}

#[test]
fn classes_are_folders() {
    let desk = Desk::new();
    desk.image("cells/normal_columnar/deep/1.png", 20, 20);
    desk.image("cells/carcinoma/1.png", 20, 20);
    desk.image("cells/artefact/1.png", 20, 20);
    let labels = "normal_columnar: normal, carcinoma: abnormal, artefact: ignore";
    let dataset =
        desk.load(&format!("sources: [{{classes: {{path: cells, labels: {{{labels}}}}}}}]")).unwrap();
    let told: Vec<_> =
        dataset.samples().iter().map(|s| (&*s.class, s.label, &*s.group, s.place.clone())).collect();
    assert_eq!(
        told,
        [
            ("carcinoma", Some(Label::Abnormal), "carcinoma/1.png", Place::Middle),
            ("normal_columnar", Some(Label::Normal), "normal_columnar/deep/1.png", Place::Middle),
        ]
    );
    let two = "normal_columnar: normal, carcinoma: abnormal";
    desk.fails(
        &format!("sources: [{{classes: {{path: cells, labels: {{{two}}}}}}}]"),
        &["artefact", "has no label"],
    );
    let four = format!("{labels}, candida: abnormal");
    desk.fails(
        &format!("sources: [{{classes: {{path: cells, labels: {{{four}}}}}}}]"),
        &["candida", "no such folder"],
    );
}

#[test]
fn a_csv_table_is_a_manifest() {
    let desk = Desk::new();
    desk.image("a.png", 30, 30);
    desk.image("b.png", 30, 30);
    // With a byte order mark, as spreadsheets write it.
    desk.write(
        "data.csv",
        "\u{feff}path,x,y,label,group\na.png,10,11,normal,P1\nb.png,12,13,,P2\nb.png,4,5,abnormal,P2\n",
    );
    let dataset = Dataset::load(desk.path("data.csv")).unwrap();
    let told: Vec<_> = dataset.samples().iter().map(|s| (s.centre(), s.label, &*s.group)).collect();
    assert_eq!(
        told,
        [
            ([10.0, 11.0], Some(Label::Normal), "P1"),
            ([4.0, 5.0], Some(Label::Abnormal), "P2"),
            ([12.0, 13.0], None, "P2"),
        ]
    );
    desk.write("images.csv", "path\na.png\nb.png\n");
    let dataset = Dataset::load(desk.path("images.csv")).unwrap();
    assert!(dataset.samples().iter().all(|s| s.place == Place::Middle && s.label.is_none()));
    assert_eq!(dataset.groups().len(), 2);
}

/// Images of one colour each, so that a patch tells where it is from: 30 normal, 3 abnormal, 2 without a label.
fn coloured(balance: &str) -> (Desk, Dataset) {
    let desk = Desk::new();
    let mut rows = vec!["path,label".to_owned()];
    for index in 0..35_u8 {
        let name = format!("{index:02}.png");
        image::RgbImage::from_pixel(6, 6, image::Rgb([index; 3])).save(desk.path(&name)).unwrap();
        let label = if index < 30 {
            "normal"
        } else if index < 33 {
            "abnormal"
        } else {
            ""
        };
        rows.push(format!("{name},{label}"));
    }
    desk.write("cells.csv", rows.join("\n"));
    let manifest = format!(
        "patches: {{side: 4, memory_limit: 1048576, balance: {balance}}}\nsources:\n  - points: {{table: cells.csv, label: label}}\n"
    );
    let dataset = desk.load(&manifest).unwrap();
    (desk, dataset)
}

#[test]
fn labels_are_balanced_where_asked() {
    let counts = |balance: &str| {
        let (_desk, dataset) = coloured(balance);
        let part = dataset.whole();
        let (mut labels, mut images) = (BTreeMap::new(), BTreeMap::new());
        for item in 0..3000 {
            let patch = part.draw(5, 1, item).unwrap();
            *labels.entry(patch.label).or_insert(0) += 1;
            *images.entry(patch.rgb[0]).or_insert(0) += 1;
        }
        (labels, images)
    };
    let (labels, images) = counts("label");
    assert_eq!(images.len(), 35);
    // Four standard deviations of 3000 draws.
    assert!(labels.values().all(|count| (900..1100).contains(count)), "{labels:?}");
    assert!((30..33).all(|index| (260..410).contains(&images[&index])), "{images:?}");
    let (labels, images) = counts("none");
    assert!((2480..2660).contains(&labels[&Some(Label::Normal)]), "{labels:?}");
    assert!(images.values().all(|count| (45..130).contains(count)), "{images:?}");
}

#[test]
fn what_is_drawn_depends_on_three_numbers() {
    let (_desk, dataset) = coloured("label");
    let (_other_desk, other) = coloured("label");
    let (a, b) = (dataset.whole(), other.whole());
    let drawn = |part: &restain_data::Part, seed, step| -> Vec<u8> {
        (0..50).map(|item| part.draw(seed, step, item).unwrap().rgb[0]).collect()
    };
    assert_eq!(drawn(&a, 1, 2), drawn(&b, 1, 2));
    assert_ne!(drawn(&a, 1, 2), drawn(&a, 1, 3));
    assert_ne!(drawn(&a, 1, 2), drawn(&a, 2, 2));
    // From many threads as from one.
    let one = drawn(&a, 7, 7);
    let many = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| drawn(&a, 7, 7))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(many.iter().all(|drawn| *drawn == one));
}

#[test]
fn anywhere_is_everywhere_inside() {
    let desk = Desk::new();
    desk.image("fields/a.png", 12, 10);
    let dataset =
        desk.load("patches: {side: 8, padding: skip}\nsources: [{folder: {path: fields}}]\n").unwrap();
    let part = dataset.whole();
    let mut corners = std::collections::BTreeSet::new();
    for item in 0..300 {
        let patch = part.draw(1, 1, item).unwrap();
        let [left, top, _] = pixel(&patch.rgb, 8, 0, 0);
        corners.insert((left, top));
        assert_eq!(pixel(&patch.rgb, 8, 7, 7), colour(u32::from(left) + 7, u32::from(top) + 7));
    }
    assert_eq!(corners.len(), 5 * 3);
}

#[test]
fn an_image_larger_than_the_memory_is_refused_by_its_head() {
    let desk = Desk::new();
    desk.image("fields/a.png", 700, 600);
    let manifest = "patches: {memory_limit: 1048576}\nsources: [{folder: {path: fields}}]\n";
    desk.fails(manifest, &["a.png", "700 x 600", "memory_limit"]);
    // A head that claims more pixels than there are in the world.
    let mut bytes = std::fs::read(desk.path("fields/a.png")).unwrap();
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    desk.write("fields/a.png", &bytes);
    desk.fails("sources: [{folder: {path: fields}}]\n", &["a.png"]);
}

/// CRC-32 as PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 },
        )
    })
}

#[test]
fn damaged_images_are_named() {
    let desk = Desk::new();
    desk.write("fields/empty.png", "");
    desk.fails("sources: [{folder: {path: fields}}]", &["empty.png"]);
    std::fs::remove_file(desk.path("fields/empty.png")).unwrap();
    let path = desk.path("fields/cut.jpg");
    image::RgbImage::from_fn(64, 64, |x, y| image::Rgb(colour(x * 4, y * 4))).save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    let dataset = desk.load("sources: [{folder: {path: fields}}]").unwrap();
    let error = dataset.whole().draw(1, 1, 1).unwrap_err().to_string();
    assert!(error.contains("cut.jpg") && error.contains("cut short"), "{error}");
    // Gone, or replaced by a smaller one, since it was found.
    std::fs::write(&path, &whole).unwrap();
    let dataset = desk.load("patches: {side: 32}\nsources: [{folder: {path: fields}}]").unwrap();
    image::RgbImage::new(8, 8).save(&path).unwrap();
    let errors: Vec<_> = (0..9).filter_map(|item| dataset.whole().draw(1, 1, item).err()).collect();
    assert!(errors.iter().any(|error| error.to_string().contains("another size")), "{errors:?}");
    std::fs::remove_file(&path).unwrap();
    assert!(desk.load("sources: [{folder: {path: fields}}]").is_err());
}

#[test]
fn paths_may_lead_upwards() {
    let desk = Desk::new();
    desk.image("fields/a.png", 12, 10);
    desk.write("below/data.yaml", "sources: [{folder: {path: ../fields}}]");
    assert_eq!(Dataset::load(desk.path("below/data.yaml")).unwrap().samples().len(), 1);
    assert!(Dataset::load(Path::new("nowhere.yaml")).unwrap_err().to_string().contains("nowhere.yaml"));
}
