//! An evaluation from its configuration to its results: networks are trained, rows measured, tables and plots written.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use candle_core::Device;
use image::RgbImage;
use restain_net::{Model, Place, Precision};
use restain_plot::{Size, colour_histograms};
use restain_train::{
    Progress,
    domain::Input,
    task::{Augmentation, Sight},
};

use crate::{
    BEFORE, Benchmark, Error, Measure, PanelRow, Result, Results, Row, SeedResult, VERSION,
    config::{Config, Finished, Normalize, RowConfig, Target},
    follow::follow,
    gap_recovery,
    kept::Kept,
    legend,
    measure::{self, Patches},
    methods::{Method, Trained},
    panel,
    plots::{Curve, Network, Stage, accuracy_bars, accuracy_curves, stage_curves},
    report,
    target::Parts,
    trained::{TrainedTask, Workshop},
};

/// Name of the results in the output folder.
pub const RESULTS_FILE: &str = "results.json";
/// Name of the tables in the output folder.
pub const REPORT_FILE: &str = "results.md";
/// Folder of trained networks and scanned pictures in the output folder.
const WORK: &str = "work";
/// Most patches that are tested, shown or measured of a part.
const MOST: usize = 4000;

/// Runs an evaluation and writes [`RESULTS_FILE`], [`REPORT_FILE`], plots and panels to `output`, anew after every row and
/// seed. What was trained stays under `output/work`: the same command goes on where it was stopped.
///
/// `commit` and `command` say in the results what was run; `progress` is told what is being trained and how far it is.
///
/// # Errors
/// Where the configuration, the data or the output folder is faulty, or training breaks; [`Error::Stopped`] where `stop`
/// was set.
pub fn evaluate(
    config: &Config,
    output: &Path,
    [commit, command]: [&str; 2],
    device: &Device,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str, &Progress),
) -> Result<Results> {
    let cache = output.join(WORK);
    std::fs::create_dir_all(&cache).map_err(|source| Error::Write { path: cache.clone(), source })?;
    let benchmarks = config.benchmarks.iter().map(|target| empty(config, target)).collect();
    let (commit, command) = (commit.to_owned(), command.to_owned());
    let mut results = Results { version: VERSION, commit: commit.clone(), command, benchmarks };
    let mut workshop = Workshop { config, cache: &cache, commit: &commit, device, stop, progress };
    // Seed by seed, so that a run that is stopped early has compared all rows on some seeds.
    for &seed in &config.seeds {
        for (index, target) in config.benchmarks.iter().enumerate() {
            let parts = Parts::find(config, target, &cache)?;
            let mut bench = Bench::new(config, target, &parts, output, seed)?;
            for (number, row) in config.rows_of(target).enumerate() {
                let result = bench.measure(&mut workshop, row)?;
                let benchmark = &mut results.benchmarks[index];
                benchmark.rows[number].seeds.push(result);
                benchmark.gap_recovery = gap_recovery(&benchmark.rows, Measure::Accuracy);
                benchmark.gap_recovery_balanced = gap_recovery(&benchmark.rows, Measure::BalancedAccuracy);
                write(&results, output)?;
            }
            bench.draw(&results.benchmarks[index])?;
        }
    }
    Ok(results)
}

/// A benchmark without results.
fn empty(config: &Config, target: &Target) -> Benchmark {
    let row = |row: &RowConfig| Row { name: row.name.clone(), title: row.title.clone(), seeds: vec![] };
    Benchmark {
        name: target.name.clone(),
        title: target.title.clone(),
        description: target.description.clone(),
        source: config.source.name.clone(),
        target: target.target.clone(),
        rows: config.rows_of(target).map(row).collect(),
        gap_recovery: std::collections::BTreeMap::new(),
        gap_recovery_balanced: std::collections::BTreeMap::new(),
    }
}

fn write(results: &Results, output: &Path) -> Result<()> {
    // What no seed has reached yet is left out.
    let mut reached = results.clone();
    for benchmark in &mut reached.benchmarks {
        benchmark.rows.retain(|row| !row.seeds.is_empty());
    }
    reached.benchmarks.retain(|benchmark| !benchmark.rows.is_empty());
    reached.save(&output.join(RESULTS_FILE))?;
    write_text(&output.join(REPORT_FILE), report(&reached).as_bytes())
}

