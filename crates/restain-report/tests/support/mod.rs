//! A batch of drawn smears, as its report knows it, and folders of a training and of an evaluation.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, RgbImage};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use restain_quality::{Check, Examination, Region};
use restain_report::{BatchReport, Look, Pictures, Recipe, SlideReport, Status};
use restain_stain::histogram::Histogram;
use serde_json::{Map, Value, json};

/// A name that a page must not run.
pub(crate) const SCRIPT: &str = "<script>alert(1)</script>";

/// Colours of glass, cytoplasm (two of them) and nucleus.
type Stain = [[u8; 3]; 4];
const BEFORE: Stain = [[243, 240, 247], [214, 172, 205], [170, 178, 214], [92, 62, 122]];
const AFTER: Stain = [[236, 240, 243], [233, 164, 120], [128, 186, 188], [58, 58, 104]];

/// Drawn cells, the same of a seed in every stain.
fn cells(seed: u64, (width, height): (u32, u32), size: f64, stain: Stain) -> RgbImage {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut picture = RgbImage::from_pixel(width, height, image::Rgb(stain[0]));
    let count = (f64::from(width * height) / (size * size * 9.0)) as u32 + 1;
    for _ in 0..count {
        let middle =
            [random.random_range(0.0..f64::from(width)), random.random_range(0.0..f64::from(height))];
        let (radius, long, turn) = (
            size * random.random_range(0.7..1.3),
            random.random_range(1.0..1.6),
            random.random_range(0.0..3.1),
        );
        let cytoplasm = stain[1 + usize::from(random.random_bool(0.5))];
        let reach = (2.0 * radius) as i64 + 2;
        for (dx, dy) in (-reach..=reach).flat_map(|y| (-reach..=reach).map(move |x| (x, y))) {
            let (x, y) = (middle[0] as i64 + dx, middle[1] as i64 + dy);
            if !(0..i64::from(width)).contains(&x) || !(0..i64::from(height)).contains(&y) {
                continue;
            }
            let (sin, cos) = f64::sin_cos(turn);
            let across = (dx as f64 * cos + dy as f64 * sin) / (radius * long);
            let down = (dy as f64 * cos - dx as f64 * sin) / radius;
            let away = across.hypot(down);
            let colour = if away < 0.28 { stain[3] } else { cytoplasm };
            if away < 1.0 {
                let pixel = picture.get_pixel_mut(x as u32, y as u32);
                let thick = if away < 0.28 { 0.95 } else { 0.75 - 0.35 * away };
                for (level, dye) in pixel.0.iter_mut().zip(colour) {
                    *level = (f64::from(*level) * (1.0 - thick) + f64::from(dye) * thick) as u8;
                }
            }
        }
    }
    picture
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(picture).expect("a picture");
    bytes
}

/// What `BatchReport::html` asks for.
pub(crate) fn pictures(slide: &SlideReport) -> Pictures {
    let seed = seed(&slide.name);
    let size = if seed.is_multiple_of(3) { (340, 512) } else { (512, 400) };
    let whole = [BEFORE, AFTER].map(|stain| jpeg(&cells(seed, size, 11.0, stain)));
    let fired = slide.flags.iter().filter(|flag| !["kind", "unexamined"].contains(&flag.as_str()));
    let region = |index: u64| Region { x: 1280 + 256 * index as i64, y: 7424, width: 256, height: 256 };
    let regions = fired.flat_map(|flag| {
        (0..3).map(move |index| {
            let pair = [BEFORE, AFTER].map(|stain| jpeg(&cells(seed + index, (128, 128), 34.0, stain)));
            (flag.clone(), region(index), pair)
        })
    });
    Pictures { whole, regions: regions.collect() }
}

fn seed(name: &str) -> u64 {
    name.bytes().map(u64::from).sum()
}

fn histogram(seed: u64, stain: Stain) -> Histogram {
    let mut histogram = Histogram::new();
    histogram.add(cells(seed, (256, 256), 11.0, stain).as_raw());
    histogram
}

const CLEAN: [(&str, f64, f64, &str); 10] = [
    ("structure", 0.912, 0.7, "Structures are kept everywhere (SSIM 0.91 at least)."),
    ("displacement", 0.0, 3.0, "What was compared lies in its place."),
    (
        "sharpness",
        0.81,
        0.25,
        "The output is as sharp as the slide (it has 81% of its fine detail at least).",
    ),
    ("hallucination", 0.0004, 0.01, "The output shows no edges that are not in the slide."),
    ("noise", 1.3, 6.0, "Where the slide is smooth, so is the output."),
    ("red-blue", 0.42, -0.8, "No place has exchanged red and blue (cosine 0.42 at least)."),
    (
        "mask",
        0.124,
        0.45,
        "Red became the strongest colour, or ceased to be it, on 12% of the tissue: as a change of style may.",
    ),
    ("clipping", 0.001, 0.05, "Colours newly end at black or full light on 0.1% of a region at most."),
    ("background", 2.2, 9.0, "Empty glass has no new tint (2 in a* and b* of CIELAB at most)."),
    ("kind", 0.7, 1.5, "The slide is of a kind that the model knows (0.7 times their own distance)."),
];

