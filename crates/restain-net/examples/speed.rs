//! Times G's forward pass and a training step on random weights: `speed BASE SIDE BATCH`.
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use std::time::Instant;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|v| v.parse().unwrap()).collect();
    let vars = VarMap::new();
    let g =
        restain_net::Generator::new(a[0], &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu)).unwrap();
    let x = Tensor::rand(0f32, 1.0, (a[2], 2, a[1], a[1]), &Device::Cpu).unwrap();
    let t = Tensor::rand(0f32, 1.0, (a[2], 3, a[1], a[1]), &Device::Cpu).unwrap();
    for _ in 0..3 {
        let s = Instant::now();
        let y = g.forward_t(&x, false).unwrap();
        let f = s.elapsed().as_secs_f64();
        let s = Instant::now();
        let l = (g.forward_t(&x, true).unwrap() - &t).unwrap().abs().unwrap().mean_all().unwrap();
        let _ = l.backward().unwrap();
        println!(
            "forward {f:.3} s ({:.2} MP/s), step {:.3} s",
            (a[2] * a[1] * a[1]) as f64 / f / 1e6,
            s.elapsed().as_secs_f64()
        );
        drop(y);
    }
}
