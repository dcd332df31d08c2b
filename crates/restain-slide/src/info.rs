//! What a slide says about itself, as far as it does not identify a patient.

use std::path::Path;

use openslide_rs::OpenSlide;
use serde::Serialize;

use crate::geometry::{Level0Point, Level0Rect, Level0Size, LevelSize, Mpp};

/// What is known of a slide. Nothing in it identifies a patient: free-text properties, barcodes and names stay out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlideInfo {
    /// `OpenSlide`'s name of the format, such as `mirax`, `aperio` or `generic-tiff`.
    pub vendor: String,
    /// The levels, finest first; never empty.
    pub levels: Vec<LevelInfo>,
    /// What the scanner has seen, in level-0 pixels; the whole slide where it does not say.
    pub bounds: Level0Rect,
    /// Micrometres a pixel of level 0.
    pub mpp: Option<Mpp>,
    /// Colour of glass that was not scanned, RGB.
    pub background: [u8; 3],
    /// Magnification of the objective.
    pub objective_power: Option<f64>,
    /// Label, macro, thumbnail and other pictures beside the scan.
    pub associated: Vec<AssociatedImage>,
    /// Bytes on disk; for MIRAX with the companion folder.
    pub file_bytes: u64,
    /// Version of the `OpenSlide` library that reads the slide.
    pub openslide: String,
}

/// One level of a slide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelInfo {
    /// Size in pixels of the level.
    pub size: LevelSize,
    /// How many level-0 pixels lie along the side of one of its pixels.
    pub downsample: f64,
}

/// A picture beside the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssociatedImage {
    /// `OpenSlide`'s name of its kind, such as `label` or `macro`.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Version of the `OpenSlide` library at work, such as `3.4.1`.
pub fn openslide_version() -> String {
    OpenSlide::version().unwrap_or_else(|_| "of unknown version".to_owned())
}

impl SlideInfo {
    pub(crate) fn gather(
        slide: &OpenSlide,
        path: &Path,
    ) -> Result<Self, openslide_rs::errors::OpenSlideError> {
        let property = &|name: &str| slide.property_value(name).ok();
        let levels: Vec<_> = slide
            .all_level_dimensions()
            .iter()
            .zip(slide.all_level_downsamples())
            .map(|(size, &downsample)| LevelInfo {
                size: LevelSize::new(size.w.into(), size.h.into()),
                downsample,
            })
            .collect();
        let full = slide.level_dimensions(0)?;
        let full = Level0Size::new(full.w.into(), full.h.into());
        let mut associated = Vec::new();
        for name in slide.associated_image_names()? {
            let size = slide.associated_image_dimensions(&name)?;
            associated.push(AssociatedImage { name, width: size.w, height: size.h });
        }
        Ok(Self {
            vendor: property("openslide.vendor").unwrap_or_else(|| "unknown".to_owned()),
            levels,
            bounds: bounds(property, full),
            mpp: mpp(property).or_else(|| tiff_mpp(property)),
            background: property("openslide.background-color").and_then(|hex| rgb(&hex)).unwrap_or([255; 3]),
            objective_power: property("openslide.objective-power").and_then(|value| positive(&value)),
            associated,
            file_bytes: file_bytes(path),
            openslide: openslide_version(),
        })
    }
}

/// `openslide.bounds-*` clipped to the slide; the whole slide where they are missing, malformed or beside it.
fn bounds(property: impl Fn(&str) -> Option<String>, full: Level0Size) -> Level0Rect {
    let whole = Level0Rect::from_size(full);
    let number = |name: &str| property(&format!("openslide.bounds-{name}"))?.trim().parse::<i64>().ok();
    let said = || {
        let min = Level0Point::new(number("x")?, number("y")?);
        let (width, height) = (number("width")?, number("height")?);
        Some(Level0Rect::new(min, Level0Point::new(min.x.checked_add(width)?, min.y.checked_add(height)?)))
    };
    said().and_then(|rect| rect.intersection(&whole)).unwrap_or(whole)
}

fn mpp(property: impl Fn(&str) -> Option<String>) -> Option<Mpp> {
    let number = |name: &str| positive(&property(name)?);
    Some(Mpp { x: number("openslide.mpp-x")?, y: number("openslide.mpp-y")? })
}

/// Micrometres a pixel from a generic TIFF's resolution tags, which `OpenSlide` 3.4.1 leaves to its callers and 4.x
/// works out itself, in the same way.
fn tiff_mpp(property: impl Fn(&str) -> Option<String>) -> Option<Mpp> {
    if property("openslide.vendor")? != "generic-tiff" {
        return None;
    }
    let unit = match property("tiff.ResolutionUnit")?.as_str() {
        "inch" => 25_400.0,
        "centimeter" => 10_000.0,
        _ => return None,
    };
    // Of a resolution of next to nothing the scale is infinite.
    let number = |name: &str| Some(unit / positive(&property(name)?)?).filter(|mpp| mpp.is_finite());
    Some(Mpp { x: number("tiff.XResolution")?, y: number("tiff.YResolution")? })
}

/// A finite number above 0.
fn positive(value: &str) -> Option<f64> {
    value.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0)
}