const FIRED: [(&str, f64, &str); 4] = [
    ("structure", 0.41, "In some place the output shows another structure than the slide (SSIM 0.41)."),
    ("displacement", 14.0, "A part of the output lies 14 px beside its place."),
    (
        "red-blue",
        -0.93,
        "What was warm has become cold, or the other way round, in some place (cosine -0.93).",
    ),
    (
        "kind",
        3.8,
        "THE MODEL DOES NOT KNOW SLIDES OF THIS KIND: it is 3.8 times as far from them as they are from each other. Do not trust the output.",
    ),
];

fn examination(name: &str, flags: &[&str]) -> Examination {
    let seed = seed(name);
    let check = |&(name, value, threshold, why): &(&str, f64, f64, &str)| {
        let fired = FIRED.iter().find(|fired| fired.0 == name && flags.contains(&name));
        let (value, why) = fired.map_or((value, why), |fired| (fired.1, fired.2));
        Check {
            name: name.to_owned(),
            value: (name != "noise").then_some(value),
            threshold,
            fired: fired.is_some(),
            why: if name == "noise" { "Nothing could be measured.".to_owned() } else { why.to_owned() },
            regions: vec![],
        }
    };
    let before = 0.1 + seed as f64 % 17.0 / 100.0;
    Examination {
        checks: CLEAN.iter().map(check).collect(),
        histograms: [BEFORE, AFTER].map(|stain| histogram(seed, stain)),
        distance: Some([before, if flags.contains(&"kind") { before * 1.4 } else { before / 6.0 }]),
        background: [0.612, 0.598],
        thumbnails: Default::default(),
    }
}

fn slide(name: &str, status: Status, flags: &[&str]) -> SlideReport {
    let done = status == Status::Done;
    let seconds = if done { 312.0 + seed(name) as f64 % 97.0 } else { 4.2 };
    let stages = [
        ("read", 88.0),
        ("stain", 21.4),
        ("generate", 561.7),
        ("reassemble", 9.3),
        ("encode", 44.1),
        ("write", 6.2),
    ];
    let examined = done && !flags.contains(&"unexamined");
    SlideReport {
        name: name.to_owned(),
        status,
        flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
        error: None,
        attempts: 1,
        ended: Some(1_795_651_200_000),
        seconds,
        bytes: if done { 812_400_000 } else { 0 },
        look: done.then(|| Look {
            recipe: 0,
            size: [82_432, 61_184],
            mpp: Some([0.25, 0.25]),
            mp_per_s: 5043.5 / seconds,
            stage_seconds: stages.map(|(name, seconds)| (name.to_owned(), seconds)).into(),
            examination: examined.then(|| examination(name, flags)),
        }),
    }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { unreachable!("an object") };
    object
}

/// So many slides without a fault, and some of every other kind.
pub(crate) fn batch(clean: usize) -> BatchReport {
    let mut slides = vec![
        slide("smear-0413", Status::Done, &["kind"]),
        slide("smear-0417", Status::Done, &["displacement", "structure"]),
        slide("smear-0421", Status::Done, &["red-blue"]),
        SlideReport {
            error: Some("the output does not say what of the slide it shows: missing field `source`; is it one of restain's?".into()),
            ..slide("smear-0423", Status::Done, &["unexamined"])
        },
        SlideReport {
            error: Some("smear-0430.mrxs: Data0003.dat is missing; a MIRAX slide is the .mrxs file and the folder of the same name".into()),
            attempts: 2,
            ..slide("smear-0430", Status::Failed, &[])
        },
        slide("smear-0431", Status::Due, &[]),
        slide(SCRIPT, Status::Done, &[]),
    ];
    slides.extend((0..clean).map(|index| slide(&format!("smear-{:04}", 500 + index), Status::Done, &[])));
    slides.sort_by(|a, b| a.name.cmp(&b.name));
    let count = |status| slides.iter().filter(|slide| slide.status == status).count() as u64;
    let seconds: f64 = slides.iter().map(|slide| slide.seconds).sum();
    let pixels = 82_432 * 61_184 * count(Status::Done);
    BatchReport {
        restain: "0.1.0".into(),
        written: 1_795_651_260_000,
        done: count(Status::Done),
        failed: count(Status::Failed),
        due: count(Status::Due),
        flagged: slides.iter().filter(|slide| slide.is_flagged()).count() as u64,
        pixels,
        seconds,
        mp_per_s: pixels as f64 / 1e6 / seconds,
        recipes: vec![Recipe {
            model: object(json!({
                "name": "cric-l1-soft",
                "sha256": "4be1d6b7c7f1e6f2a9d0c35f8a7b4e11920d3c4b5a69788796a5b4c3d2e1f001",
                "kernels": "avx512, bf16",
            })),
            card: Some(object(json!({
                "name": "cric-l1-soft",
                "architecture": "restain-g-unet-6",
                "base": 32,
                "source_style": "CRIC, conventional Pap smears",
                "trained_on": "177 of 200 fields of the CRIC Cervix collection",
                "licence": "weights MIT OR Apache-2.0; data CC BY 4.0",
                "mpp": 0.263,
                "input": ["soft mask"],
                "held_out": {"fields": 23.0, "l1": 6.764_534, "psnr": 29.053_843, "ssim": 0.9679},
            }))),
            settings: object(json!({
                "gray": "slide", "compression": "jpeg", "quality": 90, "subsampling": "4:4:4", "level": null,
                "precision": "bf16", "tile": {"core": 1024},
            })),
            style: Some(histogram(7, AFTER)),
        }],
        slides,
    }
}