fn write_text(path: &Path, bytes: &[u8]) -> Result<()> {
    restain_net::write_whole(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// A benchmark with one seed: its patches, and what was shown of them.
struct Bench<'a> {
    config: &'a Config,
    target: &'a Target,
    parts: &'a Parts,
    output: &'a Path,
    source: Patches,
    source_test: Patches,
    tested: Patches,
    truth: Option<Patches>,
    shown: Vec<PanelRow>,
    colours: Vec<(String, restain_stain::histogram::Histogram)>,
    seed: u64,
}

impl<'a> Bench<'a> {
    fn new(
        config: &'a Config,
        target: &'a Target,
        parts: &'a Parts,
        output: &'a Path,
        seed: u64,
    ) -> Result<Self> {
        let read = |part| Patches::read(part, MOST);
        let source = read(&parts.source)?;
        let colours = vec![("source".to_owned(), measure::histogram(&source.rgb))];
        Ok(Self {
            config,
            target,
            parts,
            output,
            source,
            source_test: read(&parts.source_test)?,
            tested: read(&parts.target_test)?,
            truth: parts.truth.as_ref().map(read).transpose()?,
            shown: vec![],
            colours,
            seed,
        })
    }

    fn measure(&mut self, workshop: &mut Workshop<'_>, row: &RowConfig) -> Result<SeedResult> {
        let (side, seed) = (self.config.patches.side, self.seed);
        let task = workshop.task(seed, row.sight, row.augmentation)?;
        let method = self.method(workshop, row)?;
        let kept = Kept::of(workshop.cache, self.config, self.target, (row, &method), seed)?;
        // Pictures are drawn of the first seed; what is known of another needs none.
        let mut result = match kept.read().filter(|_| !self.is_first()) {
            Some(known) => known,
            None => self.treat(row, (&task, &method), &kept, workshop.device)?,
        };
        if let (Method::Generator(g), Some(truth)) = (&method, &self.truth) {
            result.seen = measure::seen([&g.target, &g.source], &self.tested.rgb, &truth.rgb);
        }
        if let (Method::Generator(g), Some(abnormal), None) =
            (&method, &self.tested.abnormal, &result.followed)
            && self.follows(row)
        {
            let (network, tested) = (self.config.task.network, (&self.tested.rgb[..], &abnormal[..]));
            result.followed = follow(&task, network, workshop.device, (g, row.stages()), tested, side)?;
            kept.write(&result)?;
        }
        Ok(result)
    }

    /// Treats the patches as a row does, shows what they become, and measures it where it is not known.
    fn treat(
        &mut self,
        row: &RowConfig,
        (task, method): (&TrainedTask, &Method),
        kept: &Kept,
        device: &Device,
    ) -> Result<SeedResult> {
        let side = self.config.patches.side;
        let (patches, abnormal) = match (&row.normalize, &self.truth) {
            (Normalize::Ceiling, Some(truth)) => (truth.rgb.clone(), &self.tested.abnormal),
            (Normalize::Ceiling, None) => (self.source_test.rgb.clone(), &self.source_test.abnormal),
            _ => (method.normalize(&self.tested.rgb, side)?, &self.tested.abnormal),
        };
        let result = if let Some(known) = kept.read() {
            known
        } else {
            let result = self.score(row, task, method, (&patches, abnormal.as_deref()), device)?;
            kept.write(&result)?;
            result
        };
        // A row whose pictures are those of another shows nothing new.
        if self.is_first() && (row.normalize != Normalize::None || row.has_plain_task()) {
            self.colours.push((row.title.clone(), measure::histogram(&patches)));
            if row.normalize != Normalize::Ceiling || self.truth.is_some() {
                self.show(&row.title, &patches);
            }
        }
        Ok(result)
    }

    /// What T makes of a row's patches, and how far they are from the source's and from the truth.
    fn score(
        &self,
        row: &RowConfig,
        task: &TrainedTask,
        method: &Method,
        (patches, abnormal): (&[Vec<u8>], Option<&[bool]>),
        device: &Device,
    ) -> Result<SeedResult> {
        let begun = Instant::now();
        let (side, network, of_source) =
            (self.config.patches.side, self.config.task.network, &self.source.rgb);
        let truth = self.truth.as_ref().filter(|_| row.normalize != Normalize::Ceiling);
        let reconstructed = method.reconstruct(of_source, side)?;
        Ok(SeedResult {
            seed: self.seed,
            checkpoints: measure::checkpoints(task, network, device, patches, abnormal, side)?,
            fidelity: truth.and_then(|truth| measure::fidelity(patches, &truth.rgb, side)),
            bhattacharyya: reconstructed.and_then(|again| measure::colour_distance(of_source, &again)),
            frechet_colour: measure::frechet_of_colours(of_source, patches),
            frechet_features: measure::frechet_of_features(
                task,
                network,
                device,
                [of_source, patches],
                side,
            )?,
            seen: None,
            followed: None,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Whether it has the first seed, of which pictures are drawn.
    fn is_first(&self) -> bool {
        self.config.seeds.first() == Some(&self.seed)
    }

    /// Whether the training of the row's G is followed: of one row, and with the first seed, for each of its steps costs as
    /// much as a row of its own.
    fn follows(&self, row: &RowConfig) -> bool {
        self.is_first() && self.config.followed(self.target).is_some_and(|followed| followed.name == row.name)
    }

    fn method(&self, workshop: &mut Workshop<'_>, row: &RowConfig) -> Result<Method> {
        let (seed, Parts { source, target, domain, .. }) = (self.seed, self.parts);
        match &row.normalize {
            Normalize::None | Normalize::Ceiling => Ok(Method::None),
            Normalize::Quantile => Method::quantile(source, target, seed),
            Normalize::Reinhard => Method::reinhard(source, target, seed),
            Normalize::Generator(stages) => {
                let guide = workshop.task(seed, Sight::Colour, Augmentation::None)?;
                let guide =
                    guide.outcome.weights.ok_or(Error::Nothing("the task network has no checkpoint"))?;
                let snapshots = workshop.generator(seed, domain, stages, &guide)?;
                let finished = snapshots.last().ok_or(Error::Nothing("G has no stage"))?;
                let [source, target] = stages.input.fit(source, Some(target), seed)?;
                let place: Place = workshop.device.into();
                let model = Model::load(&finished.model, &place, Precision::F32)?;
                let keep_gray = stages.keep_gray;
                Ok(Method::Generator(Box::new(Trained { model, snapshots, source, target, keep_gray })))
            }
            &Normalize::Model(Finished { ref file, quantile_map, keep_gray }) => {
                let model = Model::named(file, &workshop.device.into(), Precision::F32)?;
                let input = Input { quantile_map, ..Input::of_model(&model.card().input)? };
                let [source, target] = input.fit(source, Some(target), seed)?;
                Ok(Method::Generator(Box::new(Trained {
                    model,
                    snapshots: vec![],
                    source,
                    target,
                    keep_gray,
                })))
            }
        }
    }

    /// Adds a row to the panel.
    fn show(&mut self, title: &str, patches: &[Vec<u8>]) {
        let side = self.config.patches.side;
        let step = (patches.len() / self.config.panel.max(1)).max(1);
        let some = patches.iter().step_by(step).take(self.config.panel);
        let patches = some.filter_map(|patch| RgbImage::from_raw(side, side, patch.clone())).collect();
        self.shown.push(PanelRow { title: title.to_owned(), patches });
    }

    /// Draws plots and, of the first seed, the panel and the histograms.
    fn draw(&self, benchmark: &Benchmark) -> Result<()> {
        let name = &self.target.name;
        let at = |what: &str| -> PathBuf { self.output.join(format!("{name}-{what}")) };
        let reached = benchmark.rows.iter().filter(|row| !row.seeds.is_empty());
        let tested =
            |row: &&Row| row.seeds.iter().any(|seed| seed.checkpoints.iter().any(|at| at.target.is_some()));
        if benchmark.rows.iter().any(|row| tested(&row)) {
            write_text(&at("accuracy.svg"), accuracy_bars(benchmark)?.as_bytes())?;
            let curves: Vec<Curve> = reached.clone().filter(tested).map(Curve::target).collect();
            let title = format!("Accuracy on the target while T learns: {}", benchmark.title);
            write_text(&at("checkpoints.svg"), accuracy_curves(&title, &curves)?.as_bytes())?;
        }
        let before = benchmark.rows.iter().find(|row| row.name == BEFORE && tested(row));
        let followed = reached.clone().find(|row| row.followed().next().is_some());
        if let Some((before, followed)) = before.zip(followed) {
            let (networks, stages) = (Network::followed(followed), Stage::followed(followed));
            let title = format!("Accuracy on the target while G trains: {}", benchmark.title);
            let plot = stage_curves(&title, &Curve::target(before), &networks, &stages)?;
            write_text(&at("stages.svg"), plot.as_bytes())?;
        }
        let curves: Vec<Curve> = reached.take(1).map(Curve::validation).collect();
        let title = format!("Accuracy on the source's validation part: {}", benchmark.title);
        write_text(&at("training.svg"), accuracy_curves(&title, &curves)?.as_bytes())?;
        if !self.is_first() {
            return Ok(());
        }
        let sets: Vec<_> =
            self.colours.iter().map(|(title, histogram)| (title.as_str(), histogram)).collect();
        let title = format!("Colours of source and target: {}", benchmark.title);
        write_text(&at("colours.svg"), colour_histograms(&title, &sets, Size::Page)?.as_bytes())?;
        if self.shown.is_empty() {
            return Ok(());
        }
        write_text(&at("panel.png"), &panel(&self.shown)?)?;
        let text = format!("Patches of {}, seed {}. {}", benchmark.title, self.seed, legend(&self.shown));
        write_text(&at("panel.md"), text.as_bytes())
    }
}