/// `RRGGBB` in hexadecimal digits.
fn rgb(hex: &str) -> Option<[u8; 3]> {
    if hex.len() != 6 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

/// Bytes of the slide's file, for MIRAX with those of its companion folder.
fn file_bytes(path: &Path) -> u64 {
    let size =
        |path: &Path| std::fs::metadata(path).map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
    let folder = crate::handle::companion(path).and_then(|folder| std::fs::read_dir(folder).ok());
    size(path) + folder.into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_oneof, proptest};

    use super::*;

    /// What a property may say: numbers, nearly numbers, and anything else.
    fn said() -> impl Strategy<Value = String> {
        prop_oneof!["-?[0-9]{1,20}", "[-+]?[0-9]{1,3}[.]?[0-9]{0,3}(e-?[0-9]{1,3})?", "(inf|nan|\\PC{0,8})"]
    }

    proptest! {
        #[test]
        fn whatever_a_slide_says_its_scale_and_bounds_make_sense(says in prop::collection::vec(said(), 6)) {
            let numbered = |name: &str| Some(says[name.len() % says.len()].clone());
            let inside = bounds(numbered, FULL);
            assert!(!inside.is_empty() && Level0Rect::from_size(FULL).contains_box(&inside), "{inside:?}");
            let tiff = |name: &str| match name {
                "openslide.vendor" => Some("generic-tiff".to_owned()),
                "tiff.ResolutionUnit" => Some("inch".to_owned()),
                "tiff.XResolution" => Some(says[0].clone()),
                _ => Some(says[1].clone()),
            };
            for Mpp { x, y } in [mpp(numbered), mpp(tiff), tiff_mpp(tiff)].into_iter().flatten() {
                assert!([x, y].iter().all(|mpp| mpp.is_finite() && *mpp > 0.0), "{x}, {y}");
            }
            if let Some(colour) = rgb(&says[2]) {
                let [r, g, b] = colour;
                assert_eq!(format!("{r:02x}{g:02x}{b:02x}"), says[2].to_lowercase());
            }
        }
    }

    const FULL: Level0Size = Level0Size::new(1000, 500);

    fn properties<const N: usize>(pairs: [(&str, &str); N]) -> impl Fn(&str) -> Option<String> {
        let pairs = pairs.map(|(name, value)| (format!("openslide.{name}"), value.to_owned()));
        move |name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone())
    }

    fn bounds_of(x: &str, y: &str, width: &str, height: &str) -> Level0Rect {
        let pairs = [("bounds-x", x), ("bounds-y", y), ("bounds-width", width), ("bounds-height", height)];
        bounds(properties(pairs), FULL)
    }

    fn rect(x0: i64, y0: i64, x1: i64, y1: i64) -> Level0Rect {
        Level0Rect::new(Level0Point::new(x0, y0), Level0Point::new(x1, y1))
    }

    #[test]
    fn bounds_are_clipped_to_the_slide_and_nonsense_means_all_of_it() {
        let whole = rect(0, 0, 1000, 500);
        assert_eq!(bounds_of("10", "20", "30", "40"), rect(10, 20, 40, 60));
        assert_eq!(bounds_of("-10", "480", "5000", "5000"), rect(0, 480, 1000, 500));
        assert_eq!(bounds_of("1000", "0", "10", "10"), whole, "beside the slide");
        assert_eq!(bounds_of("10", "20", "0", "40"), whole, "empty");
        assert_eq!(bounds_of("10", "20", "-30", "40"), whole, "negative");
        assert_eq!(bounds_of("10", "20", "30", ""), whole, "malformed");
        assert_eq!(bounds_of("10", "20", "9223372036854775807", "40"), whole, "overflowing");
        assert_eq!(bounds(properties([("bounds-x", "10")]), FULL), whole, "incomplete");
    }

    #[test]
    fn micrometres_are_positive_numbers_in_both_directions() {
        let of = |x: &str, y: &str| mpp(properties([("mpp-x", x), ("mpp-y", y)]));
        assert_eq!(of("0.25", "0.5"), Some(Mpp { x: 0.25, y: 0.5 }));
        for bad in ["", "0", "-0.25", "nan", "inf", "0,25"] {
            assert_eq!(of(bad, "0.5"), None, "{bad}");
            assert_eq!(of("0.25", bad), None, "{bad}");
        }
    }

    #[test]
    fn a_resolution_of_next_to_nothing_is_no_scale() {
        let of = |resolution: &'static str| {
            tiff_mpp(move |name| {
                let said = match name {
                    "openslide.vendor" => "generic-tiff",
                    "tiff.ResolutionUnit" => "centimeter",
                    _ => resolution,
                };
                Some(said.to_owned())
            })
        };
        assert_eq!(of("40000"), Some(Mpp { x: 0.25, y: 0.25 }));
        assert_eq!(of("1e-310"), None);
    }

    #[test]
    fn background_is_six_hexadecimal_digits() {
        assert_eq!(rgb("0a80FF"), Some([10, 128, 255]));
        for bad in ["", "fff", "+80ff0", "gg0000", "\u{e9}0000", "ff00ff00"] {
            assert_eq!(rgb(bad), None, "{bad}");
        }
    }
}
