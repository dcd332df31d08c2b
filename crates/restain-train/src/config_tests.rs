use super::*;

const SHIPPED: &str = include_str!("../../../pipelines/train-l1.yaml");

fn parse(text: &str) -> Result<TrainConfig> {
    TrainConfig::parse(text, Path::new("train.yaml"))
}

/// The shipped configuration with the first line that starts with `from` replaced, and that line's number.
fn changed(from: &str, to: &str) -> (String, usize) {
    let line =
        SHIPPED.lines().position(|line| line.trim_start().starts_with(from)).expect("a setting of the file");
    let lines: Vec<&str> =
        SHIPPED.lines().enumerate().map(|(index, old)| if index == line { to } else { old }).collect();
    (lines.join("\n"), line + 1)
}

#[test]
fn the_shipped_configuration_is_valid() {
    let config = parse(SHIPPED).expect("a valid file");
    assert_eq!((config.base, config.name.as_str()), (32, "cric-l1"));
}

#[test]
fn faults_name_file_and_line() {
    let faults = [
        ("batch:", "batch: many", "invalid type"),
        ("batch:", "bath: 4", "unknown field `bath`"),
        ("batch:", "batch: 0", "`batch` must be"),
        ("patch:", "patch: 200", "`patch` must be a multiple of 64"),
        ("holdout:", "holdout: 1.0", "`holdout` must be"),
        ("name:", "name: ../escape", "`name` becomes a file name"),
        ("decay:", "  decay: exponential", "unknown variant"),
        ("beta2:", "  beta2: 1.0", "`adam.beta2` must be"),
        ("mpp:", "  mpp: -1", "`card.mpp` must be"),
        ("learning_rate:", "  learning_rate: .nan", "`adam.learning_rate` must be"),
    ];
    for (from, to, expected) in faults {
        let (text, line) = changed(from, to);
        let message = parse(&text).expect_err(to).to_string();
        assert!(message.starts_with(&format!("train.yaml:{line}: ")), "{to}: {message}");
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn a_missing_setting_is_named() {
    let (text, _) = changed("steps:", "");
    let message = parse(&text).expect_err("no steps").to_string();
    assert!(message.contains("missing field `steps`"), "{message}");
    let message = parse("steps: [\n").expect_err("not YAML").to_string();
    assert!(message.starts_with("train.yaml:"), "{message}");
}

#[test]
fn a_missing_file_is_named() {
    let message = TrainConfig::load(Path::new("nowhere/train.yaml")).expect_err("no file").to_string();
    assert!(message.contains("nowhere/train.yaml"), "{message}");
}

#[test]
fn finds_the_line_in_flow_style_too() {
    let text = "a: 1\nadam: {beta1: 0.5, beta2: 2}\nschedule:\n  beta2: 3\n";
    assert_eq!(line_of(text, "adam.beta2"), Some(2));
    assert_eq!(line_of(text, "schedule.beta2"), Some(4));
    assert_eq!(line_of(text, "beta2"), None);
}
