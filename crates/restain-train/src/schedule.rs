//! The learning rate over the steps.

use serde::{Deserialize, Serialize};

/// How the learning rate falls: constant at first, then down to nearly 0 over the last part of the steps.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The curve of the fall.
    pub decay: Decay,
    /// Share of the steps, in 0..=1, after which the fall begins; 1 keeps the rate constant.
    pub decay_from: f64,
}

/// The curve along which the learning rate falls.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// A straight line.
    Linear,
    /// Half a cosine wave (Loshchilov & Hutter 2017, equation 5, without restarts).
    Cosine,
}

impl Schedule {
    /// Factor on the learning rate, in 0..=1, of a step counted from 0.
    ///
    /// The factor would reach 0 one step after the last, so that no step is without effect.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        let start = self.decay_from * steps as f64;
        let span = steps as f64 - start;
        if step as f64 <= start || span <= 0.0 {
            return 1.0;
        }
        let part = ((step as f64 - start) / span).min(1.0);
        match self.decay {
            Decay::Linear => 1.0 - part,
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * part).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_from_one_towards_zero_over_the_last_part() {
        for decay in [Decay::Linear, Decay::Cosine] {
            let schedule = Schedule { decay, decay_from: 0.5 };
            let factors: Vec<f64> = (0..=100).map(|step| schedule.factor(step, 100)).collect();
            assert!(factors[..=50].iter().all(|&factor| (factor - 1.0).abs() < 1e-12), "{factors:?}");
            assert!((factors[75] - 0.5).abs() < 1e-12, "half way down at three quarters: {}", factors[75]);
            assert!(factors.windows(2).all(|pair| pair[1] <= pair[0]));
            assert!(factors[99] > 0.0 && factors[100].abs() < 1e-12);
        }
    }

    #[test]
    fn constant_when_the_fall_begins_at_the_end() {
        let schedule = Schedule { decay: Decay::Cosine, decay_from: 1.0 };
        assert!((0..10).all(|step| (schedule.factor(step, 10) - 1.0).abs() < 1e-12));
    }
}
