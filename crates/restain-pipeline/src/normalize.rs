//! One slide through all stages.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use bytesize::ByteSize;
use restain_slide::{LevelRect, Margin, Mpp, Slide, TileGrid};
use restain_tiff::{Layout, Pyramid, PyramidWriter, TileEncoder};
use serde::Serialize;

use crate::control::{Control, Progress, StageName};
use crate::engine::{Engine, Selection};
use crate::memory::{Cut, OUTPUT_TILES_A_THREAD};
use crate::ordered::ordered;
use crate::quantile::Quantile;
use crate::settings::{GrayKind, Settings};
use crate::stages::{encode, generate, read, reassemble, stain, write};
use crate::threads::thread_pool;
use crate::{Error, Result};

/// Side of an output tile in pixels.
pub(crate) const OUTPUT_TILE: u32 = 512;

/// How many times larger or smaller than the model expects pixels may be before it is worth a word.
const SCALES_APART: f64 = 1.5;

/// A slide to normalize, checked but not begun.
pub struct Job<'a> {
    pub(crate) slide: &'a Slide,
    pub(crate) selection: &'a Selection,
    pub(crate) settings: &'a Settings,
    pub(crate) level: u32,
    pub(crate) extent: LevelRect,
    pub(crate) cut: Cut,
    /// What windows hold beyond their cores: what G's receptive field needs, [`Engine::margin`].
    /// With less, seams show.
    pub margin: Margin,
}

/// What was done, as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The slide, as given.
    pub input: PathBuf,
    /// The file that was written.
    pub output: PathBuf,
    /// What of the slide was read.
    pub source: SourceReport,
    /// Width of the output's level 0 in pixels.
    pub width: u32,
    /// Height of the output's level 0 in pixels.
    pub height: u32,
    /// Pixels of the output's level 0.
    pub pixels: u64,
    /// Levels of the output.
    pub levels: u32,
    /// Bytes of the output.
    pub bytes: u64,
    /// The model.
    pub model: ModelReport,
    /// Where G ran.
    pub device: String,
    /// Side of the core tiles that were worked on, in pixels.
    pub tile: u32,
    /// Threads used.
    pub threads: usize,
    /// Seconds from opening the output to its rename.
    pub seconds: f64,
    /// Seconds each stage was at work, summed over its threads.
    pub stage_seconds: std::collections::BTreeMap<StageName, f64>,
    /// Megapixels of level 0 a second.
    pub mp_per_s: f64,
    /// Largest resident memory of the process, bytes.
    pub peak_memory: Option<u64>,
}

/// The input as a report and the output's description name it: nothing that identifies a patient.
#[derive(Debug, Clone, Serialize)]
pub struct SourceReport {
    /// `OpenSlide`'s name of the format.
    pub format: String,
    /// Width of level 0 in pixels.
    pub width: i64,
    /// Height of level 0 in pixels.
    pub height: i64,
    /// The level that was read.
    pub level: u32,
    /// What was read of it: x, y, width, height in its pixels.
    pub region: [i64; 4],
    /// Micrometres a pixel of that level.
    pub mpp: Option<Mpp>,
}

/// The model, or the method that takes its place, as a report and the output's description name it.
#[derive(Debug, Clone, Serialize)]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file in hexadecimal digits.
    pub sha256: Option<String>,
    /// The kernels that ran it and the numbers they computed in.
    pub kernels: Option<String>,
    /// Whose gray the pixels have, where there is a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gray: Option<GrayKind>,
    /// SHA-256 of the file of the style that the quantile map gave to the slide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style_sha256: Option<String>,
    /// SHA-256 of the style's file that stood in for the slide's own colours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_sha256: Option<String>,
}

