//! What a model has seen: known pictures are near, others far, and a stranger's file does no harm.

use restain_stain::{
    error::Error,
    histogram::Histogram,
    reference::{Counts, Picture, Reference, is_tissue},
};

const GLASS: [u8; 3] = [240, 244, 250];

/// 600 x 600 px of glass at 0.5 micrometres, a third of it cells of about a colour.
fn picture(cells: [u8; 3], change: u8) -> Vec<u8> {
    let pixel = |i: usize| {
        let speckle = change + (i / 4 % 7) as u8;
        if i % 600 < 200 { cells.map(|value| value - speckle) } else { GLASS }
    };
    (0..600 * 600).flat_map(pixel).collect()
}

fn reference(cells: [u8; 3]) -> Reference {
    let pictures: Vec<Vec<u8>> = (0..5).map(|change| picture(cells, 3 * change)).collect();
    Reference::of(pictures.iter().map(|rgb| Picture { rgb, width: 600, mpp: 0.5 })).unwrap()
}

fn distance(reference: &Reference, cells: [u8; 3]) -> f64 {
    let mut counts = Counts::new();
    for &pixel in picture(cells, 4).as_chunks().0 {
        if is_tissue(pixel, GLASS.map(f64::from)) {
            counts.add(pixel, GLASS.map(f64::from));
        }
    }
    reference.distance(&counts.profile().unwrap()).unwrap()
}

#[test]
fn what_was_seen_is_near_and_what_was_not_is_far() {
    let reference = reference([90, 120, 180]);
    // 4 x 4 pixels become one.
    assert_eq!((reference.histogram.pixels(), reference.profiles.len()), (5 * 150 * 150, 5));
    assert_eq!(reference.background.map(|level| level as u8), GLASS);
    assert!(distance(&reference, [90, 120, 180]) < 1.0);
    assert!(distance(&reference, [180, 90, 120]) > 3.0);
}

#[test]
fn it_takes_three_pictures_with_cells() {
    let (cells, glass) = (picture([90, 120, 180], 0), GLASS.repeat(600 * 600));
    let of =
        |pictures: &[&[u8]]| Reference::of(pictures.iter().map(|&rgb| Picture { rgb, width: 600, mpp: 0.5 }));
    assert_eq!(of(&[&cells, &glass, &cells]), Err(Error::FewPictures(2)));
    assert_eq!(of(&[]), Err(Error::FewPictures(0)));
    assert_eq!(of(&[&cells, &glass, &cells, &cells]).unwrap().profiles.len(), 3);
    // Scales that nobody has, and pictures smaller than a pixel becomes.
    for mpp in [0.0, f64::NAN, f64::MIN_POSITIVE, f64::INFINITY] {
        let few = [GLASS, [9; 3], [9; 3]].concat();
        assert!(Reference::of([Picture { rgb: &few, width: 1, mpp }]).is_err());
    }
}

#[test]
fn a_style_tells_of_no_kind() {
    let style = Reference::of_style(Histogram::new(), [250.0; 3]);
    assert_eq!(style.distance(&reference([90, 120, 180]).profiles[0]), None);
    let json = serde_json::to_string(&style).unwrap();
    assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), style);
}

#[test]
fn a_file_is_what_was_measured_or_is_refused() {
    let whole = serde_json::to_value(reference([90, 120, 180])).unwrap();
    let read = |value: &serde_json::Value| serde_json::from_value::<Reference>(value.clone());
    assert_eq!(read(&whole).unwrap(), reference([90, 120, 180]));
    for (place, value) in [
        ("/background/0", -1.0),
        ("/background/2", 255.5),
        ("/profiles/1/mean/0", 3.0),
        ("/profiles/1/covariance/0/0", 0.0),
        ("/profiles/1/covariance/0/0", -0.1),
        ("/profiles/1/covariance/0/1", 0.9),
        ("/profiles/1/covariance/2/2", 1e300),
        ("/profiles/4/red", 1.01),
        ("/profiles/4/gray/3", -0.1),
        ("/profiles/4/gray/3", 0.9),
    ] {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(place).unwrap() = value.into();
        assert!(read(&damaged).is_err(), "{place}");
    }
    // Of no pixels: not symmetric, with a correlation above 1, flat along a line, nearly a point.
    for covariance in [
        [[0.1, 0.01, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1]],
        [[0.1, 0.2, 0.0], [0.2, 0.1, 0.0], [0.0, 0.0, 0.1]],
        [[0.1, 0.0, 0.0], [0.0, 0.1, 0.2], [0.0, 0.2, 0.1]],
        [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1]],
        [[1e-9, 0.0, 0.0], [0.0, 1e-9, 0.0], [0.0, 0.0, 1e-9]],
    ] {
        let mut damaged = whole.clone();
        damaged["profiles"][0]["covariance"] = serde_json::json!(covariance);
        assert!(read(&damaged).is_err(), "{covariance:?}");
    }
    let mut damaged = whole.clone();
    damaged["profiles"][0]["gray"] = serde_json::json!([1.5, -0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(read(&damaged).is_err());
    let profile = &whole["profiles"][0];
    for (profiles, is_read) in [(0, true), (1, false), (2, false), (3, true), (64, true), (65, false)] {
        let mut other = whole.clone();
        other["profiles"] = vec![profile.clone(); profiles].into();
        assert_eq!(read(&other).is_ok(), is_read, "{profiles}");
    }
}

/// The extremes of what is accepted: their distances are numbers.
#[test]
fn no_accepted_profile_has_a_distance_that_is_none() {
    let whole = serde_json::to_value(reference([90, 120, 180])).unwrap();
    let profile = |mean: f64, spread: f64, sign: f64, red: f64, bin: usize| {
        let mut gray = [0.0; 16];
        gray[bin] = 1.0;
        // A matrix of rank one beside the least variance: pixels along one line.
        let along = [1.0, sign, 1.0].map(|way| way * spread);
        let covariance: [[f64; 3]; 3] = std::array::from_fn(|i| {
            std::array::from_fn(|j| along[i] * along[j] + if i == j { 1e-4 } else { 0.0 })
        });
        serde_json::json!({"mean": [mean, -mean, mean], "covariance": covariance, "red": red, "gray": gray})
    };
    let mut strange = whole;
    strange["profiles"] = serde_json::json!([
        profile(2.7, 0.0, 1.0, 0.0, 0),
        profile(-2.7, 0.0, 1.0, 1.0, 15),
        profile(0.0, 1.35, 1.0, 0.5, 3),
        profile(2.7, 1.35, -1.0, 0.0, 0),
    ]);
    let reference: Reference = serde_json::from_value(strange).unwrap();
    for one in &reference.profiles {
        for other in &reference.profiles {
            let distance = one.distance(other);
            assert!(
                distance.is_finite() && distance >= 0.0 && (one != other || distance < 1e-6),
                "{distance}"
            );
        }
        assert!(reference.distance(one).is_some_and(|distance| distance < 1e-6));
    }
}
