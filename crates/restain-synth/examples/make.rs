//! Makes a slide: `make OUT.mrxs WIDTHxHEIGHT [style] [seed] [coverage]`.

use std::{ops::ControlFlow, path::Path};

use restain_synth::{SlideSpec, write_slide};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, size, rest @ ..] = &arguments[..] else {
        return Err("usage: make OUT.mrxs WIDTHxHEIGHT [style] [seed] [coverage]".into());
    };
    let (width, height) = size.split_once('x').ok_or("the size is not WIDTHxHEIGHT")?;
    let mut spec = SlideSpec { force: true, ..SlideSpec::new(width.parse()?, height.parse()?) };
    if let Some(style) = rest.first() {
        spec.style = style.parse()?;
    }
    if let Some(seed) = rest.get(1) {
        spec.seed = seed.parse()?;
    }
    if let Some(coverage) = rest.get(2) {
        spec.coverage = coverage.parse()?;
    }
    let start = std::time::Instant::now();
    let summary = write_slide(&spec, Path::new(out), &|_| ControlFlow::Continue(()))?;
    println!("{summary:?} in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
