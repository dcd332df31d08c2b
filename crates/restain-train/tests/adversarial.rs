//! Whole adversarial runs, on drawn cells in the styles of two scanners.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::Device;
use restain_synth::{Drawing, Rect, SlideSpec, Style};
use restain_train::{Losses, Progress, SNAPSHOTS, STATE_FILE, TrainConfig, run, snapshot_path};

type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// Folders with fields of two styles, and room for outputs.
struct Place(tempfile::TempDir);

/// Both stages of the paper without a task, two steps and three.
const BRIEF: [&str; 2] = ["steps: 2, losses: {l1, gan1}", "steps: 3, losses: {l1, gan1, gan2}"];

impl Place {
    fn new() -> Tested<Self> {
        let place = Self(tempfile::tempdir()?);
        for (folder, style) in [("source", Style::new_scanner()), ("target", Style::old_scanner())] {
            fs::create_dir_all(place.0.path().join(folder))?;
            // A coarse drawing has cells in every patch.
            let drawing = Drawing::new(&SlideSpec { style, mpp: 1.0, ..SlideSpec::new(2000, 2000) })?;
            for number in 0..3 {
                let picture = drawing.draw(Rect { x: 300 * number, y: 500, width: 120, height: 100 })?;
                image::RgbImage::from_raw(picture.width, picture.height, picture.rgb)
                    .ok_or("a picture")?
                    .save(place.0.path().join(format!("{folder}/{number}.png")))?;
            }
        }
        Ok(place)
    }

    fn config(&self, output: &str, stages: &[&str], more: &str) -> Tested<TrainConfig> {
        let root = self.0.path().display();
        let rest = "schedule: {decay: linear, decay_from: 0.5}";
        let rate = if more.contains("# wild") { "{g: 2.0e-3, d: 1.0e+30}" } else { "{g: 2.0e-3, d: 2.0e-4}" };
        let stages: Vec<String> =
            stages.iter().map(|stage| format!("{{{stage}, learning_rate: {rate}, {rest}}}")).collect();
        let text = format!(
            "name: tiny\noutput: {root}/{output}\nsource: {{sources: [folder: {{path: {root}/source}}]}}\n\
             target: {{sources: [folder: {{path: {root}/target}}]}}\n\
             seed: 3\nbase: 4\npatches: {{side: 64}}\nbatch: 2\nstages: [{}]\nadam: {{beta1: 0.5, beta2: 0.999}}\n\
             gan: {{base: 4, form: non-saturating}}\naugmentation: {{}}\ncheckpoint_every: 2\nresume: true\n\
             card: {{source_style: test, trained_on: drawings, licence: none}}\n{more}\n",
            stages.join(", ")
        );
        Ok(TrainConfig::parse(&text, Path::new("test.yaml"))?)
    }
}

/// Trains until `stop` says so of a step, and returns the losses of all steps.
fn train(config: &TrainConfig, mut stop: impl FnMut(&Progress) -> bool) -> Tested<Vec<Losses>> {
    let (flag, mut losses) = (AtomicBool::new(false), Vec::new());
    run(config, "test", &Device::Cpu, &flag, &mut |now| {
        losses.push(now.losses);
        flag.store(stop(now), Ordering::Relaxed);
    })?;
    Ok(losses)
}

fn results(folder: &Path) -> std::io::Result<[Vec<u8>; 2]> {
    Ok([fs::read(folder.join("tiny.safetensors"))?, fs::read(folder.join(STATE_FILE))?])
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() { copy(&path, &to)? } else { fs::copy(&path, to).map(drop)? }
    }
    Ok(())
}

/// The snapshots of a run by their names.
fn snapshots(folder: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry?.path();
        Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(path)?))
    };
    fs::read_dir(folder.join(SNAPSHOTS))?.map(read).collect()
}

#[test]
fn a_tiny_run_goes_through_its_stages_and_learns() -> Tested {
    let place = Place::new()?;
    for form in ["minimax", "non-saturating"] {
        let stages = ["steps: 30, losses: {l1, gan1}", "steps: 20, losses: {l1, gan1, gan2}"];
        let mut config = place.config(form, &stages, "clip: 100\nema: 0.9")?;
        config.gan.form = serde_yaml::from_str(form)?;
        let losses = train(&config, |_| false)?;
        assert_eq!(losses.len(), 50);
        for (step, losses) in losses.iter().enumerate() {
            let second = step >= 30;
            let here = losses.named().map(|(_, loss)| loss.is_some());
            assert_eq!(here, [true, true, true, second, false, true, second], "step {step}");
            assert!(losses.named().into_iter().filter_map(|(_, loss)| loss).all(f32::is_finite));
        }
        let mean = |part: &[Losses]| part.iter().filter_map(|of| of.l1).sum::<f32>() / part.len() as f32;
        let (first, last) = (mean(&losses[..5]), mean(&losses[45..]));
        assert!(last < 0.6 * first, "{form}: {first} to {last}");
        let log = fs::read_to_string(config.output.join(restain_train::LOG_FILE))?;
        let lines: Vec<serde_json::Value> =
            log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!((lines.len(), &lines[29]["stage"], &lines[30]["stage"]), (50, &1.into(), &2.into()));
        for (line, losses) in lines.iter().zip(&losses) {
            for (name, loss) in losses.named() {
                let logged = line[name].as_f64().map(|loss| loss as f32);
                assert!(
                    logged.is_some() == loss.is_some()
                        && logged.zip(loss).is_none_or(|(a, b)| (a - b).abs() < 1e-6)
                );
            }
        }
    }
    Ok(())
}

