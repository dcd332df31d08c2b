//! Parts of stages alone on one thread, with nobody to wait for.

use candle_core::Device;
use restain_net::{Area, Model, Precision, Window, halo};
use restain_slide::{LevelPoint, LevelRect};
use restain_stain::removal::remove_stain;
use serde_json::{Value, json};

use crate::work::{Shape, Work};
use crate::{Machine, Result, best};

/// Side of a core.
const CORE: usize = 1024;

/// Seconds of a window of a core of 1024 px: removing its stain, and G, for the
/// core and for the whole window; with the multiply-adds of both.
pub(crate) fn seconds_a_window(machine: &Machine) -> Result<Value> {
    let halo = halo() as usize;
    let side = CORE + 2 * halo;
    let pixels = side * side;
    let rgb: Vec<u8> = (0..3 * pixels).map(|i| ((i * 7919) >> 3) as u8).collect();
    let mut gm = vec![0.0; 2 * pixels];
    let stain = best(|| remove_stain(&rgb, &mut gm));

    let model = Model::shipped(&Device::Cpu, Precision::Auto)?;
    let seconds = |core: Area| -> Result<f64> {
        let window = [Window { gm: &gm, core }];
        let run = || model.restain(&window, side, side);
        machine.one.install(run)?; // takes the memory
        Ok(best(|| drop(machine.one.install(run))))
    };
    let inside = halo..halo + CORE;
    let core = seconds(Area { rows: inside.clone(), columns: inside })?;
    let whole = seconds(Area::whole(side, side))?;
    let rect =
        |from: usize, to: usize| LevelRect::new(LevelPoint::splat(from as i64), LevelPoint::splat(to as i64));
    let mut work = Work::default();
    work.add(&Shape::shipped()?, rect(0, side), rect(halo, halo + CORE));
    Ok(json!({
        "pixels": pixels,
        "core_pixels": CORE * CORE,
        "kernels": model.kernels(),
        "stain_seconds": stain,
        "g_core_seconds": core,
        "g_whole_seconds": whole,
        "multiply_adds_core": work.multiply_adds,
        "multiply_adds_whole": work.of_windows,
    }))
}
