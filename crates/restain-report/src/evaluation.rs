//! The page about an evaluation.

use std::io::Write;
use std::path::{Path, PathBuf};

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde::Deserialize;

use crate::{
    Error, Result,
    file::{names, read, read_if_there},
    page::{self, picture, plot},
};

/// Bytes that tables may have, and figures, plots and panels.
const LONGEST_TABLES: u64 = 8 << 20;
const LONGEST_FILE: u64 = 64 << 20;
/// What plots and panels of a benchmark are called after its name, in the order of a page.
const PLOTS: [(&str, &str); 6] = [
    ("-accuracy.svg", "Accuracy on the target"),
    ("-checkpoints.svg", "Accuracy on the target while T learns"),
    ("-stages.svg", "Accuracy on the target while G trains"),
    ("-training.svg", "Accuracy on the source's validation part"),
    ("-colours.svg", "Colours of source and target"),
    ("-panel.png", "Patches"),
];

/// A folder of `restain evaluate`.
pub(crate) struct Evaluation {
    folder: PathBuf,
    /// `results.md`.
    tables: String,
    benchmarks: Vec<Benchmark>,
}

/// What is read of `results.json`.
#[derive(Deserialize)]
struct Results {
    benchmarks: Vec<Benchmark>,
}

#[derive(Deserialize)]
struct Benchmark {
    /// Its plots' names begin so.
    name: String,
    /// The heading of its tables.
    title: String,
}

impl Evaluation {
    /// Reads what an evaluation left; `None` where the folder holds no tables of one.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("results.md");
        let Some(tables) = read_if_there(&path, LONGEST_TABLES)? else { return Ok(None) };
        let tables =
            String::from_utf8(tables).map_err(|_| Error::Content { path, what: "no text".to_owned() })?;
        let path = folder.join("results.json");
        let results: Results = serde_json::from_slice(&read(&path, LONGEST_FILE)?).map_err(|error| {
            Error::Content { path, what: format!("no results of an evaluation ({error})") }
        })?;
        Ok(Some(Self { folder: folder.to_owned(), tables, benchmarks: results.benchmarks }))
    }

    /// Each benchmark's tables, then its plots and its panel.
    pub(crate) fn write(&self, out: &mut impl Write) -> Result<()> {
        page::begin(out, "Evaluation report", &html! {})?;
        let there = names(&self.folder)?;
        for (title, tables) in sections(&self.tables) {
            let section = html! { section.tables { (tables) } };
            out.write_all(section.into_string().as_bytes())?;
            let benchmarks =
                self.benchmarks.iter().filter(|benchmark| title.as_ref() == Some(&benchmark.title));
            for benchmark in benchmarks {
                for (end, what) in PLOTS {
                    let name = benchmark.name.clone() + end;
                    // Names come from a file, and may try to lead out of the folder.
                    if there.contains(&name) {
                        let figure = self.figure(&name, &format!("{what}: {}", benchmark.title))?;
                        out.write_all(figure.into_string().as_bytes())?;
                    }
                }
            }
        }
        page::end(out)
    }

    /// A plot, or a panel with its legend.
    fn figure(&self, name: &str, what: &str) -> Result<Markup> {
        let bytes = read(&self.folder.join(name), LONGEST_FILE)?;
        let Some(panel) = name.strip_suffix(".png") else {
            return Ok(html! { figure.plots { (plot(&bytes, what)) } });
        };
        let legend = read_if_there(&self.folder.join(format!("{panel}.md")), LONGEST_TABLES)?;
        let legend = legend.map(|legend| String::from_utf8_lossy(&legend).into_owned()).unwrap_or_default();
        Ok(html! { figure.plots { (picture(&bytes, what)) figcaption { (markdown(events(&legend))) } } })
    }
}

/// The parts of a text that each begin with a heading of the second level, with it; what is before the first has none.
fn sections(text: &str) -> Vec<(Option<String>, Markup)> {
    let mut parts = vec![(None, vec![])];
    let mut in_heading = false;
    for event in events(text) {
        match &event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                parts.push((Some(String::new()), vec![]));
                in_heading = true;
            }
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => in_heading = false,
            Event::Text(text) | Event::Code(text) if in_heading => {
                if let Some((Some(title), _)) = parts.last_mut() {
                    title.push_str(text);
                }
            }
            _ => {}
        }
        if let Some((_, events)) = parts.last_mut() {
            events.push(event);
        }
    }
    parts.into_iter().map(|(title, events)| (title, markdown(events.into_iter()))).collect()
}

/// Markdown with tables, in which HTML is text, and links and pictures are what stands in their place. Columns are aligned by the
/// page's style, as its policy allows none within.
fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Table(columns)) => {
            Some(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])))
        }
        Event::Start(Tag::Link { .. } | Tag::Image { .. }) | Event::End(TagEnd::Link | TagEnd::Image) => None,
        event => Some(event),
    })
}

fn markdown<'t>(events: impl Iterator<Item = Event<'t>>) -> Markup {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    PreEscaped(html)
}
