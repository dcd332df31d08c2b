//! A step of Adam.

use candle_core::Result;

use super::{Kernel, Machine, pieces};
use crate::adam::AdamStep;

#[repr(C)]
#[derive(Clone, Copy)]
struct Adam {
    variable: *mut f32,
    mean: *mut f32,
    square: *mut f32,
    gradient: *const f32,
    count: i64,
    keep_mean: f32,
    take_mean: f32,
    keep_square: f32,
    take_square: f32,
    size: f32,
    epsilon: f32,
}

impl Kernel for Adam {
    const NAME: &'static str = "adam";
}

/// The variable and its moments, which move, and the gradient, all of one length.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) variable: *mut f32,
    pub(crate) mean: *mut f32,
    pub(crate) square: *mut f32,
    pub(crate) gradient: *const f32,
    pub(crate) count: usize,
}

/// Moves both moments towards the gradient, then the variable against it.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// The addresses are in the machine's memory, of `count` numbers each.
pub(crate) unsafe fn adam<M: Machine>(machine: &M, slot: Slot, step: &AdamStep) -> Result<()> {
    let Slot { variable, mean, square, gradient, count } = slot;
    let kernel = Adam {
        variable,
        mean,
        square,
        gradient,
        count: count as i64,
        keep_mean: step.beta1 as f32,
        take_mean: (1.0 - step.beta1) as f32,
        keep_square: step.beta2 as f32,
        take_square: (1.0 - step.beta2) as f32,
        size: step.size as f32,
        epsilon: step.epsilon as f32,
    };
    // SAFETY: the caller's promise; a block takes a piece.
    unsafe { machine.launch(&kernel, pieces(count)) }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::super::emulated::{Memory, assert_close, elements, emulate, random};
    use super::*;

    #[test]
    fn a_step_is_that_of_the_definition() {
        let step = AdamStep { beta1: 0.9, beta2: 0.99, size: 0.01, epsilon: 1e-3 };
        for count in [1, 257, 4096, 4097, 9000] {
            let [variable, mean, gradient] = [(); 3].map(|()| random(count));
            let square = random(count).sqr().unwrap();
            let mut truth = [variable.clone(), mean.clone(), square.clone()]
                .map(|tensor| elements(&tensor).into_iter().map(f64::from).collect::<Vec<_>>());
            for (at, gradient) in elements(&gradient).into_iter().map(f64::from).enumerate() {
                let [variable, mean, square] = &mut truth;
                mean[at] = step.beta1 * mean[at] + (1.0 - step.beta1) * gradient;
                square[at] = step.beta2 * square[at] + (1.0 - step.beta2) * gradient * gradient;
                variable[at] -= step.size * mean[at] / (square[at].sqrt() + step.epsilon);
            }
            let results = emulate(|machine| {
                let [mut variable, mut mean, mut square, mut gradient] =
                    [&variable, &mean, &square, &gradient].map(Memory::of_tensor);
                let [at, mean_at, square_at, gradient_at] =
                    [&mut variable, &mut mean, &mut square, &mut gradient].map(Memory::at);
                let slot =
                    Slot { variable: at, mean: mean_at, square: square_at, gradient: gradient_at, count };
                // SAFETY: all have that length.
                unsafe { adam(machine, slot, &step).unwrap() };
                vec![variable, mean, square]
            });
            for (ours, truth) in results.iter().zip(&truth) {
                assert_close(ours, &Tensor::new(&truth[..], &Device::Cpu).unwrap(), 1e-6);
            }
        }
    }
}
