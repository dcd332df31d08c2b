//! bf16 stays near f32, on real fields with the shipped model.

mod common;

use common::{normalize, read, settings};
use restain_net::Precision;
use restain_pipeline::Settings;
use restain_slide::Extent;

#[test]
fn bf16_is_at_most_three_grey_levels_away() {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax(folder.path(), 1500, 1100, 1.0);
    let [single, half] = [Precision::F32, Precision::Bf16].map(|precision| {
        let output = folder.path().join(format!("{precision:?}.tif"));
        let settings = Settings { precision, model: None, ..settings("", 1024) };
        normalize(&slide, &output, &settings).unwrap();
        read(&output, 0, Extent::Full)
    });
    assert!(single.deviation() > 15.0, "a flat picture proves nothing: {}", single.deviation());
    let (largest, share) = common::difference(&single, &half);
    let differences = single.rgb.iter().zip(&half.rgb).map(|(a, b)| f64::from(a.abs_diff(*b)));
    let mean = differences.sum::<f64>() / single.rgb.len() as f64;
    println!("{largest} at most, {mean:.4} on average, {share:.4} of the pixels differ");
    assert!(largest <= 3 && mean <= 0.3, "{largest}, {mean}");
    assert!(share > 0.0, "both ran in the same precision");
}
