//! Real collections, where they are at hand.

use std::path::PathBuf;

use restain_data::{Dataset, Label};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

fn load(name: &str, manifest: &str) -> Option<Dataset> {
    let folder = PathBuf::from(DATA).join(name);
    if !folder.is_dir() {
        eprintln!("SKIPPED: there are no real images at {}", folder.display());
        return None;
    }
    let manifest: restain_data::Manifest = serde_yaml::from_str(manifest).unwrap();
    Some(Dataset::build(&manifest, &folder).unwrap())
}

#[test]
fn cric() {
    let Some(dataset) = load(
        "cric",
        "patches: {side: 128, mpp: 0.25}\n\
         sources: [{points: {path: fields, table: cells.csv, image: field, x: x_px, y: y_px, label: label, \
         class: bethesda, mpp: 0.245}}]\n\
         split: {shares: {seed: 1, parts: {train: 0.8, test: 0.2}}}\n",
    ) else {
        return;
    };
    assert_eq!((dataset.samples().len(), dataset.groups().len()), (4753, 200));
    let abnormal = dataset.samples().iter().filter(|sample| sample.label == Some(Label::Abnormal)).count();
    assert_eq!(abnormal, 71 + 357 + 160 + 414 + 72);
    let parts = dataset.split_as_stated().unwrap();
    assert_eq!(parts.values().map(|part| part.samples().len()).sum::<usize>(), 4753);
    let patch = parts["test"].draw(1, 0, 0).unwrap();
    assert_eq!((patch.rgb.len(), patch.side), (3 * 128 * 128, 128));
}

#[test]
fn herlev() {
    let Some(dataset) = load(
        "herlev",
        "patches: {side: 64, balance: label}\n\
         sources: [{classes: {path: ., mpp: 0.201, labels: {normal_columnar: normal, normal_intermediate: normal, \
         normal_superficiel: normal, light_dysplastic: abnormal, moderate_dysplastic: abnormal, \
         severe_dysplastic: abnormal, carcinoma_in_situ: abnormal}}}]\n",
    ) else {
        return;
    };
    assert_eq!((dataset.samples().len(), dataset.groups().len()), (741, 741));
    dataset.samples().iter().for_each(|sample| assert!(!dataset.read(sample).unwrap().rgb.is_empty()));
}
