//! What is demanded of each parser, whatever it reads: no panic, and what it takes survives being written and read again.
//!
//! The fuzz targets run it on what libFuzzer makes up, and the tests (`crates/restain/tests/seeds.rs`) on the files of `seeds`.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use restain_batch::inputs::parse_manifest;
use restain_batch::message::{Answer, Request};
use restain_batch::names::{format_mapping, parse_mapping};
use restain_batch::{BatchConfig, Findings, Record, RunState, Shard, Summary};
use restain_data::{Manifest, Shape, Source, parse_annotations};
use restain_net::{Checkpoint, DeviceChoice, ResNet, Storage, TaskWeights};
use restain_pipeline::{Region, Settings, Style};
use restain_report::{BatchReport, Pictures};
use restain_stain::quantile::QuantileMap;
use restain_train::TrainConfig;
use restain_train::task::TaskConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The name of a target, and what it does with the bytes of an input.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Each target by its name: it tells whether its input was taken.
pub const TARGETS: [Target; 19] = [
    ("annotations", annotations),
    ("arguments", arguments),
    ("batch_config", batch_config),
    ("dataset", dataset),
    ("evaluation", evaluation),
    ("findings", findings),
    ("manifest", manifest),
    ("mapping", mapping),
    ("messages", messages),
    ("model", model),
    ("points", points),
    ("pyramid", pyramid),
    ("records", records),
    ("results", results),
    ("settings", settings),
    ("style", style),
    ("task_weights", task_weights),
    ("training", training),
    ("training_state", training_state),
];

/// Annotations of `QuPath`: every place lies on a slide, and that of an outline within it.
pub fn annotations(data: &[u8]) -> bool {
    let Some(annotations) = text(data).and_then(|text| parse_annotations(text, file()).ok()) else {
        return false;
    };
    for annotation in annotations {
        assert!(annotation.object > 0 && !annotation.class.trim().is_empty());
        match annotation.shape {
            Shape::Point(at) => assert!(at.iter().all(|along| along.is_finite())),
            Shape::Polygon(polygon) => {
                let centre = polygon.centre();
                for axis in 0..2 {
                    let along = polygon.points().map(|point| point[axis]);
                    let (least, most) =
                        along.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), at| (a.min(at), b.max(at)));
                    let hair = 1e-6 * (1.0 + least.abs().max(most.abs()));
                    assert!(
                        (least - hair..=most + hair).contains(&centre[axis]),
                        "{centre:?} of {polygon:?}"
                    );
                }
            }
        }
    }
    true
}

/// Words of the command line.
pub fn arguments(data: &[u8]) -> bool {
    let Some(text) = text(data) else { return false };
    let shard = text.parse::<Shard>();
    if let Ok(shard) = &shard {
        assert_eq!(shard.to_string().parse::<Shard>().ok(), Some(*shard));
        assert!(shard.of(vec![(); 9]).len() <= 9);
    }
    let region = text.parse::<Region>();
    if let Ok(Region { width, height, .. }) = region {
        assert!(width > 0 && height > 0);
    }
    let subsampling = text.parse::<restain_tiff::Subsampling>();
    if let Ok(subsampling) = subsampling {
        assert_eq!(subsampling.to_string().parse().ok(), Some(subsampling));
    }
    let device = text.parse::<DeviceChoice>();
    shard.is_ok() || region.is_ok() || subsampling.is_ok() || device.is_ok()
}

/// The run file of a batch.
pub fn batch_config(data: &[u8]) -> bool {
    parse_yaml(data, |text| BatchConfig::parse(text, file()))
}

/// The manifest of a dataset in YAML, and its parts.
pub fn dataset(data: &[u8]) -> bool {
    if let Some(split) = text(data)
        .and_then(|text| Manifest::parse(text, Path::new("data.yaml")).ok())
        .and_then(|manifest| manifest.split)
    {
        let groups = BTreeSet::from(["a", "b", "c"]);
        if let Ok(parts) = split.assign(&groups) {
            assert!(parts.keys().copied().eq(groups));
        }
    }
    parse_yaml(data, |text| Manifest::parse(text, Path::new("data.yaml")))
}

/// The configuration of an evaluation.
pub fn evaluation(data: &[u8]) -> bool {
    parse_yaml(data, |text| restain_evaluate::config::Config::parse(text, file()))
}

