//! temporary: draws a rect
use restain_synth::{Drawing, Rect, SlideSpec};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let n = |i: usize| a[i].parse::<i64>().unwrap();
    let mut spec = SlideSpec::new(8000, 8000);
    spec.style = a[1].parse()?;
    spec.seed = n(6) as u64;
    let d = Drawing::new(&spec)?;
    let t = std::time::Instant::now();
    let p = d.draw(Rect { x: n(2), y: n(3), width: n(4) as u32, height: n(5) as u32 })?;
    eprintln!("{:.2} MP/s", f64::from(p.width * p.height) / 1e6 / t.elapsed().as_secs_f64());
    image::save_buffer(&a[0], &p.rgb, p.width, p.height, image::ColorType::Rgb8)?;
    Ok(())
}