#[test]
fn each_loss_can_be_left_out() -> Tested {
    let place = Place::new()?;
    for (number, losses) in ["{gan1}", "{gan2}", "{gan1: 2, gan2}", "{l1, gan2}"].into_iter().enumerate() {
        let stage = format!("steps: 2, losses: {losses}");
        let found = train(&place.config(&number.to_string(), &[&stage], "")?, |_| false)?;
        for step in found {
            let [_, l1, gan1, gan2, _, d1, d2] = step.named().map(|(name, loss)| (name, loss.is_some()));
            for (name, here) in [l1, gan1, gan2] {
                assert_eq!(here, losses.contains(name), "{name} in {losses}");
            }
            assert_eq!((d1.1, d2.1), (gan1.1, gan2.1));
        }
    }
    Ok(())
}

/// Every four steps and at the end of each stage, which are at 2 and 5.
#[test]
fn snapshots_are_models_and_change_nothing() -> Tested {
    let place = Place::new()?;
    for (name, more) in [("g", ""), ("average", "ema: 0.8")] {
        let plain = place.config(&format!("{name}-plain"), &BRIEF, more)?;
        let losses = train(&plain, |_| false)?;
        let with = format!("{more}\nsnapshot_every: 4");
        let followed = place.config(&format!("{name}-followed"), &BRIEF, &with)?;
        assert_eq!(train(&followed, |_| false)?, losses);
        assert!(results(&followed.output)? == results(&plain.output)?, "the same model and state");
        assert!(!plain.output.join(SNAPSHOTS).exists());
        let taken = snapshots(&followed.output)?;
        let steps = ["g-2.safetensors", "g-4.safetensors", "g-5.safetensors"];
        assert_eq!(taken.keys().collect::<Vec<_>>(), steps);
        // A run that is stopped after a step leaves the model of that step.
        for step in [2, 4, 5] {
            let halted = place.config(&format!("{name}-{step}"), &BRIEF, more)?;
            train(&halted, |now| now.step == step)?;
            let [model, _] = results(&halted.output)?;
            assert!(fs::read(snapshot_path(&followed.output, step))? == model, "{name}, step {step}");
        }
    }
    Ok(())
}

/// Stopped after each step, and killed after each step: in both stages, at their border, at a checkpoint and beside one.
#[test]
fn a_run_that_is_stopped_or_killed_goes_on_as_if_undisturbed() -> Tested {
    let place = Place::new()?;
    let more = "clip: 0.5\nema: 0.8\nsnapshot_every: 4";
    let straight = place.config("straight", &BRIEF, more)?;
    let mut killed = Vec::new();
    let whole = train(&straight, |now| {
        // What is on the disk when the program is killed now.
        let to = place.0.path().join(format!("killed-{}", now.step));
        killed.push(copy(&straight.output, &to));
        false
    })?;
    killed.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (truth, taken) = (results(&straight.output)?, snapshots(&straight.output)?);
    for step in 1..=4 {
        let stopped = place.config(&format!("stopped-{step}"), &BRIEF, more)?;
        let mut losses = train(&stopped, |now| now.step == step)?;
        assert_eq!(losses.len() as u64, step);
        losses.extend(train(&stopped, |_| false)?);
        assert_eq!(losses, whole);
        assert!(results(&stopped.output)? == truth, "stopped after step {step}");
        assert!(snapshots(&stopped.output)? == taken, "stopped after step {step}");

        let killed = place.config(&format!("killed-{step}"), &BRIEF, more)?;
        let left = train(&killed, |_| false)?;
        // A checkpoint every two steps; step `step` itself is not yet in one when the snapshot is taken.
        assert_eq!(left.len() as u64, 5 - (step - 1) / 2 * 2);
        assert!(results(&killed.output)? == truth, "killed after step {step}");
        assert!(snapshots(&killed.output)? == taken, "killed after step {step}");
    }
    Ok(())
}

#[test]
fn threads_change_nothing() -> Tested {
    let place = Place::new()?;
    let with = |threads: usize| {
        let mut config = place.config(&threads.to_string(), &BRIEF, "clip: 0.5")?;
        config.loader_threads = threads;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| train(&config, |_| false).map_err(|error| error.to_string()))?;
        Ok::<_, Box<dyn Error>>(results(&config.output)?)
    };
    assert!(with(1)? == with(3)?, "one and three threads give the same bytes");
    Ok(())
}