/// What comparisons of outputs with their slides have found, and what reports and summaries say of it: there is a page about
/// whatever is taken.
pub fn findings(data: &[u8]) -> bool {
    let findings = Findings::parse(data);
    if let Some(findings) = &findings {
        assert!(Findings::parse(&to_json(findings)).is_some());
        findings.pictures();
    }
    let report = BatchReport::parse(data);
    if let Some(report) = &report {
        let json = report.json().expect("figures");
        let again = BatchReport::parse(&json).expect("it was just written");
        assert_eq!(again.json().expect("figures"), json);
        report.html(&mut std::io::sink(), &mut |_| Pictures::default()).expect("a page");
    }
    let summary = Summary::parse(data);
    if let Some(summary) = &summary {
        assert!(Summary::parse(&to_json(summary)).is_some());
    }
    findings.is_some() || report.is_some() || summary.is_some()
}

/// The manifest of a batch: each slide has an output of its own in the output folder, and a scale that JSON can tell.
pub fn manifest(data: &[u8]) -> bool {
    let Ok(items) = parse_manifest(data, Path::new("scans/slides.csv")) else { return false };
    for item in &items {
        assert!(!item.name.is_empty() && !item.name.contains('/'), "{item:?}");
        assert_ne!(item.slide.parent(), None, "{item:?}");
        assert!(item.own.level.is_none() || item.own.mpp.is_none(), "{item:?}");
        assert_eq!(from_json::<restain_batch::inputs::Own>(&to_json(&item.own)), item.own);
    }
    !items.is_empty()
}

/// Which slide became which output.
pub fn mapping(data: &[u8]) -> bool {
    let Ok(Some(lines)) = parse_mapping(data) else { return false };
    let csv = format_mapping(&lines).expect("it is written to memory");
    assert_eq!(parse_mapping(&csv[..]).expect("it was just written"), Some(lines));
    true
}

/// What a supervisor and its worker say to each other.
pub fn messages(data: &[u8]) -> bool {
    let request = serde_json::from_slice::<Request>(data).inspect(survives_json);
    let answer = serde_json::from_slice::<Answer>(data).inspect(survives_json);
    request.is_ok() || answer.is_ok()
}

/// A model with its card.
pub fn model(data: &[u8]) -> bool {
    let Ok(model) = Checkpoint::from_bytes(file(), data) else { return false };
    let bytes = model.to_bytes(Storage::F32).expect("its parameters are finite");
    let again = Checkpoint::from_bytes(file(), &bytes).expect("it was just written");
    assert_eq!(again.parameters.len(), model.parameters.len());
    assert_eq!(again.to_bytes(Storage::F32).expect("its parameters are finite"), bytes);
    true
}

/// A table of points in images, without the images.
pub fn points(data: &[u8]) -> bool {
    let Some(text) = text(data) else { return false };
    let Ok(manifest) = Manifest::parse(text, Path::new("points.csv")) else { return false };
    let [Source::Points(columns)] = &manifest.sources[..] else { panic!("a table is one source of points") };
    let Ok(rows) = columns.parse_table(text, file()) else { return false };
    for row in &rows {
        assert!(row.line > 0 && !row.image.is_empty() && row.group.as_deref() != Some(""), "{row:?}");
        assert_eq!(row.at.is_some(), columns.x.is_some() && columns.y.is_some(), "{row:?}");
        assert!(row.at.iter().flatten().all(|along| along.is_finite()), "{row:?}");
    }
    !rows.is_empty()
}

/// An output: as it is, and as if all checksums but those of tiles were right, so that what they guard is read too.
pub fn pyramid(data: &[u8]) -> bool {
    let verify = |bytes: &[u8]| {
        let open = || Ok(Cursor::new(bytes));
        restain_tiff::verify_opened(file(), &open, &AtomicBool::new(false))
    };
    if let Ok(found) = verify(data) {
        assert_eq!(found.bytes, data.len() as u64);
        return true;
    }
    seal(data).is_some_and(|sealed| verify(&sealed).is_ok())
}

/// What is known of a slide, and what a batch says of itself.
pub fn records(data: &[u8]) -> bool {
    let record = Record::parse(data);
    record.iter().for_each(survives_json);
    let run = RunState::parse(data);
    if let Some(run) = &run {
        survives_json(run);
        assert!(run.due() <= run.total);
        assert!(run.silent_seconds() >= 0.0);
        let _ = (run.mp_per_s(), run.seconds_left());
    }
    record.is_some() || run.is_some()
}

