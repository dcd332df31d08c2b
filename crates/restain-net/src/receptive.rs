//! How far G looks: which input pixels an output pixel depends on, computed from its layers.

use crate::generator::DEPTH;

/// Input sides are multiples of this: G halves six times.
pub const GRID: u32 = 1 << DEPTH;

/// The input rows (or columns) `first..=last` that output row `output` depends on.
///
/// A transposed convolution k4 s2 p1 makes its row o from rows i with o = 2i - 1 + k and k in 0..=3; a convolution
/// k4 s2 p1 makes its row i from rows 2i - 1 to 2i + 2. The longest way is through the bottom of the U; every skip
/// connection sees less.
pub fn field(output: i64) -> (i64, i64) {
    let (mut first, mut last) = (output, output);
    for _ in 0..DEPTH {
        (first, last) = ((first - 1).div_euclid(2), (last + 1).div_euclid(2));
    }
    for _ in 0..DEPTH {
        (first, last) = (2 * first - 1, 2 * last + 2);
    }
    (first, last)
}

/// How many pixels of surroundings a tile needs on each side, a multiple of 64: the farthest that any output pixel
/// of a tile whose corners are multiples of 64 reaches beyond it.
pub fn halo() -> u32 {
    let grid = i64::from(GRID);
    let reach = (0..grid).map(|output| (-field(output).0).max(field(output).1 - (grid - 1))).max();
    (reach.unwrap_or(0).max(0) as u32).next_multiple_of(GRID)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{ModuleT, VarBuilder, VarMap};

    use super::*;
    use crate::Generator;

    /// What an output row really depends on: the gradient of its sum with respect to the input, all weights and
    /// activations positive so that nothing cancels and no ReLU closes.
    #[test]
    fn the_field_is_exact() {
        let side = 512;
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F64, &Device::Cpu);
        let generator = Generator::new(1, &vb).unwrap();
        for (name, var) in vars.data().lock().unwrap().iter() {
            if name.ends_with("weight") && var.rank() == 4 {
                var.set(&(var.ones_like().unwrap() * 0.01).unwrap()).unwrap();
            }
        }
        let x = candle_core::Var::ones((1, 2, side, 64), DType::F64, &Device::Cpu).unwrap();
        let y = generator.forward_t(&x, false).unwrap();
        for output in (192..320).step_by(5).chain([255, 256]) {
            let row: Tensor = y.narrow(2, output, 1).unwrap().sum_all().unwrap();
            let gradient = row.backward().unwrap();
            let gradient = gradient.get(&x).unwrap().sum((0, 1, 3)).unwrap().to_vec1::<f64>().unwrap();
            let first = gradient.iter().position(|&g| g != 0.0).unwrap() as i64;
            let last = gradient.iter().rposition(|&g| g != 0.0).unwrap() as i64;
            assert_eq!(field(output as i64), (first, last), "output row {output}");
        }
    }

    #[test]
    fn the_halo_holds_the_field() {
        let halo = i64::from(halo());
        assert_eq!(halo % 64, 0);
        for output in 0..64 {
            assert!(field(output).0 >= -halo && field(output).1 < 64 + halo);
        }
    }
}
