//! What a page holds, and what it may not run.

mod support;

use base64::encode;
use restain_report::{Pictures, Status};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{SCRIPT, batch, html, pictures};

/// The texts of all elements of a kind.
fn elements<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let open = format!("<{kind}>");
    page.split(&open)
        .skip(1)
        .map(|rest| rest.split(&format!("</{kind}>")).next().unwrap_or_default())
        .collect()
}

fn policy(page: &str) -> &str {
    let rest = page.split("Content-Security-Policy\" content=\"").nth(1).expect("a policy");
    rest.split('"').next().expect("its end")
}

#[test]
fn the_policy_allows_the_page_its_own_sources_and_nothing_else() {
    let page = html(&batch(1));
    let policy = policy(&page);
    assert!(policy.starts_with("default-src 'none'; img-src data:; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    let directive = |name: &str| policy.split("; ").find(|part| part.starts_with(name)).expect("a directive");
    for (kind, name, count) in [("style", "style-src", 1), ("script", "script-src", 2)] {
        let hashes: Vec<String> = elements(&page, kind)
            .into_iter()
            .map(|source| format!("'sha256-{}'", encode(Sha256::digest(source))))
            .collect();
        assert_eq!(hashes.len(), count, "no other {kind} is in the page");
        assert_eq!(directive(name), format!("{name} {}", hashes.join(" ")));
    }
    assert!(!page.contains(" style=\"") && !page.contains(" onclick"), "the policy would forbid it");
}

#[test]
fn names_and_reasons_of_strangers_are_text() {
    let mut report = batch(0);
    let hostile = r#""><img src=x onerror=alert(1)><svg onload='alert(2)'>"#;
    for slide in &mut report.slides {
        slide.name = format!("{hostile}{}", slide.name);
        slide.error = Some(hostile.to_owned());
        slide.flags.extend((!slide.flags.is_empty()).then(|| hostile.to_owned()));
        if let Some(look) = &mut slide.look {
            look.stage_seconds.insert(hostile.to_owned(), 1.0);
            for check in look.examination.iter_mut().flat_map(|examination| &mut examination.checks) {
                check.why = hostile.to_owned();
            }
            if let Some(examination) = &mut look.examination {
                examination.checks[0].name = hostile.to_owned();
            }
        }
    }
    let recipe = &mut report.recipes[0];
    recipe.model.insert(hostile.to_owned(), hostile.into());
    recipe.settings.insert(hostile.to_owned(), serde_json::json!({hostile: [hostile]}));
    let page = html(&report);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains("<img src=x") && !page.contains("<svg onload") && !page.contains(SCRIPT));
    assert_eq!(elements(&page, "script").len(), 2);
}

#[test]
fn json_holds_every_figure_and_no_picture() {
    let mut report = batch(2);
    report.mp_per_s = f64::INFINITY;
    let json = report.json().expect("JSON");
    let value: Value = serde_json::from_slice(&json).expect("JSON");
    assert!(value["mp_per_s"].is_null(), "JSON knows no infinity");
    let slides = value["slides"].as_array().expect("a list");
    assert_eq!(slides.len(), 9);
    let of = |name: &str| slides.iter().find(|slide| slide["name"] == name).expect("a slide");
    assert_eq!(of("smear-0417")["flags"], serde_json::json!(["displacement", "structure"]));
    assert_eq!(of("smear-0500")["flags"], serde_json::json!([]));
    assert_eq!(of("smear-0430")["status"], "failed");
    assert!(of("smear-0430")["error"].as_str().is_some_and(|error| error.contains("Data0003.dat")));
    let check = &of("smear-0417")["look"]["examination"]["checks"][0];
    assert_eq!((&check["value"], &check["threshold"]), (&0.41.into(), &0.7.into()));
    assert_eq!(value["recipes"][0]["card"]["held_out"]["fields"], 23.0);
    assert!(json.is_ascii() && !String::from_utf8_lossy(&json).contains("thumbnail"));
}

#[test]
fn pictures_are_asked_for_slide_by_slide_in_the_order_of_the_page() {
    let report = batch(1);
    let mut asked = Vec::new();
    let mut page = Vec::new();
    report
        .html(&mut page, &mut |slide| {
            asked.push(slide.name.clone());
            // Missing and damaged ones are told, and stop nothing.
            Pictures { whole: [vec![], b"no picture".to_vec()], regions: vec![] }
        })
        .expect("a page");
    let first = ["smear-0413", "smear-0423", "smear-0417", "smear-0421", SCRIPT, "smear-0500"];
    assert_eq!(asked, first, "of slides that failed or are due there are none");
    let page = String::from_utf8(page).expect("text");
    assert_eq!(page.matches("No picture").count(), 2 * first.len());
}

#[test]
fn what_must_not_be_overlooked_is_said_at_the_top_and_at_the_slide() {
    let page = html(&batch(1));
    let (top, sections) = page.split_once("<article").expect("sections");
    for text in ["do not trust the output", "nobody knows whether harm was done"] {
        assert!(top.to_lowercase().contains(text) && sections.to_lowercase().contains(text), "{text}");
    }
    let clean = {
        let mut report = batch(1);
        report.slides.retain(|slide| slide.status == Status::Done && slide.flags.is_empty());
        html(&report)
    };
    assert!(clean.contains("No check fired.") && !clean.contains("class=\"alarm\""));
}

#[test]
fn distances_are_told_in_words() {
    let page = html(&batch(1));
    let section = |name: &str| {
        let from = page.find(&format!("<h3>{name}</h3>")).expect("a section");
        page[from..].split("</article>").next().expect("its end")
    };
    assert!(section("smear-0413").contains("farther") && !section("smear-0413").contains("nearer"));
    assert!(section("smear-0500").contains("nearer") && !section("smear-0500").contains("farther"));
}

/// Colours without one in common are infinitely far from each other.
#[test]
fn an_infinite_distance_is_no_number() {
    let mut report = batch(1);
    for look in report.slides.iter_mut().filter_map(|slide| slide.look.as_mut()) {
        if let Some(examination) = &mut look.examination {
            examination.distance = Some([f64::INFINITY, f64::INFINITY]);
        }
    }
    let page = html(&report);
    assert!(!page.contains("inf\"") && page.contains("– → –"));
}

/// Counts what passes, and the longest piece.
#[derive(Default)]
struct Counter([usize; 2]);
impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = [self.0[0] + bytes.len(), self.0[1].max(bytes.len())];
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is asked for once is not in memory for all: 300 slides, of which pictures have 100 KB each.
#[test]
fn a_night_of_slides_is_written_as_it_comes() {
    let mut report = batch(0);
    let slide = report.slides.iter().find(|slide| slide.name == SCRIPT).expect("a clean one").clone();
    report.slides = (0..300).map(|_| slide.clone()).collect();
    let mut counter = Counter::default();
    let pictures = pictures(&slide);
    report.html(&mut counter, &mut |_| pictures.clone()).expect("a page");
    let [all, longest] = counter.0;
    assert!(all > 20_000_000 && longest < 300_000, "{all} bytes, {longest} at once");
}

#[test]
fn an_empty_batch_has_a_page() {
    let mut report = batch(0);
    (report.slides, report.recipes) = (vec![], vec![]);
    assert!(html(&report).contains("No slide was made yet."));
}