impl ModelReport {
    /// The model of a selection, or what takes its place.
    pub fn of(Selection { engine, own_sha256, .. }: &Selection) -> Self {
        let (name, model) = match engine {
            Engine::Identity => (Engine::IDENTITY, None),
            Engine::Quantile(_) => (Quantile::NAME, None),
            Engine::Model(restainer) => (&*restainer.model().card().name, Some(restainer.model())),
        };
        Self {
            name: name.to_owned(),
            sha256: model.map(|model| model.sha256().to_owned()),
            kernels: model.map(|model| model.kernels().to_owned()),
            gray: engine.gray(),
            style_sha256: engine.quantile().map(|quantile| quantile.sha256().to_owned()),
            own_sha256: own_sha256.clone(),
        }
    }
}

impl<'a> Job<'a> {
    /// Checks that `settings` fit `slide`.
    ///
    /// # Errors
    /// As [`Settings::input`] and [`Settings::threads`]; [`Error::Memory`] where the slide needs more than is allowed.
    pub fn new(slide: &'a Slide, selection: &'a Selection, settings: &'a Settings) -> Result<Self> {
        let (level, extent) = settings.input(slide)?;
        let margin = selection.engine.margin();
        let mut cut = Cut { tile: settings.tile, threads: settings.threads()? };
        if let Some(ByteSize(limit)) = settings.memory {
            cut = cut.within(limit, &selection.engine, extent, margin)?;
        }
        Ok(Self { slide, selection, settings, level, extent, cut, margin })
    }

    /// The tiles that will be worked on.
    ///
    /// # Errors
    /// Where the tile size is not a multiple of 64.
    pub fn grid(&self) -> Result<TileGrid> {
        Ok(TileGrid::new(self.extent, self.cut.tile, self.margin)?)
    }

    /// What of the slide will be read.
    pub fn source(&self) -> SourceReport {
        let info = self.slide.info();
        let full = info.levels[0].size;
        let LevelRect { min, .. } = self.extent;
        SourceReport {
            format: info.vendor.clone(),
            width: full.width,
            height: full.height,
            level: self.level,
            region: [min.x, min.y, self.extent.width(), self.extent.height()],
            mpp: info.mpp.map(|mpp| mpp.at(info.levels[self.level as usize].downsample)),
        }
    }

    /// What is odd about the scale of what will be read, in one line: it is not the model's, or unknown.
    pub fn scale_note(&self) -> Option<String> {
        let wanted = self.selection.engine.model()?.card().mpp?;
        let Some(mpp) = self.source().mpp.map(Mpp::mean) else {
            return Some(format!(
                "the slide does not say its scale; the model expects {wanted:.3} micrometres a pixel"
            ));
        };
        let factor = mpp / wanted;
        (!(1.0 / SCALES_APART..=SCALES_APART).contains(&factor)).then(|| {
            format!(
                "pixels of {mpp:.3} micrometres, but the model expects {wanted:.3}: colours may be odd; see --mpp"
            )
        })
    }

    /// Pixels of the output's level 0.
    pub fn pixels(&self) -> u64 {
        self.extent.area().unsigned_abs()
    }

    /// What the output says about itself: how it was made and from what kind of source, and nothing else.
    fn description(&self, source: &SourceReport, model: &ModelReport) -> String {
        let Settings { compression, quality, subsampling, extent, .. } = self.settings;
        serde_json::json!({
            "software": concat!("restain ", env!("CARGO_PKG_VERSION")),
            "model": model,
            "settings": {
                "compression": compression, "quality": quality, "subsampling": subsampling, "extent": extent,
            },
            "source": source,
        })
        .to_string()
    }

    fn layout(&self, source: &SourceReport, model: &ModelReport) -> Result<Layout> {
        let size = self.extent.size();
        let side = |pixels: i64| {
            u32::try_from(pixels)
                .map_err(|_| Error::Setting(format!("a side of {pixels} pixels is too long")))
        };
        Ok(Layout {
            width: side(size.width)?,
            height: side(size.height)?,
            tile: OUTPUT_TILE,
            compression: self.settings.compression(),
            mpp: source.mpp.map(|mpp| (mpp.x, mpp.y)),
            description: self.description(source, model),
            background: self.slide.info().background,
        })
    }