#[test]
fn a_stage_can_be_added_to_a_finished_run() -> Tested {
    let place = Place::new()?;
    let map = "input: {quantile_map: true}";
    let straight = place.config("straight", &BRIEF, map)?;
    train(&straight, |_| false)?;
    // Without a target there is nothing to map.
    let mut first = place.config("grown", &BRIEF[..1], "")?;
    first.target = None;
    train(&first, |_| false)?;
    let grown = place.config("grown", &BRIEF, map)?;
    train(&grown, |_| false)?;
    assert!(results(&straight.output)? == results(&grown.output)?, "D2 begins as if it had waited");
    let error = train(&place.config("grown", &BRIEF, "")?, |_| false).err().ok_or("an error")?.to_string();
    assert!(error.contains("input.quantile_map differs"), "{error}");
    Ok(())
}

#[test]
fn a_state_that_does_not_fit_is_refused() -> Tested {
    let place = Place::new()?;
    let config = place.config("out", &BRIEF, "")?;
    train(&config, |_| false)?;
    let message = |stages: &[&str]| -> Tested<String> {
        Ok(train(&place.config("out", stages, "")?, |_| false).err().ok_or("an error")?.to_string())
    };
    assert!(message(&["steps: 2, losses: {l1}", "steps: 3, losses: {l1, gan2}"])?.contains("d1 took part"));
    assert!(message(&["steps: 9, losses: {l1, gan1, gan2}"])?.contains("step 5 was in stage 2"));
    let other = place.config("out", &BRIEF, "")?;
    fs::rename(place.0.path().join("target/0.png"), place.0.path().join("target/7.png"))?;
    let error = train(&other, |_| false).err().ok_or("an error")?.to_string();
    assert!(error.contains("the list of target images differs"), "{error}");
    fs::rename(place.0.path().join("target/7.png"), place.0.path().join("target/0.png"))?;
    // Of another kind of run, or another version.
    let file = config.output.join(STATE_FILE);
    let bytes = fs::read(&file)?;
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into()?))?;
    let header = String::from_utf8(bytes[8..8 + length].to_vec())?;
    let header = header.replace("gan_base", "gan_bass");
    fs::write(
        &file,
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat(),
    )?;
    assert!(message(&BRIEF)?.contains("version of restain"), "{}", message(&BRIEF)?);
    Ok(())
}

#[test]
fn a_loss_that_breaks_is_named_and_the_checkpoint_spared() -> Tested {
    let place = Place::new()?;
    let stages = ["steps: 1, losses: {l1}", "steps: 5, losses: {l1, gan1, gan2}"];
    train(&place.config("out", &stages[..1], "")?, |_| false)?;
    let before = results(&place.0.path().join("out"))?;
    let wild = place.config("out", &stages, "# wild")?;
    let error = train(&wild, |_| false).err().ok_or("an error")?;
    let error = error.downcast::<restain_train::Error>()?;
    let restain_train::Error::NotFinite { step, what } = &*error else { return Err(error) };
    assert_eq!((*step, what.as_str()), (2, "the loss gan1"));
    assert!(error.to_string().contains(&format!("{what} is not finite at step {step}")));
    assert!(results(&wild.output)? == before);
    Ok(())
}

/// D1 that has learned to tell is fooled by a G that learns from it alone: the gradient through D points the right way.
#[test]
fn g_learns_from_a_discriminator_alone() -> Tested {
    let place = Place::new()?;
    let stages = ["steps: 20, losses: {l1: 1.0e-9, gan1: 1.0e-9}", "steps: 20, losses: {gan1: 1}"];
    let mut config = place.config("out", &stages, "")?;
    config.stages[0].learning_rate.g = 1e-12;
    config.stages[1].learning_rate.d = Some(1e-12);
    let losses = train(&config, |_| false)?;
    let of = |step: usize, what: fn(&Losses) -> Option<f32>| what(&losses[step]).ok_or("a loss");
    assert!(of(19, |of| of.d1)? < of(0, |of| of.d1)?, "D1 learns: {losses:?}");
    assert!(of(39, |of| of.gan1)? < of(20, |of| of.gan1)?, "G learns: {losses:?}");
    Ok(())
}

/// Beside the source's pictures, the target's are known where a stage has shown them.
#[test]
fn the_card_knows_what_stages_have_shown() -> Tested {
    let place = Place::new()?;
    let seen = |output: &str, stages: &[&str]| -> Tested<_> {
        let mut config = place.config(output, stages, "")?;
        config.card.mpp = Some(1.0);
        train(&config, |_| false)?;
        let model = place.0.path().join(output).join("tiny.safetensors");
        Ok(restain_net::Checkpoint::load(&model)?.card.seen.ok_or("three pictures with cells")?)
    };
    let (one, both) = (seen("one", &BRIEF[..1])?, seen("both", &BRIEF)?);
    assert_eq!((one.profiles.len(), both.profiles.len()), (3, 6));
    assert_eq!((&one.histogram, &one.profiles[..]), (&both.histogram, &both.profiles[..3]));
    Ok(())
}
