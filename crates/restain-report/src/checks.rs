//! The checks in words; `docs/quality-checks.md` says how they are measured, and on what.

use crate::figures::{exact, number};

/// What is told of a check.
#[derive(Debug)]
pub(crate) struct Definition {
    /// As the check calls itself.
    pub(crate) name: &'static str,
    /// As people do.
    pub(crate) title: &'static str,
    /// On which side of the threshold it fires.
    fires: &'static str,
    unit: Unit,
    /// What is measured.
    pub(crate) what: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Share,
    Of(&'static str),
}

impl Unit {
    fn of(self, value: f64, text: fn(f64) -> String) -> String {
        match self {
            Self::Share => format!("{}%", text(100.0 * value)),
            Self::Of(unit) => text(value) + unit,
        }
    }
}

/// What a slide has that is done and could not be compared with its output.
pub(crate) const UNEXAMINED: &str = "unexamined";
/// The check that fires where a model does not know slides of a kind.
pub(crate) const KIND: &str = "kind";

const fn check(
    name: &'static str,
    title: &'static str,
    fires: &'static str,
    unit: Unit,
    what: &'static str,
) -> Definition {
    Definition { name, title, fires, unit, what }
}

/// All checks, in the order of an examination.
pub(crate) const ALL: [Definition; 10] = [
    check(
        "structure",
        "Structure",
        "below",
        Unit::Of(""),
        "SSIM of gray in the worst region, after the output was given the slide's brightness and contrast there. 1 is the same structure.",
    ),
    check(
        "displacement",
        "Displacement",
        "above",
        Unit::Of(" px"),
        "By how many pixels the output lies beside the slide in the worst region.",
    ),
    check(
        "sharpness",
        "Sharpness",
        "below",
        Unit::Of(""),
        "Fine detail after over fine detail before, at the same contrast, in the worst region. 1 is as sharp.",
    ),
    check(
        "hallucination",
        "Hallucination",
        "above",
        Unit::Share,
        "Share of the worst region with edges that the slide does not have.",
    ),
    check(
        "noise",
        "Noise",
        "above",
        Unit::Of(" levels"),
        "How much more fine detail there is where the slide is smooth, in gray levels, in the worst region.",
    ),
    check(
        "red-blue",
        "Red and blue",
        "below",
        Unit::Of(""),
        "Whether warm colours stayed warm and cold ones cold in the worst region: 1 is all, -1 is an exchange.",
    ),
    check(
        "mask",
        "Mask",
        "above",
        Unit::Share,
        "Share of the tissue where red became the strongest colour, or ceased to be it.",
    ),
    check(
        "clipping",
        "Clipping",
        "above",
        Unit::Share,
        "Share of the worst region where a colour newly ends at black or at full light.",
    ),
    check(
        "background",
        "Background",
        "above",
        Unit::Of(""),
        "How far empty glass is from every tint that it may have, in a* and b* of CIELAB, in the worst region.",
    ),
    check(
        KIND,
        "Kind of slide",
        "above",
        Unit::Of(" times"),
        "How far the slide's tissue is from what the model saw in training, in units of how far that differs in itself.",
    ),
];

pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

/// A check or another flag as people call it.
pub(crate) fn title(name: &str) -> &str {
    if name == UNEXAMINED {
        return "Not examined";
    }
    definition(name).map_or(name, |definition| definition.title)
}

impl Definition {
    /// A value or a threshold with its unit.
    pub(crate) fn value(&self, value: f64) -> String {
        self.unit.of(value, number)
    }

    /// When it fires.
    pub(crate) fn fires(&self, threshold: f64) -> String {
        format!("fires {} {}", self.fires, self.unit.of(threshold, exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_the_documentation_is_defined() {
        let documentation = include_str!("../../../docs/quality-checks.md");
        let rows = documentation.lines().skip_while(|line| !line.starts_with("| check |")).skip(2);
        let rows: Vec<Vec<&str>> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| row.split('|').map(str::trim).collect())
            .collect();
        let documented: Vec<&str> = rows.iter().map(|row| row[1]).collect();
        assert_eq!(documented, ALL.map(|definition| definition.name));
        for (row, definition) in rows.iter().zip(ALL) {
            assert!(row[3].starts_with(definition.fires), "{row:?}");
        }
    }
}
