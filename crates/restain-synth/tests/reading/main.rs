//! What `OpenSlide` reads from a slide is what was drawn.

mod slide;

use restain_synth::{Rect, Repeat, SlideSpec, Style};
use slide::{Slide, compare};

/// JPEG of quality 88 with halved chroma: the mean is a grey level or two, single pixels at sharp edges err more.
const MEAN: f64 = 2.5;

fn whole(spec: &SlideSpec) -> Rect {
    Rect { x: 0, y: 0, width: spec.width, height: spec.height }
}

#[test]
fn openslide_reports_the_slide_asked_for() {
    let slide = Slide::new(SlideSpec { style: Style::old_scanner(), ..SlideSpec::new(3001, 1777) });
    assert_eq!(slide.property("openslide.vendor"), "mirax");
    assert_eq!(slide.bounds(), [3001, 1777]);
    for (axis, name) in ["openslide.bounds-x", "openslide.bounds-y"].iter().enumerate() {
        assert_eq!(slide.property(name), slide.summary.bounds_origin[axis].to_string());
        assert_ne!(slide.summary.bounds_origin[axis] % 64, 0);
    }
    assert_eq!(slide.property("openslide.mpp-x"), "0.25");
    assert_eq!(slide.property("openslide.mpp-y"), "0.25");
    assert_eq!(slide.property("openslide.objective-power"), "40");
    let background = slide.spec.style.glass().map(|c| format!("{c:02X}")).concat();
    assert_eq!(slide.property("openslide.background-color"), background);
    assert_eq!(slide.reader.level_count() as usize, slide.summary.levels);
    for (level, downsample) in slide.reader.all_level_downsamples().iter().enumerate() {
        assert!((downsample - f64::from(1 << level)).abs() < 1e-9);
    }
    // The last level is one image, the data lies in several files, and the canvas is larger than the bounds.
    let last = slide.reader.all_level_dimensions().last().unwrap();
    assert!(last.w <= 256 && last.h <= 256, "{last:?}");
    assert!(slide.summary.data_files > 2);
    assert!(slide.reader.all_level_dimensions()[0].w > 3001);
    let mut names = slide.reader.associated_image_names().unwrap();
    names.sort();
    assert_eq!(names, ["label", "macro", "thumbnail"]);
    for name in names {
        let (size, pixels) = slide.reader.read_associated_buffer(&name).unwrap();
        assert_eq!(pixels.len(), 4 * (size.w * size.h) as usize);
        let first = &pixels[..4];
        assert!(pixels.chunks(4).any(|pixel| pixel != first), "{name} is empty");
    }
}

/// Everything is scanned, nothing outside is, and every pixel is right, at sizes of all kinds.
#[test]
fn level_0_is_the_drawn_picture() {
    for (width, height) in [(64, 64), (65, 200), (777, 1301), (1024, 1088), (2000, 900)] {
        let slide = Slide::new(SlideSpec::new(width, height));
        let (read, truth) = slide.both(whole(&slide.spec));
        let difference = compare(&read, &truth);
        assert_eq!(difference.scanned, (width * height) as usize, "{width} x {height}: {difference:?}");
        assert!(difference.mean < MEAN && difference.largest < 120, "{width} x {height}: {difference:?}");
        assert_eq!(slide.bounds(), [width, height]);
        let around = Rect { x: -8, y: -8, width: width + 16, height: height + 16 };
        let difference = compare(&slide.both(around).0, &slide.drawing.draw(around).unwrap());
        assert_eq!(difference.scanned, (width * height) as usize, "{width} x {height}: {difference:?}");
        assert_eq!(difference.partly, 0);
    }
}

#[test]
fn gaps_are_transparent_and_the_bounds_stay() {
    for coverage in [0.1, 0.6] {
        let slide = Slide::new(SlideSpec { coverage, seed: 4, ..SlideSpec::new(2600, 3000) });
        let (read, truth) = slide.both(whole(&slide.spec));
        let difference = compare(&read, &truth);
        assert_eq!(slide.bounds(), [2600, 3000], "coverage {coverage}");
        assert!(difference.mean < MEAN, "coverage {coverage}: {difference:?}");
        assert_eq!(difference.partly, 0);
        let scanned = difference.scanned as f64 / read.len() as f64;
        // Up to four photographs more keep the bounds; overlaps make a photograph a little more than its share.
        let more = (4.0 + 0.2 * slide.summary.photos as f64) / slide.summary.photos as f64;
        assert!(scanned > 0.8 * coverage && scanned < coverage + more, "coverage {coverage}: {scanned}");
        assert!(difference.unscanned > 0);
    }
}

