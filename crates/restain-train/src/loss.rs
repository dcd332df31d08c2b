//! The adversarial losses and the task loss, on logits (paper, III.B.2 and III.B.3, equations 1, 3 and 4).
//!
//! As printed, (1) and (3) read `E[log D(X)] + E[1 - log D(G(GM))]`, the one outside the logarithm. Under that reading
//! D's part has no upper bound: D gains without end by calling generated images less and less likely. Implemented is
//! the loss of Goodfellow et al. 2014, equation 1, which the paper builds on:
//!
//! ```text
//! L(G, D) = E[log D(X)] + E[log(1 - D(G(GM)))]
//! ```
//!
//! D maximises it. G minimises its second term ([`Form::Minimax`]) or, in its place, `-log D(G(GM))`
//! ([`Form::NonSaturating`]), which is also what the printed formula would leave to G.
//!
//! D gives logits, a probability being the sigmoid of one. With `softplus(z) = log(1 + exp(z))`, `-log D` of a logit z
//! is `softplus(-z)` and `-log(1 - D)` is `softplus(z)`: finite for every finite logit, where the logarithm of a
//! probability rounded to 0 is not.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// What G minimises to deceive a discriminator.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `E[log(1 - D(G(GM)))]`, G's term of (1) and (3): almost flat while D is sure.
    Minimax,
    /// `E[-log D(G(GM))]` (Goodfellow et al. 2014, 3): the same fixed point, steep while D is sure.
    NonSaturating,
}

/// What D minimises, one number: minus (1) or (3), of the logits `[N]` of real and of generated images. It is 2 log 2 where
/// D calls everything as likely as not.
///
/// # Errors
/// If a tensor operation fails.
pub fn discriminator_loss(real: &Tensor, generated: &Tensor) -> Result<Tensor> {
    softplus(&real.neg()?)?.mean_all()? + softplus(generated)?.mean_all()?
}

/// What G minimises, one number: its term of (1) or (3), of the logits `[N]` of generated images.
///
/// # Errors
/// If a tensor operation fails.
pub fn generator_loss(form: Form, generated: &Tensor) -> Result<Tensor> {
    match form {
        Form::Minimax => softplus(generated)?.mean_all()?.neg(),
        Form::NonSaturating => softplus(&generated.neg()?)?.mean_all(),
    }
}

/// What T says of its classes, one number: (4), of logits `[N, 2]` of normal and abnormal, and for each image 1 where it is
/// abnormal, else 0, `[N]`.
///
/// As printed, (4) has `1 - log T(...)` where the cross entropy has `log(1 - T(...))`, so that of a normal
/// image it is `log T(...) - 1`, which has no lower bound. Implemented is the cross entropy `E[-log T_y]`, y
/// the label: with two classes, `softplus(z_other - z_y)`.
///
/// # Errors
/// If the shapes do not fit or a tensor operation fails.
pub fn task_loss(logits: &Tensor, abnormal: &Tensor) -> Result<Tensor> {
    let for_abnormal = (logits.narrow(1, 1, 1)? - logits.narrow(1, 0, 1)?)?.squeeze(1)?;
    let sign = (1.0 - (abnormal * 2.0)?)?;
    softplus(&(for_abnormal * sign)?)?.mean_all()
}