    /// Normalizes the slide into `output`.
    ///
    /// The file appears under its name only when it is whole. Setting `interrupt` stops every stage within a
    /// second or one tile's work.
    ///
    /// # Errors
    /// The root cause, whichever stage it came from; nothing is left behind then.
    pub fn run(
        &self,
        output: &Path,
        force: bool,
        interrupt: &AtomicBool,
        progress: &Progress,
    ) -> Result<Report> {
        let started = Instant::now();
        if self.slide.holds(output) {
            return Err(Error::OutputIsInput(output.to_owned()));
        }
        let source = self.source();
        let model = ModelReport::of(self.selection);
        let grid = self.grid()?;
        let layout = self.layout(&source, &model)?;
        let encoder = TileEncoder::new(&layout)?;
        let writer = PyramidWriter::create(output, &layout, force)?;
        let pool = thread_pool(self.cut.threads)?;
        let pixels = self.pixels();
        progress.start(pixels);
        let control = Control::new(interrupt, progress);

        let written = self.run_stages(&control, &pool, &grid, Pyramid::new(&layout)?, &encoder, writer);
        let stage_seconds =
            StageName::ALL.into_iter().map(|stage| (stage, control.busy_seconds(stage))).collect();
        if let Some(error) = control.into_root_cause() {
            return Err(error);
        }
        // Without a root cause every stage has come to its end.
        let summary = written.ok_or(Error::Interrupted)?.finish()?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Report {
            input: self.slide.path().to_owned(),
            output: output.to_owned(),
            source,
            width: layout.width,
            height: layout.height,
            pixels,
            levels: summary.levels,
            bytes: summary.bytes,
            model,
            device: self.selection.device.clone(),
            tile: self.cut.tile,
            threads: self.cut.threads,
            seconds,
            stage_seconds,
            mp_per_s: pixels as f64 / 1e6 / seconds,
            peak_memory: crate::memory::peak_bytes(),
        })
    }

    /// Every stage on threads of its own; each owns its ends of the channels, so that when one ends, for whatever
    /// reason, its neighbours do too.
    fn run_stages(
        &self,
        control: &Control<'_>,
        pool: &rayon::ThreadPool,
        grid: &TileGrid,
        pyramid: Pyramid,
        encoder: &TileEncoder,
        writer: PyramidWriter,
    ) -> Option<PyramidWriter> {
        let engine = &self.selection.engine;
        let background = self.slide.info().background;
        let Cut { threads, .. } = self.cut;
        let (tiles, tile_queue, windows) = ordered(threads + 2);
        let (batches, batch_queue, cores) = ordered(engine.workers());
        let (level_tiles, level_tile_queue, encoded) = ordered(OUTPUT_TILES_A_THREAD * threads);
        thread::scope(|scope| {
            scope.spawn(move || read::plan(control, grid, tiles));
            let readers = (0..threads).map(|_| {
                let queue = tile_queue.clone();
                scope.spawn(move || read::run(control, self.slide, self.level, queue))
            });
            let readers = readers.collect::<Vec<_>>();
            drop(tile_queue);
            scope.spawn(move || {
                for reader in readers {
                    drop(reader.join());
                }
                control.progress.all_read();
            });
            let batches = generate::Batches::new(batches);
            scope.spawn(move || stain::run(control, engine, background, &windows, batches));
            for _ in 0..engine.workers() {
                let queue = batch_queue.clone();
                scope.spawn(move || generate::run(control, engine, background, pool, queue));
            }
            drop(batch_queue);
            scope.spawn(move || reassemble::run(control, self.extent, pyramid, &cores, &level_tiles));
            scope.spawn(move || {
                pool.in_place_scope(|tasks| encode::run(control, encoder, tasks, level_tile_queue))
            });
            scope.spawn(move || write::run(control, writer, &encoded)).join().ok()?.ok()
        })
    }
}