/// The page about a batch.
pub(crate) fn html(report: &BatchReport) -> String {
    let mut page = Vec::new();
    report.html(&mut page, &mut pictures).expect("a page");
    String::from_utf8(page).expect("text")
}

/// What `restain train` leaves after two stages.
pub(crate) fn training(folder: &Path) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut log = String::new();
    for step in 1..=1500_u32 {
        let time = f64::from(step);
        let mut noisy = |value: f64| value * random.random_range(0.7..1.4);
        let mut line = json!({
            "step": step, "stage": 1 + u32::from(step > 1000), "l1": noisy(0.02 + 0.3 / time.sqrt()),
            "gan1": noisy(2.0), "d1": noisy(0.8), "g": noisy(7.0), "learning_rate": 1e-4 * (1.0 - time / 1501.0),
            "seconds": 0.9, "patches_per_second": 4.0, "waited": 0.01,
        });
        if step > 1000 {
            line["gan2"] = json!(noisy(4.0));
            line["d2"] = json!(noisy(0.05));
        }
        log += &(line.to_string() + "\n");
    }
    fs::write(folder.join("log.jsonl"), log + "{\"step\": 1501, \"sta").expect("a file");
    fs::create_dir(folder.join("pictures")).expect("a folder");
    for step in (100..=1500).step_by(100) {
        let picture = cells(4, (768, 384), 30.0, if step > 700 { AFTER } else { BEFORE });
        let path = folder.join(format!("pictures/step-{step:06}.png"));
        picture.save_with_format(path, image::ImageFormat::Png).expect("a file");
    }
    let scores = |l1: f64| json!({"l1": l1, "psnr": 29.05, "ssim": 0.9679});
    let field = |l1: f64| json!({"model": scores(l1), "kept": scores(l1 - 1.0), "gray": scores(11.6)});
    let mut evaluation = field(6.76);
    evaluation["kept"]["psnr"] = Value::Null;
    evaluation["fields"] = json!([field(5.0), field(8.5)]);
    fs::write(folder.join("eval.json"), evaluation.to_string()).expect("a file");
    let card = json!({"name": "lab-gan12", "source_style": "our <b>lab</b>", "held_out": {"l1": 6.76}});
    let metadata = Some([("restain".to_owned(), card.to_string())].into());
    let empty = BTreeMap::<String, safetensors::tensor::TensorView<'_>>::new();
    fs::write(
        folder.join("lab-gan12.safetensors"),
        safetensors::serialize(empty, metadata).expect("a model"),
    )
    .expect("a file");
    fs::write(folder.join("state.safetensors"), "none of the page's business").expect("a file");
}

/// What `restain evaluate` leaves of two benchmarks.
pub(crate) fn evaluation(folder: &Path) {
    let benchmark = |name: &str, title: &str| json!({"name": name, "title": title, "rows": []});
    let results = json!({"version": 1, "benchmarks": [benchmark("A", "A, colours only"), benchmark("B", "B, another lab")]});
    fs::write(folder.join("results.json"), results.to_string()).expect("a file");
    let table = "### Accuracy\n\n| | accuracy | AUC |\n| --- | ---: | ---: |\n| Color | 83.5 ± 0.9 | - |\n| Gray <b>x</b> | 78.1 ± 0.5 | 88.9 ± 1.0 |\n";
    let tables = format!(
        "# Evaluation\n\nMade by `restain evaluate`. <img src=x onerror=alert(1)> [a link](http://example.org)\n\n\
        ## A, colours only\n\n{table}\n## B, another lab\n\n{table}"
    );
    fs::write(folder.join("results.md"), tables).expect("a file");
    let line =
        restain_plot::Line { title: "Color".into(), points: vec![(0.0, 50.0), (100.0, 83.0), (200.0, 83.5)] };
    let plot =
        restain_plot::curves("Accuracy", ["steps of training", "accuracy, %"], &[line], &[]).expect("a plot");
    for name in ["A-accuracy.svg", "A-checkpoints.svg", "B-accuracy.svg"] {
        fs::write(folder.join(name), &plot).expect("a file");
    }
    let mut png = Vec::new();
    let panel = cells(4, (520, 260), 24.0, AFTER);
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(panel.as_raw(), 520, 260, image::ExtendedColorType::Rgb8)
        .expect("a picture");
    fs::write(folder.join("A-panel.png"), png).expect("a file");
    fs::write(folder.join("A-panel.md"), "Rows from top to bottom:\n\n1. Color\n2. Gray\n").expect("a file");
}
