//! The adversarial losses, on logits (paper, III.B.2, equations 1 and 3).
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
