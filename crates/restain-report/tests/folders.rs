//! Pages about the folders of trainings and evaluations, whole and damaged.

mod support;

use std::fs;
use std::path::Path;

use restain_report::{Error, Result, run};
use tempfile::TempDir;

fn page(folder: &Path) -> Result<String> {
    let mut page = Vec::new();
    run(folder, &mut page)?;
    Ok(String::from_utf8(page).expect("text"))
}

fn folder(fill: fn(&Path)) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fill(folder.path());
    folder
}

#[test]
fn a_training_is_told() {
    let folder = folder(support::training);
    let page = page(folder.path()).expect("a page");
    for text in [
        "lab-gan12, 1500 steps",
        "stage 2",
        "1001 to 1500",
        "GAN2",
        "On 2 held-out fields",
        "0.9679",
        "our &lt;b&gt;lab&lt;/b&gt;",
        "Step 100<",
        "Step 1500<",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // 15 grids are there.
    assert_eq!(page.matches("<figcaption>Step ").count(), 12);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

/// The mean of each stage's last tenth, as the log has it.
#[test]
fn losses_at_the_end_of_a_stage_are_means() {
    let folder = folder(|folder| {
        let line = |step: u32| {
            format!(
                "{{\"step\":{step},\"l1\":{},\"learning_rate\":0.1,\"seconds\":2}}\n",
                if step > 36 { step % 2 } else { 9 }
            )
        };
        fs::write(folder.join("log.jsonl"), (1..=40).map(line).collect::<String>()).expect("a file");
    });
    let page = page(folder.path()).expect("a page");
    assert!(page.contains("L1 0.500") && page.contains("1m 20s"), "of steps 37 to 40");
    assert!(!page.contains("stage 1</text>"), "a training in one stage has no boundaries");
}

#[test]
fn an_evaluation_is_told() {
    let folder = folder(support::evaluation);
    let page = page(folder.path()).expect("a page");
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let order = [
        "<h2>A, colours only",
        "alt=\"Accuracy on the target: A",
        "alt=\"Patches: A",
        "<li>Gray",
        "<h2>B, another lab",
        "alt=\"Accuracy on the target: B",
    ];
    assert!(order.map(place).is_sorted());
    for text in ["&lt;img src=x onerror=alert(1)&gt;", "Gray &lt;b&gt;x&lt;/b&gt;", "83.5 ± 0.9"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<b>") && !page.contains("href=\"http"));
}

#[test]
fn no_file_outside_the_folder_is_read() {
    let folder = folder(support::evaluation);
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    for name in ["results.md", "results.json"] {
        let text = fs::read_to_string(folder.path().join(name)).expect("a file");
        fs::write(inner.join(name), text.replace("\"A\"", "\"../A\"")).expect("a file");
    }
    assert!(!page(&inner).expect("a page").contains("alt=\"Accuracy on the target: A"));
}

/// Puts bytes in the place of a file, and says what that gives.
#[track_caller]
fn damaged(fill: fn(&Path), name: &str, bytes: &[u8]) -> String {
    let folder = folder(fill);
    assert!(folder.path().join(name).exists());
    fs::write(folder.path().join(name), bytes).expect("a file");
    let error = page(folder.path()).expect_err("damage");
    assert!(matches!(error, Error::Content { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(name), "{text} names the file");
    text
}

#[test]
fn damage_is_told_with_its_file() {
    let log = |bytes: &[u8]| damaged(support::training, "log.jsonl", bytes);
    assert!(log(b"").contains("no step"));
    assert!(log(b"{\"step\":1}\nno JSON\n").contains("line 2"));
    assert!(log(b"{\"step\":2}\n{\"step\":1}\n").contains("line 2"));
    damaged(support::training, "eval.json", b"{}");
    damaged(support::training, "lab-gan12.safetensors", &[255; 64]);
    damaged(support::training, "pictures/step-001500.png", b"no picture");
    damaged(support::evaluation, "results.json", b"[]");
    damaged(support::evaluation, "results.md", &[0xff, 0xfe]);
}

#[test]
fn other_folders_are_told_apart() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    let error = page(empty.path()).expect_err("nothing");
    assert!(matches!(error, Error::NothingThere(_)), "{error}");
    let error = page(&empty.path().join("none")).expect_err("nothing");
    assert!(matches!(error, Error::Read { .. }) && error.to_string().contains("none"), "{error}");
    fs::create_dir(empty.path().join("log.jsonl")).expect("a folder");
    assert!(matches!(page(empty.path()), Err(Error::Read { .. })));
}

#[test]
fn numbers_that_no_training_gives_are_left_out() {
    let folder = folder(|folder| {
        let log = "{\"step\":0,\"l1\":1e308,\"task\":1e-320,\"accuracy\":-1e300,\"learning_rate\":1e307}\n\
            {\"step\":18446744073709551615,\"l1\":1e308,\"task\":null,\"seconds\":1e300}\n";
        fs::write(folder.join("log.jsonl"), log).expect("a file");
    });
    assert!(page(folder.path()).expect("a page").contains("Losses at its end"));
}
