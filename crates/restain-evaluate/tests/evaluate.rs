//! A whole evaluation, on pictures of 72 px and with networks of a few channels.

use std::{
    cell::RefCell,
    error::Error,
    fs,
    ops::ControlFlow,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::Device;
use restain_evaluate::{Benchmark, CheckpointResult, Results, SeedResult, config::Config, evaluate};
use restain_synth::{SlideSpec, write_annotations, write_slide};

type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// A folder of two classes of pictures, with large dark nuclei or small pale ones.
fn draw_cells(folder: &Path) -> Tested {
    for (class, radius, nucleus) in [("normal", 8, [110, 90, 150]), ("abnormal", 18, [70, 40, 110])] {
        fs::create_dir_all(folder.join(class))?;
        for number in 0..30_u32 {
            let middle = [(34 + number % 5) as i32, (33 + number % 3) as i32];
            image::RgbImage::from_fn(72, 72, |x, y| {
                let away = |at: u32, axis: usize| (at as i32 - middle[axis]).pow(2);
                let noise = (x * 31 + y * 17 + number * 7) % 13;
                let colour = match away(x, 0) + away(y, 1) {
                    near if near < radius * radius => nucleus,
                    near if near < 900 => [190, 140, 150],
                    _ => [225, 225, 235],
                };
                image::Rgb(colour.map(|level: u8| level + noise as u8))
            })
            .save(folder.join(class).join(format!("{class}-{number}.png")))?;
        }
    }
    Ok(())
}

const ROWS: [&str; 10] = [
    "{name: color, title: Color}",
    "{name: gray, title: Gray, sight: gray}",
    "{name: pca, title: PCA, augmentation: pca}",
    "{name: reinhard, title: Reinhard, normalize: reinhard}",
    "{name: quantile, title: Quantile, normalize: quantile}",
    "{name: one, title: L1, normalize: {generator: {stages: [STAGE1]}}}",
    "{name: two, title: L1 and GAN2, normalize: {generator: {stages: [STAGE1, STAGE2]}}}",
    "{name: task, title: L1 and task, normalize: {generator: {stages: [STAGE1, TASK]}}}",
    "{name: mapped, title: mapped, normalize: {generator: {input: {quantile_map: true}, stages: [STAGE1]}}}",
    "{name: ceiling, title: Ceiling, normalize: ceiling}",
];

fn config(folder: &Path, seeds: &str, rows: &[&str]) -> Tested<Config> {
    let stage = |steps: u32, losses: &str| {
        format!(
            "{{steps: {steps}, losses: {losses}, learning_rate: {{g: 2.0e-3, d: 2.0e-4}}, \
             schedule: {{decay: linear, decay_from: 1}}}}"
        )
    };
    let cells = folder.join("cells");
    let sources = format!(
        "[classes: {{path: {}, mpp: 0.5, labels: {{normal: normal, abnormal: abnormal}}}}]",
        cells.display()
    );
    let rows = rows.join(", ");
    let rows = rows
        .replace("STAGE1", &stage(6, "{l1}"))
        .replace("STAGE2", &stage(3, "{l1, gan2}"))
        .replace("TASK", &stage(3, "{l1, task}"));
    let text = format!(
        "seeds: {seeds}\npatches: {{side: 64, balance: label}}\n\
         source: {{name: cells, sources: {sources}, train: train, validation: validation, test: test, \
         split: {{shares: {{seed: 1, parts: {{train: 0.4, validation: 0.2, test: 0.2, target: 0.2}}}}}}}}\n\
         task: {{network: {{kind: resnet18, width: 2}}, batch: 8, steps: 24, learning_rate: 3.0e-3, \
         schedule: {{decay: linear, decay_from: 0.5}}, adam: {{beta1: 0.9, beta2: 0.999}}, checkpoint_every: 4}}\n\
         generator: {{base: 2, batch: 4, snapshot_every: 2, gan: {{form: non-saturating, base: 2}}, adam: {{beta1: 0.5, beta2: 0.999}}}}\n\
         benchmarks:\n\
         - {{name: scanned, title: Scanned, description: d, target: t, train: target, test: target, \
         scanner: {{kind: full, strength: strong, seed: 1, quality: 90}}}}\n\
         - {{name: plain, title: Plain, description: d, target: t, train: train, test: train, \
         sources: [folder: {{path: {}, mpp: 0.5, place: middle}}]}}\n\
         rows: [{rows}]\npanel: 3\n",
        cells.display()
    );
    let path = folder.join("config.yaml");
    fs::write(&path, text)?;
    Ok(Config::load(&path)?)
}

fn run(
    config: &Config,
    output: &Path,
    stop: &AtomicBool,
    trained: &RefCell<Vec<String>>,
) -> restain_evaluate::Result<Results> {
    evaluate(config, output, ["abc", "restain evaluate"], &Device::Cpu, stop, &mut |what, _| {
        let mut trained = trained.borrow_mut();
        if trained.last().is_none_or(|last| last != what) {
            trained.push(what.to_owned());
        }
    })
}

fn accuracy(benchmark: &Benchmark, row: &str) -> Option<f64> {
    let row = benchmark.rows.iter().find(|other| other.name == row)?;
    Some(row.seeds[0].checkpoints.last()?.target?.accuracy)
}

#[test]
fn everything_that_is_asked_for_is_measured_once() -> Tested {
    let folder = tempfile::tempdir()?;
    draw_cells(&folder.path().join("cells"))?;
    let (output, config) = (folder.path().join("out"), config(folder.path(), "[1, 2]", &ROWS)?);
    let (stop, trained) = (AtomicBool::new(false), RefCell::new(Vec::new()));
    let results = run(&config, &output, &stop, &trained)?;
    assert_eq!(Results::load(&output.join("results.json"))?, results);

    // Three networks of T a seed, G once for both targets and for the mapped row, GAN2 once a target.
    let trained = trained.into_inner();
    let count = |what: &str| trained.iter().filter(|title| title.contains(what)).count();
    assert_eq!((count("T, seed 1"), count("T, seed 2")), (3, 3), "{trained:?}");
    let of = |ending: &str| trained.iter().filter(|title| title.ends_with(ending)).count();
    assert_eq!((of(", l1"), of("then l1+gan2"), of("then l1+task")), (2, 4, 2), "{trained:?}");

    let [scanned, plain] = &results.benchmarks[..] else { return Err("two benchmarks".into()) };
    assert_eq!(scanned.rows.len(), ROWS.len());
    for row in &scanned.rows {
        assert_eq!(row.seeds.iter().map(|seed| seed.seed).collect::<Vec<_>>(), [1, 2], "{}", row.name);
        for seed in &row.seeds {
            let steps: Vec<u64> = seed.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
            assert_eq!(steps, [4, 8, 12, 16, 20, 24]);
            assert!(seed.checkpoints.iter().all(|checkpoint| checkpoint.target.is_some()));
            assert_eq!(seed.fidelity.is_some(), row.name != "ceiling", "{}", row.name);
            let by_g = ["one", "two", "task", "mapped"].contains(&row.name.as_str());
            assert_eq!(seed.bhattacharyya.is_some(), by_g, "{}", row.name);
            assert!(seed.frechet_colour.is_some() && seed.frechet_features.is_some());
        }
    }
    // Of the rows with two stages the first is followed, with the first seed, where there are labels.
    let has_followed = |benchmark: &Benchmark| -> Vec<String> {
        let rows = benchmark.rows.iter().filter(|row| row.seeds.iter().any(|seed| seed.followed.is_some()));
        rows.map(|row| row.name.clone()).collect()
    };
    assert_eq!((has_followed(scanned), has_followed(plain)), (vec!["two".to_owned()], vec![]));
    assert!(scanned.rows[6].seeds[1].followed.is_none());
    for (seed, color) in scanned.rows[6].seeds.iter().zip(&scanned.rows[0].seeds).take(1) {
        let followed = seed.followed.as_ref().ok_or("followed")?;
        let stages: Vec<_> = followed.stages.iter().map(|at| (at.losses.as_str(), at.ends)).collect();
        assert_eq!(stages, [("l1", 6), ("l1+gan2", 9)]);
        for task in &followed.tasks {
            let steps: Vec<u64> = task.reconstructed.iter().map(|at| at.step).collect();
            assert_eq!(steps, [2, 4, 6, 8, 9], "snapshots of both stages, and their ends");
            // What the rows say of the same networks on the same pictures.
            let of = |row: &[CheckpointResult]| row.iter().find(|at| at.step == task.step)?.target;
            assert_eq!(of(&color.checkpoints), Some(task.untreated));
            assert_eq!(of(&seed.checkpoints), task.reconstructed.last().map(|at| at.target));
        }
        let validation = |index: usize| {
            let step = followed.tasks[index].step;
            color.checkpoints.iter().find(|at| at.step == step).map(|at| at.validation.accuracy)
        };
        let all = color.checkpoints.iter().map(|at| at.validation.accuracy);
        assert_eq!(validation(0), all.clone().reduce(f64::max));
        assert_eq!(validation(2), all.reduce(f64::min));
    }
    let fidelity = |row: &str| {
        let row = scanned.rows.iter().find(|other| other.name == row)?;
        Some(row.seeds[0].fidelity?.psnr)
    };
    assert!(fidelity("quantile") > fidelity("color"), "a map of colours undoes a part of the scanner");
    assert!(accuracy(scanned, "ceiling") > Some(0.9), "{:?}", accuracy(scanned, "ceiling"));
    assert!(!scanned.gap_recovery.contains_key("color"));
    // Without labels there is no accuracy, and without a second scanner no truth.
    for seed in plain.rows.iter().flat_map(|row| &row.seeds) {
        assert!(seed.fidelity.is_none());
    }
    assert_eq!((accuracy(plain, "quantile"), accuracy(plain, "ceiling").is_some()), (None, true));
    for file in [
        "results.md",
        "scanned-accuracy.svg",
        "scanned-checkpoints.svg",
        "scanned-training.svg",
        "scanned-colours.svg",
        "scanned-stages.svg",
    ] {
        assert!(fs::metadata(output.join(file))?.len() > 500, "{file}");
    }
    assert!(!output.join("plain-stages.svg").exists());
    let panel = image::open(output.join("scanned-panel.png"))?;
    // Color, Reinhard, quantile, four models and the ceiling; gray and PCA show what Color shows.
    assert_eq!((panel.width(), panel.height()), (3 * 68 - 4, 8 * 68 - 4));
    assert!(fs::read_to_string(output.join("scanned-panel.md"))?.contains("8. Ceiling"));
    Ok(())
}

/// What was scanned anew lies pixel on pixel on what it was before.
#[test]
fn slides_can_be_scanned_again() -> Tested {
    let folder = tempfile::tempdir()?;
    for seed in 1..=4 {
        let spec = SlideSpec { seed, abnormal: 0.5, ..SlideSpec::new(1300, 1300) };
        let go_on = &|_| ControlFlow::Continue(());
        write_slide(&spec, &folder.path().join(format!("{seed}.mrxs")), go_on)?;
        write_annotations(&spec, &folder.path().join(format!("{seed}.geojson")), go_on)?;
    }
    let rows = [ROWS[0], ROWS[9]];
    config(folder.path(), "[1]", &rows)?;
    let path = folder.path().join("config.yaml");
    let text = fs::read_to_string(&path)?;
    let (head, tail) =
        (text.find("[classes").ok_or("a source")?, text.find(", train: train").ok_or("a part")?);
    let slides = format!(
        "[slides: {{paths: ['{}/*.mrxs'], labels: {{normal: normal, abnormal: abnormal}}}}]",
        folder.path().display()
    );
    let text = text.replacen(&text[head..tail], &slides, 1);
    let (head, tail) = (text.find("{shares").ok_or("a split")?, text.find("}\ntask").ok_or("its end")?);
    let split = "{groups: {train: [1.mrxs], validation: [2.mrxs], test: [3.mrxs], target: [4.mrxs]}}";
    let text = text.replacen(&text[head..tail], split, 1);
    let end = text.find("- {name: plain").ok_or("the second benchmark")?;
    let rows = text.find("rows: [").ok_or("rows")?;
    let text = text.replacen(&text[end..rows], "", 1);
    let text = text.replace("side: 64,", "side: 64, mpp: 0.5, padding: skip,");
    fs::write(&path, text.replace("kind: full, strength: strong", "kind: global, strength: mild"))?;
    let config = Config::load(&path)?;
    let results = run(&config, &folder.path().join("out"), &AtomicBool::new(false), &RefCell::default())?;
    // One pixel aside, structural similarity falls below 0.9.
    let fidelity = results.benchmarks[0].rows[0].seeds[0].fidelity.ok_or("a truth")?;
    assert!(fidelity.ssim > 0.98 && fidelity.psnr > 25.0 && fidelity.psnr < 40.0, "{fidelity:?}");
    Ok(())
}

#[test]
fn a_stopped_evaluation_goes_on_and_gives_the_same() -> Tested {
    let folder = tempfile::tempdir()?;
    draw_cells(&folder.path().join("cells"))?;
    let rows = [ROWS[0], ROWS[5], ROWS[6], ROWS[9]];
    let config = config(folder.path(), "[3]", &rows)?;
    let whole = run(&config, &folder.path().join("whole"), &AtomicBool::new(false), &RefCell::default())?;
    let output = folder.path().join("stopped");
    for at in [("T, seed 3", 10), ("G, seed 3, l1", 2), ("then l1+gan2", 7)] {
        let stop = AtomicBool::new(false);
        let stopped =
            evaluate(&config, &output, ["abc", "restain evaluate"], &Device::Cpu, &stop, &mut |what, now| {
                stop.fetch_or(what.contains(at.0) && now.step == at.1, Ordering::Relaxed);
            });
        assert!(matches!(stopped, Err(restain_evaluate::Error::Stopped)), "{at:?}");
    }
    let mut again = run(&config, &output, &AtomicBool::new(false), &RefCell::default())?;
    let pairs = again.benchmarks.iter_mut().zip(&whole.benchmarks);
    for (again, whole) in pairs.flat_map(|(again, whole)| again.rows.iter_mut().zip(&whole.rows)) {
        for (again, whole) in again.seeds.iter_mut().zip(&whole.seeds) {
            again.seconds = whole.seconds; // all that may differ
        }
    }
    assert!(again == whole);

    // What was measured is kept, to the time that it took.
    let first = run(&config, &output, &AtomicBool::new(false), &RefCell::default())?;
    assert!(first == run(&config, &output, &AtomicBool::new(false), &RefCell::default())?);
    Ok(())
}

/// Neither of the two between which recovery is measured is among the rows, nor one that a panel shows.
#[test]
fn a_benchmark_may_have_rows_of_its_own() -> Tested {
    let folder = tempfile::tempdir()?;
    draw_cells(&folder.path().join("cells"))?;
    config(folder.path(), "[1]", &[ROWS[0], ROWS[1], ROWS[2], ROWS[9]])?;
    let path = folder.path().join("config.yaml");
    let text = fs::read_to_string(&path)?;
    let named = text.replacen("{name: scanned,", "{name: scanned, rows: [pca, gray],", 1);
    fs::write(&path, named.replacen("{name: plain,", "{name: plain, rows: [color],", 1))?;
    let output = folder.path().join("out");
    let results = run(&Config::load(&path)?, &output, &AtomicBool::new(false), &RefCell::default())?;
    let rows = |index: usize| -> Vec<&str> {
        results.benchmarks[index].rows.iter().map(|row| row.name.as_str()).collect()
    };
    assert_eq!((rows(0), rows(1)), (vec!["gray", "pca"], vec!["color"]), "in the order of the tables");
    assert!(results.benchmarks.iter().all(|benchmark| benchmark.gap_recovery.is_empty()));
    assert_eq!(Results::load(&output.join("results.json"))?, results);
    let report = fs::read_to_string(output.join("results.md"))?;
    assert!(report.contains("| Gray |") && !report.contains("| Ceiling |"), "{report}");
    assert!(output.join("scanned-accuracy.svg").exists() && !output.join("scanned-panel.png").exists());
    Ok(())
}

#[test]
fn some_rows_and_benchmarks_can_be_chosen() -> Tested {
    let path = format!("{}/../../pipelines/evaluate-cric.yaml", env!("CARGO_MANIFEST_DIR"));
    let whole = Config::load(Path::new(&path))?;
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut some = whole.clone();
    some.keep(&names(&["ceiling", "color"]), &names(&["A-full"]))?;
    assert_eq!(some.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["color", "ceiling"]);
    assert_eq!(some.benchmarks.len(), 1);
    some.clone_from(&whole);
    some.keep(&[], &[])?;
    assert_eq!((some.rows.len(), some.benchmarks.len()), (whole.rows.len(), whole.benchmarks.len()));
    let said = some.keep(&names(&["colour"]), &[]).expect_err("no such row").to_string();
    assert!(said.contains("row `colour`") && said.contains("color, gray"), "{said}");
    let said = some.keep(&[], &names(&["A"])).expect_err("no such benchmark").to_string();
    assert!(said.contains("benchmark `A`") && said.contains("A-full"), "{said}");
    Ok(())
}

#[test]
fn the_shipped_configurations_are_valid() -> Tested {
    for (name, rows) in [("cric", 20), ("cric-full", 13), ("herlev", 11), ("smoke", 4)] {
        let path = format!("{}/../../pipelines/evaluate-{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(Config::load(Path::new(&path))?.rows.len(), rows, "{name}");
    }
    Ok(())
}

#[test]
fn configurations_that_make_no_sense_are_refused() -> Tested {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("cells"))?;
    let sound = config(folder.path(), "[1]", &[ROWS[0], ROWS[6]])?;
    assert_eq!(sound.rows.len(), 2);
    let path = folder.path().join("config.yaml");
    let text = fs::read_to_string(&path)?;
    for (from, to, expected) in [
        ("seeds: [1]", "seeds: []", "at least one each"),
        ("name: color", "name: co/lor", "`co/lor` becomes part of a file name"),
        ("quality: 90", "quality: 0", "must be 1 to 100"),
        (
            "scanner: {kind: full, strength: strong, seed: 1, quality: 90}",
            "split: ~",
            "needs either a `scanner`",
        ),
        (
            "train: target, test: target",
            "split: {folds: {seed: 1, count: 2}}, train: target, test: target",
            "leave `split` out",
        ),
        (
            "{name: plain,",
            "{name: plain, rows: [],",
            "`rows` of the benchmark `plain` must name at least one",
        ),
        (
            "{name: plain,",
            "{name: plain, rows: [color, colour],",
            "the benchmark `plain` names the row `colour`, which is not among `rows`",
        ),
        ("snapshot_every: 2", "snapshot_every: 0", "`generator.snapshot_every` must be at least 1"),
        ("batch: 8", "batch: 0", "to train T of the row `color`, `batch` must be 2 to 4096"),
        ("checkpoint_every: 4", "checkpoint_every: 0", "`checkpoint_every` must be at least 1"),
        ("width: 2", "width: 0", "`network.width` must be 1 to 256"),
        ("learning_rate: 3.0e-3", "learning_rate: .nan", "`learning_rate` must be above 0"),
        ("batch: 4", "batch: 0", "to train G of the row `two`, `batch` must be 1 to 4096"),
        ("generator: {base: 2", "generator: {base: 0", "`base` must be 1 to 256"),
        ("steps: 3,", "steps: 0,", "`stages.steps` must be at least 1"),
        ("panel: 3", "pannel: 3", "unknown field `pannel`"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replacen(from, to, 1))?;
        let message = Config::load(&path).err().ok_or("an error")?.to_string();
        assert!(message.contains(expected) && message.contains("config.yaml"), "{message}");
    }
    Ok(())
}

/// A model in a file is measured as it is where it was trained for a row; another one in its place is measured anew.
#[test]
fn a_finished_model_is_a_row() -> Tested {
    let folder = tempfile::tempdir()?;
    draw_cells(&folder.path().join("cells"))?;
    let output = folder.path().join("out");
    let run = |rows: &[&str]| -> Tested<Vec<SeedResult>> {
        let config = config(folder.path(), "[1]", rows)?;
        let mut results = run(&config, &output, &AtomicBool::new(false), &RefCell::default())?;
        Ok(results.benchmarks.remove(0).rows.into_iter().flat_map(|row| row.seeds).collect())
    };
    let trained = run(&[ROWS[8]])?.remove(0);
    let networks = fs::read_dir(output.join("work"))?.map(|entry| Ok(entry?.path()));
    let networks = networks.collect::<std::io::Result<Vec<_>>>()?;
    let model = networks.iter().map(|path| path.join("g.safetensors")).find(|path| path.exists());
    let file = folder.path().join("finished.safetensors");
    fs::copy(model.ok_or("a model")?, &file)?;
    let row = format!(
        "{{name: m, title: M, normalize: {{model: {{file: {}, quantile_map: true}}}}}}",
        file.display()
    );
    let finished = run(&[&row])?.remove(0);
    assert_eq!((&finished.checkpoints, finished.fidelity), (&trained.checkpoints, trained.fidelity));
    assert_eq!(finished.bhattacharyya, trained.bhattacharyya);
    let mut other = restain_net::Checkpoint::load(&file)?;
    let half = other.parameters.get("out.bias").ok_or("a bias")?.affine(1.0, 0.5)?;
    other.parameters.insert("out.bias".to_owned(), half);
    other.save(&file, restain_net::Storage::F16)?;
    assert_ne!(run(&[&row])?.remove(0).fidelity, trained.fidelity);
    Ok(())
}
