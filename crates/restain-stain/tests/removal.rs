//! Stain removal by the slide's own standard, against changes of light and stain that it is to undo.

use proptest::prelude::*;
use restain_stain::{
    error::Error,
    removal::{Measurement, Removal, Standard, remove_stain},
};

fn measured(rgb: &[u8]) -> Standard {
    let mut measurement = Measurement::new();
    measurement.add(rgb);
    measurement.standard().expect("pixels")
}

fn removed(removal: &Removal, rgb: &[u8]) -> Vec<f32> {
    let mut gm = vec![f32::NAN; rgb.len() / 3 * 2];
    removal.remove(rgb, &mut gm);
    gm
}

/// A slide of background that varies by a few levels, pale cells and dark ones, this many hundredths of each.
fn slide(background: usize, pale: usize, dark: usize) -> Vec<u8> {
    let vary = |colour: [u8; 3], i: usize| colour.map(|v| v + [0, 1, 1, 2, 2, 2, 3, 3, 4][i % 9]);
    let part = |share: usize, colour| (0..90 * share).flat_map(move |i| vary(colour, i));
    part(background, [232, 236, 228])
        .chain(part(pale, [200, 150, 180]))
        .chain(part(dark, [70, 60, 110]))
        .collect()
}

fn change(rgb: &[u8], of: impl Fn(usize, f64) -> f64) -> Vec<u8> {
    let level = |(i, &v): (usize, &u8)| (255.0 * of(i % 3, f64::from(v) / 255.0)).round() as u8;
    rgb.iter().enumerate().map(level).collect()
}

#[test]
fn background_and_cells_are_found_in_any_mixture() {
    for (background, pale, dark) in [(90, 5, 5), (60, 30, 10), (30, 50, 20), (10, 70, 20)] {
        let standard = measured(&slide(background, pale, dark));
        for (value, expected) in standard.white.into_iter().zip([234.0, 238.0, 230.0]) {
            assert!((value - expected).abs() < 0.5, "{background}%: {standard:?}");
        }
        for (value, expected) in standard.dark.expect("cells").into_iter().zip([72.0, 62.0, 112.0]) {
            assert!((value - expected).abs() < 2.5, "{background}%: {standard:?}");
        }
    }
}

/// Noise of the background is not cells, however wide it is; what is darker than it is.
#[test]
fn noise_is_no_cell() {
    let noise = |i: usize| ((i * 7919) % 101 + (i * 104_729) % 97 + (i * 1_299_709) % 103) as u8 / 12;
    let background: Vec<u8> = (0..50_000).flat_map(|i| [215 + noise(i); 3]).collect();
    assert_eq!(measured(&background).dark, None);
    let with_cells = [background, [190, 190, 190].repeat(100)].concat();
    assert_eq!(measured(&with_cells).dark, Some([190.0; 3]));
}

/// Cells a little darker than the background are not mixed into it.
#[test]
fn white_is_the_background_alone() {
    let standard = measured(&[[235; 3].repeat(900), [215; 3].repeat(100)].concat());
    assert_eq!(standard, Standard { white: [235.0; 3], dark: Some([215.0; 3]) });
}

#[test]
fn a_measurement_in_pieces() {
    let rgb = slide(50, 30, 20);
    let mut pieces = Measurement::default();
    for piece in rgb.chunks(3 * 17).rev() {
        let mut measurement = Measurement::new();
        measurement.add(piece);
        pieces.merge(&measurement);
    }
    assert_eq!(pieces.standard(), Ok(measured(&rgb)));
    assert_eq!(Measurement::new().standard(), Err(Error::NoPixels("slide")));
    assert_eq!(measured(&[0; 3]), Standard { white: [0.0; 3], dark: None });
}

