//! G alone on one thread, with nobody to wait for.

use restain_net::{Area, Model, Pixels, Place, Precision, Window, halo};
use restain_slide::{LevelPoint, LevelRect};
use serde_json::{Value, json};

use crate::work::{Shape, Work};
use crate::{Machine, Result, best};

/// Side of a core.
const CORE: usize = 1024;

/// Seconds of G for a core of 1024 px, and for all of its window; with the multiply-adds of both.
pub(crate) fn seconds_a_window(machine: &Machine) -> Result<Value> {
    let halo = halo() as usize;
    let side = CORE + 2 * halo;
    let gm: Vec<f32> = (0..2 * side * side).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
    let model = Model::shipped(&Place::Cpu, Precision::Auto)?;
    let seconds = |core: Area| -> Result<f64> {
        let window = [Window { pixels: Pixels::Gm(&gm), core }];
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
        "core_pixels": CORE * CORE,
        "kernels": model.kernels(),
        "g_core_seconds": core,
        "g_whole_seconds": whole,
        "multiply_adds_core": work.multiply_adds,
        "multiply_adds_whole": work.of_windows,
    }))
}