/// `log(1 + exp(z))`, as `max(z, 0) + log(1 + exp(-|z|))`, whose exponential is at most 1. `-|z|` is written so that
/// the gradient is right at 0 too.
fn softplus(z: &Tensor) -> Result<Tensor> {
    let zero = z.zeros_like()?;
    let (above, below) = (z.maximum(&zero)?, z.minimum(&zero)?);
    let tail = ((below - &above)?.exp()? + 1.0)?.log()?;
    above + tail
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    fn logits(values: &[f64]) -> Var {
        Var::new(values, &Device::Cpu).unwrap()
    }

    fn number(tensor: &Tensor) -> f64 {
        tensor.to_scalar().unwrap()
    }

    const REAL: [f64; 3] = [0.3, -2.0, 4.0];
    const GENERATED: [f64; 3] = [-0.8, 1.5, 0.0];

    fn sigmoid(z: f64) -> f64 {
        1.0 / (1.0 + (-z).exp())
    }

    fn mean(of: [f64; 3], term: impl Fn(f64) -> f64) -> f64 {
        of.into_iter().map(term).sum::<f64>() / 3.0
    }

    #[test]
    fn losses_are_those_of_the_probabilities() {
        let (real, generated) = (logits(&REAL), logits(&GENERATED));
        let equation1 = mean(REAL, |z| sigmoid(z).ln()) + mean(GENERATED, |z| (1.0 - sigmoid(z)).ln());
        assert!((number(&discriminator_loss(&real, &generated).unwrap()) + equation1).abs() < 1e-12);
        let minimax = mean(GENERATED, |z| (1.0 - sigmoid(z)).ln());
        assert!((number(&generator_loss(Form::Minimax, &generated).unwrap()) - minimax).abs() < 1e-12);
        let other = mean(GENERATED, |z| -sigmoid(z).ln());
        assert!((number(&generator_loss(Form::NonSaturating, &generated).unwrap()) - other).abs() < 1e-12);
    }

    #[test]
    fn gradients_are_those_of_the_closed_form() {
        let (real, generated) = (logits(&REAL), logits(&GENERATED));
        let check = |loss: Tensor, of: &Var, slope: &dyn Fn(f64) -> f64| {
            let gradients = loss.backward().unwrap();
            let gradient = gradients.get(of).unwrap().to_vec1::<f64>().unwrap();
            for (gradient, z) in gradient.into_iter().zip(of.to_vec1::<f64>().unwrap()) {
                assert!((gradient - slope(z) / 3.0).abs() < 1e-12, "{gradient} at {z}");
            }
        };
        check(discriminator_loss(&real, &generated).unwrap(), &real, &|z| sigmoid(z) - 1.0);
        check(discriminator_loss(&real, &generated).unwrap(), &generated, &sigmoid);
        check(generator_loss(Form::Minimax, &generated).unwrap(), &generated, &|z| -sigmoid(z));
        check(generator_loss(Form::NonSaturating, &generated).unwrap(), &generated, &|z| sigmoid(z) - 1.0);
    }

    #[test]
    fn the_task_loss_is_the_cross_entropy() {
        let pairs = [[0.5, -1.0], [2.0, 3.0], [-4.0, 4.0]];
        let labels = [0.0, 1.0, 0.0];
        let softmax = |[a, b]: [f64; 2], label: f64| {
            let chosen = if label > 0.5 { b } else { a };
            chosen.exp() / (a.exp() + b.exp())
        };
        let truth =
            -pairs.iter().zip(labels).map(|(pair, label)| softmax(*pair, label).ln()).sum::<f64>() / 3.0;
        let logits = Var::new(&pairs, &Device::Cpu).unwrap();
        let labels = Tensor::new(&labels, &Device::Cpu).unwrap();
        let loss = task_loss(&logits, &labels).unwrap();
        assert!((number(&loss) - truth).abs() < 1e-12);
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&logits).unwrap().to_vec2::<f64>().unwrap();
        for (gradient, (pair, label)) in gradient.iter().zip(pairs.iter().zip([0.0, 1.0, 0.0])) {
            let slope = (softmax(*pair, 1.0) - label) / 3.0;
            assert!((gradient[1] - slope).abs() < 1e-12 && (gradient[0] + slope).abs() < 1e-12);
        }
    }

    /// A probability would be 0 or 1 here, in f32 and in f64, and its logarithm infinite.
    #[test]
    fn logits_far_from_zero_give_finite_losses() {
        let (low, high) = (logits(&[-1e4]), logits(&[1e4]));
        assert!((number(&discriminator_loss(&low, &high).unwrap()) - 2e4).abs() < 1e-9);
        assert!((number(&generator_loss(Form::NonSaturating, &low).unwrap()) - 1e4).abs() < 1e-9);
        assert!((number(&generator_loss(Form::Minimax, &high).unwrap()) + 1e4).abs() < 1e-9);
        let gradients = discriminator_loss(&low, &high).unwrap().backward().unwrap();
        assert!((gradients.get(&low).unwrap().to_vec1::<f64>().unwrap()[0] + 1.0).abs() < 1e-12);
    }
}