proptest! {
    #[test]
    fn the_default_is_the_papers_to_the_bit(rgb in proptest::collection::vec(any::<[u8; 3]>(), 0..50)) {
        let rgb = rgb.concat();
        let mut gm = vec![f32::NAN; rgb.len() / 3 * 2];
        remove_stain(&rgb, &mut gm);
        let bits = |gm: &[f32]| gm.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&removed(&Removal::default(), &rgb)), bits(&gm));
        // With white at the end of the levels and no cells, all options together say the same but for rounding.
        let all = Removal { white_balance: true, standard_gray: true, standard_mask: true, ..Removal::default() };
        for (value, expected) in removed(&all, &rgb).iter().zip(gm) {
            prop_assert!((value - expected).abs() < 1e-6);
        }
    }

    /// Another light: each channel times a factor. Half a level of rounding is all that remains.
    #[test]
    fn white_balance_undoes_the_light(red in 0.7..1.0f64, green in 0.7..1.0f64, blue in 0.7..1.0f64) {
        let rgb = slide(50, 30, 20);
        let lit = change(&rgb, |c, v| [red, green, blue][c] * v);
        let pixels = rgb.len() / 3;
        let options = [(true, false, false), (true, true, false), (false, false, true)];
        for (white_balance, standard_gray, standard_mask) in options {
            let removal = |rgb| Removal {
                white_balance, standard_gray, standard_mask, standard: measured(rgb), ..Removal::default()
            };
            let (there, here) = (removed(&removal(&lit), &lit), removed(&removal(&rgb), &rgb));
            if white_balance {
                for (value, expected) in there[..pixels].iter().zip(&here) {
                    prop_assert!((value - expected).abs() < 0.02, "{value} for {expected}");
                }
            }
            // The channels of the background are equal but for rounding, those of the cells are not.
            let masks = |gm: &[f32]| gm[pixels + pixels / 2..].to_vec();
            prop_assert_eq!(masks(&there), masks(&here));
            prop_assert!(masks(&here).contains(&1.0) && masks(&here).contains(&0.0));
        }
    }

    /// Another light and gamma, or as much more or less of every dye, of gray pictures.
    #[test]
    fn standard_gray_undoes_light_and_density(gain in 0.7..1.0f64, gamma in 0.7..1.6f64) {
        let gray: Vec<u8> = slide(50, 30, 20).chunks(3).flat_map(|pixel| [pixel[1]; 3]).collect();
        let changed = change(&gray, |_, v| gain * v.powf(gamma));
        let removal = |rgb| Removal { standard_gray: true, standard: measured(rgb), ..Removal::default() };
        let (there, here) = (removed(&removal(&changed), &changed), removed(&removal(&gray), &gray));
        for (value, expected) in there.iter().zip(&here) {
            prop_assert!((value - expected).abs() < 0.025, "{value} for {expected}");
        }
    }
}

/// By hand: white 200 is 1, and cells at density log10(2) are 10^-0.4; half their density is the root of that.
#[test]
fn standard_gray_has_a_closed_form() {
    let standard = Standard { white: [200.0; 3], dark: Some([100.0; 3]) };
    let removal = Removal { standard_gray: true, standard, ..Removal::default() };
    let gm = removed(&removal, &[200, 200, 200, 100, 100, 100, 50, 50, 50, 230, 230, 230, 0, 0, 0]);
    for (value, expected) in gm.iter().zip([1.0, 10f32.powf(-0.4), 10f32.powf(-0.8), 1.0, 0.0]) {
        assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
    }
    // Cells hardly darker than the background are stretched four times and no more.
    let pale = Standard { dark: Some([199.0; 3]), ..standard };
    let gm = removed(&Removal { standard: pale, ..removal }, &[100; 3]);
    assert!((gm[0] - 0.0625).abs() < 1e-6, "{gm:?}");
}

/// Balanced and clipped, the two channels above the background's tie; not clipped, the larger is red.
#[test]
fn the_mask_compares_what_it_is_told_to() {
    let standard = Standard { white: [180.0, 200.0, 250.0], dark: None };
    let rgb = [190, 205, 240, 120, 125, 160, 120, 160, 180];
    let mask = |white_balance, standard_mask| {
        removed(&Removal { white_balance, standard_mask, standard, ..Removal::default() }, &rgb)[3..].to_vec()
    };
    assert_eq!(mask(false, false), [0.0, 0.0, 0.0]);
    assert_eq!(mask(true, false), [0.0, 1.0, 0.0]);
    assert_eq!(mask(false, true), [1.0, 1.0, 0.0]);
    assert_eq!(mask(true, true), [1.0, 1.0, 0.0]);
}

