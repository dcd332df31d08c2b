//! Adam (Kingma & Ba 2015, algorithm 1) with its state in the open, so that a run can be continued exactly.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use candle_core::{
    CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var, WithDType, backprop::GradStore, bail,
};
use rayon::prelude::*;
use restain_net::{AdamStep, adam_on_gpu};
use serde::{Deserialize, Serialize};

/// Decay rates of Adam.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay rate of the mean of the gradients, in 0..1.
    pub beta1: f64,
    /// Decay rate of the mean of the squared gradients, in 0..1.
    pub beta2: f64,
    /// Keeps the division finite.
    #[serde(default = "default_epsilon")]
    pub epsilon: f64,
}

fn default_epsilon() -> f64 {
    1e-8
}

/// The optimizer and its state: two moments for each variable, and the number of steps taken.
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    slots: Vec<Slot>,
}

struct Slot {
    name: String,
    variable: Var,
    /// Decaying mean of the gradients, m in the paper.
    mean: Tensor,
    /// Decaying mean of the squared gradients, v in the paper.
    square: Tensor,
}

impl Adam {
    /// An optimizer of the named variables, at step 0. Their order, the sorted one of their names, does not change
    /// the result.
    ///
    /// # Errors
    /// If the state cannot be allocated on the variables' device.
    pub fn new(variables: BTreeMap<String, Var>, config: AdamConfig) -> Result<Self> {
        let slots = variables
            .into_iter()
            .map(|(name, variable)| {
                Ok(Slot { name, mean: variable.zeros_like()?, square: variable.zeros_like()?, variable })
            })
            .collect::<Result<_>>()?;
        Ok(Self { config, steps: 0, slots })
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moves every variable one step of size `learning_rate`, alpha in the paper, down its gradient. A variable without
    /// a gradient stays where it is.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.steps += 1;
        let AdamConfig { beta1, beta2, epsilon } = self.config;
        // The corrections for the moments' start at zero, folded into the step size and epsilon as the paper
        // proposes just before its section 2.1: fewer passes over the weights. Scaling epsilon too keeps the
        // result equal to that of algorithm 1.
        let correction1 = 1.0 - beta1.powf(self.steps as f64);
        let correction2 = (1.0 - beta2.powf(self.steps as f64)).sqrt();
        let size = learning_rate * correction2 / correction1;
        for slot in &mut self.slots {
            let Some(gradient) = gradients.get(slot.variable.as_tensor()) else { continue };
            let gradient = gradient.detach().contiguous()?;
            let epsilon = epsilon * correction2;
            if gradient.device().is_cpu() {
                slot.mean.inplace_op2(&gradient, &Decay { rate: beta1, squared: false })?;
                slot.square.inplace_op2(&gradient, &Decay { rate: beta2, squared: true })?;
                let variable = slot.variable.as_tensor();
                variable.inplace_op3(&slot.mean, &slot.square, &Descent { size, epsilon })?;
            } else {
                let step = AdamStep { beta1, beta2, size, epsilon };
                adam_on_gpu(slot.variable.as_tensor(), &slot.mean, &slot.square, &gradient, &step)?;
            }
        }
        Ok(())
    }

    /// The moments, as `mean.<variable>` and `square.<variable>`; the next step changes them.
    pub fn state(&self) -> HashMap<String, Tensor> {
        let both = |slot: &Slot| {
            [(mean_name(&slot.name), slot.mean.clone()), (square_name(&slot.name), slot.square.clone())]
        };
        self.slots.iter().flat_map(both).collect()
    }

