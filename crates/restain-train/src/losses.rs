//! The losses of one step.

use std::fmt;

use serde::Serialize;

/// The losses of a step, before it, each a mean over its batch; `None` where it takes no part in the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Losses {
    /// The sum (5) that G minimises, with the stage's weights.
    pub g: f32,
    /// (2), images in 0..=1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1: Option<f32>,
    /// G's term of (1), before its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gan1: Option<f32>,
    /// G's term of (3), before its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gan2: Option<f32>,
    /// (4), before its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<f32>,
    /// What D1 minimises, minus (1); 1.386 where it cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub d1: Option<f32>,
    /// What D2 minimises, minus (3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub d2: Option<f32>,
}

impl Losses {
    /// Name and value of each, in the order of the loss log.
    pub fn named(&self) -> [(&'static str, Option<f32>); 7] {
        let Self { g, l1, gan1, gan2, task, d1, d2 } = *self;
        [("g", Some(g)), ("l1", l1), ("gan1", gan1), ("gan2", gan2), ("task", task), ("d1", d1), ("d2", d2)]
    }
}

impl fmt::Display for Losses {
    /// The losses that take part, without the sum where there is but one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.named().into_iter().filter_map(|(name, value)| Some((name, value?)));
        let parts: Vec<String> = parts.map(|(name, value)| format!("{name} {value:.4}")).collect();
        let shown = if parts.len() == 2 { &parts[1..] } else { &parts };
        f.write_str(&shown.join("  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_takes_part() {
        let mut losses = Losses { g: 0.5, l1: Some(0.5), ..Losses::default() };
        assert_eq!(losses.to_string(), "l1 0.5000");
        (losses.gan2, losses.d2) = (Some(0.25), Some(1.0));
        assert_eq!(losses.to_string(), "g 0.5000  l1 0.5000  gan2 0.2500  d2 1.0000");
    }
}
