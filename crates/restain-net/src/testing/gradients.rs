//! What tests of differentiable operations share.

use candle_core::{DType, Device, Shape, Tensor, Var};

/// Values in -1..1, f64.
pub(crate) fn random(shape: impl Into<Shape>) -> Var {
    Var::rand_f64(-1.0, 1.0, shape, DType::F64, &Device::Cpu).unwrap()
}

/// The largest difference of two tensors.
pub(crate) fn largest(a: &Tensor, b: &Tensor) -> f64 {
    let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
    difference.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

/// For each argument of `of`: the slope of a random sum of its values along a random direction by finite differences, and
/// the same by the gradient. Both are exact where `of` is linear in each argument within the step of 1e-4.
pub(crate) fn slope_and_gradient<const N: usize>(
    arguments: [&Var; N],
    of: impl Fn([&Tensor; N]) -> Tensor,
) -> Vec<(f64, f64)> {
    let step = 1e-4;
    let y = of(arguments.map(Var::as_tensor));
    let along = random(y.shape());
    let loss = |y: &Tensor| (y * along.as_tensor()).unwrap().sum_all().unwrap();
    let gradients = loss(&y).backward().unwrap();
    let each = |which: usize| {
        let direction = random(arguments[which].shape());
        let moved = |by: f64| {
            let moved = (arguments[which].as_tensor() + (direction.as_tensor() * by).unwrap()).unwrap();
            let mut tensors = arguments.map(Var::as_tensor);
            tensors[which] = &moved;
            loss(&of(tensors)).to_scalar::<f64>().unwrap()
        };
        let gradient = gradients.get(arguments[which]).unwrap();
        let gradient = (gradient * direction.as_tensor()).unwrap().sum_all().unwrap();
        ((moved(step) - moved(-step)) / (2.0 * step), gradient.to_scalar().unwrap())
    };
    (0..N).map(each).collect()
}
