use super::*;
use restain_stain::removal;

const SIDE: u32 = 64;
const AREA: usize = (SIDE * SIDE) as usize;

/// A folder with a field whose red and green say where a pixel is, so that a patch shows what was done to it.
struct Desk {
    _folder: tempfile::TempDir,
    part: Part,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        image::RgbImage::from_fn(150, 100, |x, y| image::Rgb([x as u8, y as u8, 40]))
            .save(folder.path().join("field.png"))
            .unwrap();
        let sources = format!("[{{folder: {{path: {}}}}}]", folder.path().display());
        let manifest = format!("{{patches: {{side: {SIDE}}}, sources: {sources}}}");
        let manifest: restain_data::Manifest = serde_yaml::from_str(&manifest).unwrap();
        let dataset = restain_data::Dataset::build(&manifest, std::path::Path::new("")).unwrap();
        Self { _folder: folder, part: dataset.whole() }
    }

    fn sampler(&self, augmentation: Augmentation) -> Sampler {
        let standard = removal::Standard { white: [200.0, 210.0, 220.0], dark: None };
        let removal = removal::Removal { standard, ..removal::Removal::default() };
        let preparation = Preparation { map: None, removal };
        Sampler {
            part: self.part.clone(),
            preparation,
            batch: 3,
            seed: 5,
            domain: Side::Source,
            augmentation,
        }
    }
}

/// The patches of a batch as 8 bit RGB.
fn patches(batch: &Batch) -> Vec<Vec<[u8; 3]>> {
    let pixel = |image: &[f32], i: usize| [0, 1, 2].map(|c| (image[c * AREA + i] * 255.0).round() as u8);
    batch.images.chunks_exact(3 * AREA).map(|image| (0..AREA).map(|i| pixel(image, i)).collect()).collect()
}

#[test]
fn depends_on_seed_domain_and_step_alone() {
    let desk = Desk::new();
    let strong = Augmentation { gray_jitter: 0.2, blank_probability: 0.5 };
    let one = desk.sampler(strong.clone());
    assert_eq!(one.batch(7).unwrap(), desk.sampler(strong.clone()).batch(7).unwrap());
    assert_ne!(one.batch(7).unwrap(), one.batch(8).unwrap());
    assert_ne!(one.batch(7).unwrap(), Sampler { seed: 6, ..desk.sampler(strong.clone()) }.batch(7).unwrap());
    assert_ne!(
        one.batch(7).unwrap(),
        Sampler { domain: Side::Target, ..desk.sampler(strong) }.batch(7).unwrap()
    );
}

#[test]
fn a_patch_is_a_connected_piece_under_one_of_eight_symmetries() {
    let desk = Desk::new();
    let sampler = desk.sampler(Augmentation::default());
    let mut seen = std::collections::BTreeSet::new();
    for patch in (0..60).flat_map(|step| patches(&sampler.batch(step).unwrap())) {
        let difference =
            |a: [u8; 3], b: [u8; 3]| (i32::from(b[0]) - i32::from(a[0]), i32::from(b[1]) - i32::from(a[1]));
        let (right, down) = (difference(patch[0], patch[1]), difference(patch[0], patch[SIDE as usize]));
        for (i, &px) in patch.iter().enumerate() {
            let (x, y) = ((i % SIDE as usize) as i32, (i / SIDE as usize) as i32);
            assert_eq!(difference(patch[0], px), (x * right.0 + y * down.0, x * right.1 + y * down.1));
        }
        seen.insert((right, down));
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn gm_is_the_stain_removed_from_the_image() {
    let desk = Desk::new();
    let batch = desk.sampler(Augmentation { gray_jitter: 0.0, blank_probability: 0.5 }).batch(3).unwrap();
    for (patch, gm) in patches(&batch).iter().zip(batch.gm.chunks_exact(2 * AREA)) {
        for (i, &px) in patch.iter().enumerate() {
            assert!((gm[i] - removal::gray(px)).abs() < 1e-6);
            assert!((gm[AREA + i] - removal::mask(px)).abs() < 1e-6);
        }
    }
}

#[test]
fn jitter_moves_the_gray_within_its_bounds_and_nothing_else() {
    let desk = Desk::new();
    let (plain, moved) = (desk.sampler(Augmentation::default()), 0.1);
    let jittered = desk.sampler(Augmentation { gray_jitter: moved, ..Augmentation::default() });
    let mut largest = 0.0_f32;
    for step in 0..20 {
        let (a, b) = (plain.batch(step).unwrap(), jittered.batch(step).unwrap());
        // Each patch has a key of its own, so that the jitter of one does not shift the next.
        assert_eq!(a.images, b.images);
        for (a, b) in a.gm.chunks_exact(2 * AREA).zip(b.gm.chunks_exact(2 * AREA)) {
            assert_eq!(a[AREA..], b[AREA..], "the mask comes from the unchanged pixels");
            largest = a[..AREA].iter().zip(&b[..AREA]).map(|(a, b)| (a - b).abs()).fold(largest, f32::max);
            assert!(b[..AREA].iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }
    // Brightness 0.1, contrast 0.1 / 2, gamma at most 0.1 / e.
    assert!(largest > 0.02 && largest < 0.1 + 0.05 + 0.06, "{largest}");
}

#[test]
fn blank_rectangles_are_white_or_glass_and_sometimes_everything() {
    let desk = Desk::new();
    let sampler = desk.sampler(Augmentation { gray_jitter: 0.0, blank_probability: 1.0 });
    let (mut white, mut glass, mut whole) = (0, 0, 0);
    for patch in (0..50).flat_map(|step| patches(&sampler.batch(step).unwrap())) {
        let count = |colour: [u8; 3]| patch.iter().filter(|&&px| px == colour).count();
        let (w, g) = (count([255; 3]), count([200, 210, 220]));
        assert!(w == 0 || g == 0);
        assert!(w + g > 0, "every patch has a rectangle");
        white += usize::from(w > 0);
        glass += usize::from(g > 0);
        whole += usize::from(w + g == AREA);
    }
    assert!(white > 40 && glass > 40 && whole > 15 && whole < 75, "{white} {glass} {whole}");
}
