use std::path::PathBuf;

use clap::Args;
use restain_pipeline::{Comparison, Region, Subject};

use super::print_json;

/// Compare two slides or pictures of the same size
///
/// Slides are compared within what the scanner has seen, so that a slide and its normalized output fit each other.
#[derive(Args)]
pub(crate) struct Compare {
    /// A slide or a PNG, JPEG, TIFF or BMP picture
    a: PathBuf,
    /// Another of the same size
    b: PathBuf,

    /// Part of the level to compare, in its pixels, counted from the corner of what was scanned
    #[arg(long, value_name = "X,Y,W,H")]
    region: Option<Region>,

    /// Level to compare
    #[arg(long, value_name = "L", default_value_t = 0)]
    level: u32,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (a, b) = (Subject::open(&self.a)?, Subject::open(&self.b)?);
        let comparison = Comparison::of(&a, &b, self.level, self.region)?;
        if self.json {
            return print_json(&comparison);
        }
        let row = |name: &str, value: String| println!("{name:<20}{value}");
        let number =
            |value: Option<f64>, none: &str| value.map_or(none.to_owned(), |value| format!("{value:.4}"));
        row("compared", format!("{} x {} px at level {}", comparison.width, comparison.height, self.level));
        row("PSNR", comparison.psnr_db.map_or("infinite: equal".to_owned(), |psnr| format!("{psnr:.2} dB")));
        row("SSIM", number(comparison.ssim, "needs 11 x 11 px"));
        row("largest difference", format!("{} grey levels", comparison.max_difference));
        row("mean difference", format!("{} grey levels", number(comparison.mean_difference, "-")));
        row(
            "pixels that differ",
            comparison.differing.map_or("-".to_owned(), |s| format!("{:.4} %", 100.0 * s)),
        );
        row("Bhattacharyya", number(comparison.bhattacharyya, "-"));
        Ok(())
    }
}
