//! Numbers as cells, and cells as a table.

use crate::OverSeeds;

/// A number of a row as it is printed.
pub(super) struct Cell {
    number: Option<OverSeeds>,
    /// How many seeds the row has.
    seeds: usize,
    scale: f64,
    decimals: usize,
}

impl Cell {
    /// A share in 0..1, in percent.
    pub(super) fn percent(number: Option<OverSeeds>, seeds: usize, decimals: usize) -> Self {
        Self { number, seeds, scale: 100.0, decimals }
    }

    /// A number in its own unit.
    pub(super) fn plain(number: Option<OverSeeds>, seeds: usize, decimals: usize) -> Self {
        Self { number, seeds, scale: 1.0, decimals }
    }

    fn text(&self) -> String {
        let Some(number) = &self.number else { return "-".into() };
        let digits = |value: f64| {
            let text = format!("{:.*}", self.decimals, self.scale * value);
            // What rounds to zero has no sign.
            if text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { text } else { text.replace('-', "") }
        };
        let found = number.seeds.len();
        let text = match number.mean {
            f64::INFINITY => "∞".into(),
            mean if found == 1 => digits(mean),
            mean => format!("{} ± {}", digits(mean), digits(number.spread)),
        };
        if found < self.seeds { format!("{text} ({found} of {})", self.seeds) } else { text }
    }
}

/// A line for each title and its cells, or `None` where no cell has a number.
pub(super) fn markdown(columns: &[&str], lines: Vec<(String, Vec<Cell>)>) -> Option<String> {
    lines.iter().flat_map(|(_, cells)| cells).find(|cell| cell.number.is_some())?;
    let head = format!("| | {} |\n| --- |{}\n", columns.join(" | "), " ---: |".repeat(columns.len()));
    let lines = lines.into_iter().map(|(title, cells)| {
        let cells: Vec<String> = cells.iter().map(Cell::text).collect();
        format!("| {} | {} |\n", escaped(&title), cells.join(" | "))
    });
    Some(head + &lines.collect::<String>())
}

/// A title as a cell: a bar would end it.
fn escaped(title: &str) -> String {
    title.replace('|', "\\|").replace(['\n', '\r'], " ")
}
