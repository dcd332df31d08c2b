use super::*;

const SHIPPED: &str = include_str!("../../../pipelines/train-stages12.yaml");
const OTHERS: [&str; 3] = [
    include_str!("../../../pipelines/train-l1.yaml"),
    include_str!("../../../pipelines/train-stage1.yaml"),
    include_str!("../../../pipelines/train-your-own.yaml"),
];

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
fn the_shipped_configurations_are_valid() {
    let losses = |text| -> Vec<Vec<(Loss, f64)>> {
        let weights = |stage: &Stage| {
            stage.losses.keys().map(|&loss| (loss, stage.weight(loss).expect("its weight"))).collect()
        };
        parse(text).expect("a valid file").stages.iter().map(weights).collect()
    };
    let stage1 = vec![(Loss::L1, 100.0), (Loss::Gan1, 1.0)];
    let stage2 = [stage1.clone(), vec![(Loss::Gan2, 1.0)]].concat();
    assert_eq!(losses(OTHERS[0]), [[(Loss::L1, 1.0)]]);
    assert_eq!(losses(OTHERS[1]), std::slice::from_ref(&stage1));
    assert_eq!(losses(OTHERS[2]), [stage1.clone(), stage2.clone()]);
    assert_eq!(losses(SHIPPED), [stage1, stage2]);
    let task = include_str!("../../../pipelines/train-task.yaml");
    crate::task::TaskConfig::parse(task, Path::new("task.yaml")).expect("a valid file");
}

#[test]
fn a_loss_without_a_number_has_the_weight_of_the_paper() {
    let (text, _) = changed("losses:", "    losses: {l1, gan1: 0.5}");
    let stage = &parse(&text).expect("a valid file").stages[0];
    assert_eq!([Loss::L1, Loss::Gan1].map(|loss| stage.weight(loss)), [Some(100.0), Some(0.5)]);
}

#[test]
fn faults_name_file_and_line() {
    let faults = [
        ("batch:", "batch: many", "invalid type"),
        ("batch:", "bath: 4", "unknown field `bath`"),
        ("batch:", "batch: 0", "`batch` must be"),
        ("patches:", "patches: {side: 200}", "`patches.side` must be a multiple of 64"),
        ("- folder:", "    - folders: {path: x}", "unknown variant `folders`"),
        ("name:", "name: ../escape", "`name` becomes a file name"),
        ("schedule:", "    schedule: {decay: exponential, decay_from: 1}", "unknown variant"),
        (
            "schedule:",
            "    schedule: {decay: linear, decay_from: 2}",
            "`stages.schedule` of stage 1 must have",
        ),
        ("- steps: 12000", "  - steps: 0", "`stages.steps` of stage 1 must be"),
        ("- steps: 8000", "  - steps: 0", "`stages.steps` of stage 2 must be"),
        ("losses:", "    losses: {l1: 1, task: 10}", "`stages.losses` of stage 1 has task, which needs"),
        ("losses:", "    losses: {}", "`stages.losses` of stage 1 must name"),
        ("losses:", "    losses: {l1: -1}", "`stages.losses` of stage 1 must be above 0"),
        ("learning_rate:", "    learning_rate: {g: 1}", "`stages.learning_rate` of stage 1 must have a `d`"),
        ("form:", "  form: wasserstein", "unknown variant"),
        ("clip:", "clip: 0", "`clip` must be"),
        ("pictures_every:", "snapshot_every: 0", "`snapshot_every` must be"),
        ("ema:", "ema: 1", "`ema` must be"),
        ("beta2:", "  beta2: 1.0", "`adam.beta2` must be"),
        ("mpp:", "  mpp: -1", "`card.mpp` must be"),
        (
            "learning_rate:",
            "    learning_rate: {g: .nan, d: 1}",
            "`stages.learning_rate` of stage 1 must have a `g`",
        ),
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
    let (text, _) = changed("batch:", "");
    let message = parse(&text).expect_err("no batch").to_string();
    assert!(message.contains("missing field `batch`"), "{message}");
    // The first stage that has gan2 is the second.
    let target = SHIPPED.find("\ntarget:").expect("a target");
    let end = target + SHIPPED[target..].find("\n\n").expect("its end");
    let text = [&SHIPPED[..target], &SHIPPED[end..]].concat();
    let message = parse(&text).expect_err("no target").to_string();
    let line = text.lines().position(|line| line.contains("gan2: 1")).expect("gan2") + 1;
    assert!(
        message.starts_with(&format!("train.yaml:{line}: `stages.losses` of stage 2 has gan2")),
        "{message}"
    );
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
    assert_eq!(line_of(text, "adam.beta2", 0), Some(2));
    assert_eq!(line_of(text, "schedule.beta2", 0), Some(4));
    assert_eq!(line_of(text, "beta2", 0), None);
    let text = "stages:\n- {steps: 1, losses: {l1}}\n# steps: 0\n- steps: 2\n  losses: {l1}\n- {losses: {l1}, steps: 3}\nsteps: 4\n";
    assert_eq!([0, 1, 2, 3].map(|i| line_of(text, "stages.steps", i)), [Some(2), Some(4), Some(6), None]);
    assert_eq!([0, 1, 2].map(|i| line_of(text, "stages.losses", i)), [Some(2), Some(5), Some(6)]);
}