/// Photographs lie at fractions of pixels of the upper levels, so `OpenSlide` interpolates and no pixel is exact; but
/// nothing may lie a pixel off, and what is scanned covers the same area at each level.
#[test]
fn every_level_is_level_0_averaged() {
    let slide = Slide::new(SlideSpec { style: Style::old_scanner(), ..SlideSpec::new(1900, 1500) });
    let origin = slide.summary.bounds_origin;
    let levels = slide.reader.all_level_dimensions();
    let canvas = Rect { x: -origin[0], y: -origin[1], width: levels[0].w, height: levels[0].h };
    let canvas = slide.drawing.draw(canvas).unwrap();
    let mut truth = Plane {
        width: canvas.width as usize,
        pixels: canvas.rgb.as_chunks::<3>().0.iter().map(|pixel| pixel.map(f32::from)).collect(),
    };
    for (level, size) in (0_u32..).zip(levels) {
        let read = slide.read(level, 0, 0, size.w, size.h);
        let here = error(&read, size.w as usize, &truth, [0, 0]);
        let beside =
            [[-1, 0], [1, 0], [0, -1], [0, 1]].map(|shift| error(&read, size.w as usize, &truth, shift));
        let area =
            read.iter().map(|pixel| f64::from(pixel[3]) / 255.0).sum::<f64>() * f64::from(1 << (2 * level));
        println!("level {level}: mean error {here:.2}, beside {beside:.2?}, area {area}");
        assert!(here < 7.0, "level {level}: {here}");
        assert!(beside.iter().all(|beside| *beside > 1.4 * here), "level {level}: {here}, beside {beside:?}");
        assert!((area / (1900.0 * 1500.0) - 1.0).abs() < 0.01, "level {level}: {area}");
        truth = truth.halved();
    }
}

/// A picture with fractional grey levels.
struct Plane {
    width: usize,
    pixels: Vec<[f32; 3]>,
}

impl Plane {
    fn halved(&self) -> Self {
        let width = self.width / 2;
        let rows = self.pixels.len() / self.width / 2;
        let mean = |x: usize, y: usize| {
            let at = 2 * y * self.width + 2 * x;
            let four = [at, at + 1, at + self.width, at + self.width + 1].map(|at| self.pixels[at]);
            std::array::from_fn(|c| four.iter().map(|pixel| pixel[c]).sum::<f32>() / 4.0)
        };
        Self { width, pixels: (0..rows * width).map(|at| mean(at % width, at / width)).collect() }
    }
}

/// The mean difference of wholly scanned pixels from the truth `shift` pixels beside.
fn error(read: &[[u8; 4]], width: usize, truth: &Plane, shift: [isize; 2]) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for (at, pixel) in read.iter().enumerate().filter(|(_, pixel)| pixel[3] == 255) {
        let x = (at % width).saturating_add_signed(shift[0]);
        let y = (at / width).saturating_add_signed(shift[1]);
        let truth = truth.pixels[y * truth.width + x];
        sum += (0..3).map(|c| f64::from((f32::from(pixel[2 - c]) - truth[c]).abs())).sum::<f64>();
        count += 3;
    }
    sum / f64::from(count)
}

/// A picture that repeats is as exact as any, at its joints, at the last column and row, and in its gaps.
#[test]
fn a_repeating_slide_is_the_drawn_picture() {
    for (width, height, coverage) in [(5000, 1100, 1.0), (1500, 4700, 0.4)] {
        let slide =
            Slide::new(SlideSpec { repeat: Repeat::Always, coverage, ..SlideSpec::new(width, height) });
        let (read, truth) = slide.both(whole(&slide.spec));
        let difference = compare(&read, &truth);
        assert!(difference.mean < MEAN && difference.partly == 0, "{difference:?}");
        assert_eq!(difference.unscanned == 0, slide.summary.photos_scanned == slide.summary.photos);
        assert_eq!(slide.bounds(), [width, height]);
        for (level, size) in (0..).zip(slide.reader.all_level_dimensions()).skip(3) {
            slide.read(level, 0, 0, size.w, size.h);
        }
    }
}

#[test]
fn ten_gigapixels_take_seconds_and_little_disk() {
    let slide = Slide::new(SlideSpec { coverage: 0.1, ..SlideSpec::new(100_000, 100_000) });
    assert!(slide.summary.bytes < 100_000_000, "{:?}", slide.summary);
    assert_eq!(slide.bounds(), [100_000, 100_000]);
    let mut scanned = 0;
    for place in 0..12_i64 {
        let rect =
            Rect { x: place * 8009 % 99_000, y: place * place * 4007 % 99_000, width: 700, height: 300 };
        let (read, truth) = slide.both(rect);
        let difference = compare(&read, &truth);
        assert!(difference.mean < MEAN && difference.partly == 0, "{rect:?}: {difference:?}");
        scanned += difference.scanned;
    }
    assert!(scanned > 0);
    let last = slide.reader.level_count() - 1;
    let size = slide.reader.level_dimensions(last).unwrap();
    let covered = slide.read(last, 0, 0, size.w, size.h).iter().filter(|pixel| pixel[3] > 0).count();
    assert!(covered > 0);
}