    /// Goes back to the state saved after `steps` steps.
    ///
    /// # Errors
    /// If a moment is missing or of another shape; the optimizer is then unchanged.
    pub fn restore(&mut self, steps: u64, state: &HashMap<String, Tensor>) -> Result<()> {
        let find = |name: String, like: &Var| match state.get(&name) {
            Some(tensor) if tensor.shape() == like.shape() => tensor.to_device(like.device())?.copy(),
            Some(tensor) => candle_core::bail!("{name} has shape {:?}, not {:?}", tensor.dims(), like.dims()),
            None => candle_core::bail!("{name} is missing"),
        };
        let moments = self
            .slots
            .iter()
            .map(|slot| {
                Ok((
                    find(mean_name(&slot.name), &slot.variable)?,
                    find(square_name(&slot.name), &slot.variable)?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        for (slot, (mean, square)) in self.slots.iter_mut().zip(moments) {
            (slot.mean, slot.square) = (mean, square);
        }
        self.steps = steps;
        Ok(())
    }
}

/// The numbers that variables are made of.
trait Float: WithDType {
    fn sqrt(self) -> Self;
}

impl Float for f32 {
    fn sqrt(self) -> Self {
        self.sqrt()
    }
}

impl Float for f64 {
    fn sqrt(self) -> Self {
        self.sqrt()
    }
}

/// Moves a moment towards the gradient, or its square: `moment = rate * moment + (1 - rate) * gradient`.
struct Decay {
    rate: f64,
    squared: bool,
}

/// Moves a variable against its mean gradient: `variable -= size * mean / (sqrt(square) + epsilon)`.
struct Descent {
    size: f64,
    epsilon: f64,
}

impl InplaceOp2 for Decay {
    fn name(&self) -> &'static str {
        "adam-decay"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        at: &Layout,
        gradient: &CpuStorage,
        from: &Layout,
    ) -> Result<()> {
        fn run<T: Float>(decay: &Decay, moment: &mut [T], gradient: &[T]) {
            let (keep, take) = (T::from_f64(decay.rate), T::from_f64(1.0 - decay.rate));
            let pieces = moment.par_chunks_mut(PIECE).zip(gradient.par_chunks(PIECE));
            pieces.for_each(|(moment, gradient)| {
                for (moment, gradient) in moment.iter_mut().zip(gradient) {
                    let gradient = if decay.squared { *gradient * *gradient } else { *gradient };
                    *moment = keep * *moment + take * gradient;
                }
            });
        }
        let (at, from) = (elements(at)?, elements(from)?);
        match (moment, gradient) {
            (CpuStorage::F32(moment), CpuStorage::F32(gradient)) => {
                run(self, &mut moment[at], &gradient[from]);
            }
            (CpuStorage::F64(moment), CpuStorage::F64(gradient)) => {
                run(self, &mut moment[at], &gradient[from]);
            }
            _ => bail!("Adam on the CPU takes f32 or f64"),
        }
        Ok(())
    }
}

impl InplaceOp3 for Descent {
    fn name(&self) -> &'static str {
        "adam-descent"
    }

    fn cpu_fwd(
        &self,
        variable: &mut CpuStorage,
        at: &Layout,
        mean: &CpuStorage,
        mean_at: &Layout,
        square: &CpuStorage,
        square_at: &Layout,
    ) -> Result<()> {
        fn run<T: Float>(descent: &Descent, variable: &mut [T], mean: &[T], square: &[T]) {
            let (size, epsilon) = (T::from_f64(descent.size), T::from_f64(descent.epsilon));
            let pieces =
                variable.par_chunks_mut(PIECE).zip(mean.par_chunks(PIECE)).zip(square.par_chunks(PIECE));
            pieces.for_each(|((variable, mean), square)| {
                for ((variable, mean), square) in variable.iter_mut().zip(mean).zip(square) {
                    *variable -= size * *mean / (square.sqrt() + epsilon);
                }
            });
        }
        let (at, mean_at, square_at) = (elements(at)?, elements(mean_at)?, elements(square_at)?);
        match (variable, mean, square) {
            (CpuStorage::F32(variable), CpuStorage::F32(mean), CpuStorage::F32(square)) => {
                run(self, &mut variable[at], &mean[mean_at], &square[square_at]);
            }
            (CpuStorage::F64(variable), CpuStorage::F64(mean), CpuStorage::F64(square)) => {
                run(self, &mut variable[at], &mean[mean_at], &square[square_at]);
            }
            _ => bail!("Adam on the CPU takes f32 or f64"),
        }
        Ok(())
    }
}

/// Elements a thread takes at a time.
const PIECE: usize = 1 << 14;

/// Where the elements of a contiguous tensor lie in its storage.
fn elements(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(from..to),
        None => bail!("a contiguous tensor is needed"),
    }
}

fn mean_name(variable: &str) -> String {
    format!("mean.{variable}")
}

fn square_name(variable: &str) -> String {
    format!("square.{variable}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    const CONFIG: AdamConfig = AdamConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-3 };

    /// Algorithm 1 of the paper, literally and in f64, on f(x) = (x - 3)^2 / 2, whose gradient is x - 3.
    fn reference(start: f64, rates: &[f64]) -> Vec<f64> {
        let (mut x, mut m, mut v, mut path) = (start, 0.0, 0.0, Vec::new());
        for (t, rate) in (1..).zip(rates) {
            let gradient = x - 3.0;
            m = CONFIG.beta1 * m + (1.0 - CONFIG.beta1) * gradient;
            v = CONFIG.beta2 * v + (1.0 - CONFIG.beta2) * gradient * gradient;
            let m_hat = m / (1.0 - CONFIG.beta1.powi(t));
            let v_hat = v / (1.0 - CONFIG.beta2.powi(t));
            x -= rate * m_hat / (v_hat.sqrt() + CONFIG.epsilon);
            path.push(x);
        }
        path
    }

    fn descend(adam: &mut Adam, x: &Var, rate: f64) -> Result<Vec<f64>> {
        let loss = ((x.as_tensor() - 3.0)?.sqr()? * 0.5)?.sum_all()?;
        adam.step(&loss.backward()?, rate)?;
        x.to_vec1()
    }

    fn one_variable(start: &[f64]) -> Result<(Var, Adam)> {
        let x = Var::new(start, &Device::Cpu)?;
        let adam = Adam::new(BTreeMap::from([("x".to_owned(), x.clone())]), CONFIG)?;
        Ok((x, adam))
    }

    #[test]
    fn follows_the_algorithm_of_the_paper() -> Result<()> {
        let starts = [0.0, 2.5, -40.0];
        let rates: Vec<f64> = (0..50).map(|i| 0.1 - f64::from(i) / 600.0).collect();
        let (x, mut adam) = one_variable(&starts)?;
        let truth: Vec<Vec<f64>> = starts.iter().map(|&start| reference(start, &rates)).collect();
        for (t, &rate) in rates.iter().enumerate() {
            let now = descend(&mut adam, &x, rate)?;
            for (value, path) in now.iter().zip(&truth) {
                assert!((value - path[t]).abs() < 1e-9, "step {t}: {value} against {}", path[t]);
            }
        }
        assert_eq!(adam.steps(), 50);
        Ok(())
    }

    #[test]
    fn restored_state_continues_exactly() -> Result<()> {
        let (x, mut adam) = one_variable(&[1.0, -1.0])?;
        for _ in 0..5 {
            descend(&mut adam, &x, 0.1)?;
        }
        let (y, mut other) = one_variable(&x.to_vec1::<f64>()?)?;
        other.restore(adam.steps(), &adam.state())?;
        for _ in 0..5 {
            assert_eq!(descend(&mut adam, &x, 0.05)?, descend(&mut other, &y, 0.05)?);
        }
        Ok(())
    }

    #[test]
    fn refuses_a_state_that_does_not_fit() -> Result<()> {
        let (_, mut adam) = one_variable(&[1.0, -1.0])?;
        let (_, other) = one_variable(&[1.0])?;
        let message = adam.restore(1, &other.state()).unwrap_err().to_string();
        assert!(message.contains("mean.x has shape [1], not [2]"), "{message}");
        let message = adam.restore(1, &HashMap::new()).unwrap_err().to_string();
        assert!(message.contains("mean.x is missing"), "{message}");
        assert_eq!(adam.steps(), 0);
        Ok(())
    }
}