/// results.json, and the report of it.
pub fn results(data: &[u8]) -> bool {
    let Ok(results) = restain_evaluate::Results::parse(data, file()) else { return false };
    let again = restain_evaluate::Results::parse(&to_json(&results), file()).expect("it was just written");
    assert_eq!(again, results);
    restain_evaluate::report(&results);
    true
}

/// The settings of a run; a batch passes those that it takes on as JSON.
pub fn settings(data: &[u8]) -> bool {
    if let Some(settings) = text(data).and_then(|text| Settings::parse(text, file()).ok())
        && settings.check().is_ok()
    {
        assert_eq!(from_json::<Settings>(&to_json(&settings)), settings);
    }
    parse_yaml(data, |text| Settings::parse(text, file()))
}

/// A style, and what is made of it.
pub fn style(data: &[u8]) -> bool {
    let Ok(style) = Style::from_json(data) else { return false };
    let json = style.to_json().expect("it is written to memory");
    assert_eq!(Style::from_json(&json).as_ref(), Ok(&style));
    let standard = style.standard().expect("it has pixels");
    let means = standard.white.into_iter().chain(standard.dark.into_iter().flatten());
    assert!(means.into_iter().all(|mean| (0.0..=255.0).contains(&mean)), "{standard:?}");
    QuantileMap::fit(style.histogram(), style.histogram()).expect("it has pixels");
    true
}

/// The weights of a task network.
pub fn task_weights(data: &[u8]) -> bool {
    let read = |classes| TaskWeights::from_bytes(file(), data, ResNet::R18.with_width(1), classes);
    let (whole, backbone) = (read(Some(2)), read(None));
    assert!(whole.is_err() || backbone.is_ok());
    backbone.is_ok()
}

/// The configuration of a training of G, or of T.
pub fn training(data: &[u8]) -> bool {
    parse_yaml(data, |text| TrainConfig::parse(text, file()))
        | parse_yaml(data, |text| TaskConfig::parse(text, file()))
}

/// The state of a training.
pub fn training_state(data: &[u8]) -> bool {
    restain_train::parse_state::<serde_json::Value>(data, file()).is_ok()
}

/// The name of the input in errors.
fn file() -> &'static Path {
    Path::new("input")
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Parses YAML; what is taken is the same once written and read again.
fn parse_yaml<T: Serialize, E: Debug>(data: &[u8], parse: impl Fn(&str) -> Result<T, E>) -> bool {
    let Some(value) = text(data).and_then(|text| parse(text).ok()) else { return false };
    let yaml = |value: &T| serde_yaml::to_string(value).expect("it is text");
    let written = yaml(&value);
    match parse(&written) {
        Ok(again) => assert_eq!(yaml(&again), written),
        Err(error) => panic!("{error:?} in what was written: {written}"),
    }
    true
}

fn survives_json<T: Serialize + DeserializeOwned>(value: &T) {
    let json = to_json(value);
    assert_eq!(to_json(&from_json::<T>(&json)), json);
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is text")
}

fn from_json<T: DeserializeOwned>(json: &[u8]) -> T {
    serde_json::from_slice(json).expect("it was just written")
}

/// A file with the right checksums of its directories and of its checksums, where it is long enough to have any;
/// crates/restain-tiff/src/sums.rs tells where they are.
fn seal(data: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = data.to_vec();
    let (content, end) = sealed.split_at_mut_checked(data.len().checked_sub(24)?)?;
    let at = usize::try_from(u64::from_le_bytes(end[..8].try_into().ok()?)).ok()?;
    let (file, block) = content.split_at_mut_checked(at)?;
    let sum = block.len().checked_sub(4)?;
    let tiles_end = block[..sum].last_chunk().map(|end| u64::from_le_bytes(*end))?;
    let directories = file.get(usize::try_from(tiles_end).ok()?..).unwrap_or_default();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(file.get(..16)?);
    hasher.update(directories);
    block[sum..].copy_from_slice(&hasher.finalize().to_le_bytes());
    end[8..12].copy_from_slice(&crc32fast::hash(block).to_le_bytes());
    Some(sealed)
}