#[test]
fn a_removal_survives_its_file() {
    let removal =
        Removal { white_balance: true, standard: measured(&slide(50, 30, 20)), ..Removal::default() };
    let json = serde_json::to_string(&removal).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Removal>(&json).expect("as written"), removal);
    assert_eq!(serde_json::from_str::<Removal>("{}").expect("the default"), Removal::default());
    assert!(serde_json::from_str::<Removal>("{\"whitebalance\":true}").is_err());
}

#[test]
#[should_panic(expected = "GM holds two values where RGB holds three")]
fn a_buffer_of_another_size_is_a_mistake() {
    Removal { standard_gray: true, ..Removal::default() }.remove(&[0; 6], &mut [0.0; 3]);
}

/// By hand: red leads by 0, half of 0.06 and all of it, trails, and the paper's step says the same beyond.
#[test]
fn the_soft_mask_is_a_ramp() {
    let soft = Removal { soft_mask: true, ..Removal::default() };
    let pixels = [[100, 100, 90], [100, 92, 80], [116, 100, 100], [84, 100, 100], [200, 50, 0], [0, 50, 200]];
    let mask = &removed(&soft, pixels.as_flattened())[pixels.len()..];
    let truth = [0.5, 0.5 + 8.0 / 255.0 / 0.12, 1.0, 0.0, 1.0, 0.0];
    assert!(mask.iter().zip(truth).all(|(mask, truth): (&f32, f32)| (mask - truth).abs() < 1e-6), "{mask:?}");
    let standard = Removal { standard_mask: true, ..soft };
    for (mask, same) in removed(&standard, pixels.as_flattened())[pixels.len()..].iter().zip(mask) {
        assert!((mask - same).abs() < 1e-6);
    }
    let gray = removed(&soft, &[7, 80, 200])[0];
    assert_eq!(gray.to_bits(), removed(&Removal::default(), &[7, 80, 200])[0].to_bits());
}

#[test]
fn options_have_names() {
    let standard = Standard { white: [200.0; 3], dark: None };
    let names = ["standard_gray", "soft_mask"].map(str::to_owned);
    let removal = Removal::with_options(&names, standard).expect("both are known");
    assert_eq!(removal, Removal { standard_gray: true, soft_mask: true, standard, ..Removal::default() });
    assert_eq!(removal.options(), names);
    assert!(!Removal::default().rests_on_standard() && removal.rests_on_standard());
    assert!(!Removal { soft_mask: true, ..Removal::default() }.rests_on_standard());
    let unknown = Removal::with_options(&["hard_mask".to_owned()], standard);
    assert_eq!(unknown, Err(Error::UnknownOption("hard_mask".to_owned())));
}

#[test]
fn a_measurement_survives_its_file_and_a_damaged_one_is_refused() {
    let mut measurement = Measurement::new();
    measurement.add(&slide(50, 30, 20));
    let json = serde_json::to_string(&measurement).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Measurement>(&json).expect("as written"), measurement);
    let of = |pixels: u64, red: u64, length: usize| {
        let list = |first: u64| (0..length).map(|i| if i == 0 { first } else { 0 }).collect::<Vec<_>>();
        let file =
            serde_json::json!({"pixels": list(pixels), "red": list(red), "green": list(0), "blue": list(0)});
        serde_json::from_value::<Measurement>(file).map_err(|error| error.to_string())
    };
    assert_eq!(of(2, 510, 256).expect("two pixels of red").pixels(), 2);
    for (pixels, red, length) in [(2, 511, 256), (2, 510, 255), (2, 510, 257), ((1 << 53) + 1, 0, 256)] {
        let said = of(pixels, red, length).expect_err("no such pixels");
        assert!(said.contains("gray"), "{said}");
    }
}
