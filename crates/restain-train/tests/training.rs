//! Whole runs on tiny images: a G of base width 2 learns, repeats itself, resumes, and says what is wrong.

use std::{
    error::Error,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::Device;
use restain_net::Checkpoint;
use restain_synth::SlideSpec;
use restain_train::{Outcome, STATE_FILE, TrainConfig, run};

type Tested = Result<(), Box<dyn Error>>;

/// A picture of orange and teal blobs on bright glass, a different one for each number.
fn picture(number: u32, width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let wave = |v: u32, period: u32| ((v + 17 * number) % period) as f32 / period as f32;
        let (a, b) = (wave(x, 37), wave(y, 29));
        if a * a + b * b < 0.4 {
            image::Rgb([200, 120 + (60.0 * a) as u8, 80])
        } else if a > 0.6 {
            image::Rgb([60, 130 + (60.0 * b) as u8, 150])
        } else {
            image::Rgb([235, 238, 240])
        }
    })
}

/// A folder with pictures and room for outputs.
struct Place(tempfile::TempDir);

impl Place {
    fn new(pictures: u32) -> Result<Self, Box<dyn Error>> {
        let place = Self(tempfile::tempdir()?);
        fs::create_dir_all(place.data().join("inner"))?;
        for number in 0..pictures {
            let folder = if number % 2 == 0 { place.data() } else { place.data().join("inner") };
            picture(number, 100, 70).save(folder.join(format!("{number}.png")))?;
        }
        Ok(place)
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// The folder as the source domain, with what else is said of it.
    fn source(&self, more: &str) -> String {
        format!("{{sources: [{{folder: {{path: {}}}}}]{more}}}", self.data().display())
    }

    fn config(&self, output: &str, changes: &[(&str, &str)]) -> Result<TrainConfig, Box<dyn Error>> {
        let mut text = format!(
            "name: tiny\noutput: {}\nsource: {}\nseed: 3\nbase: 2\npatches: {{side: 64}}\nbatch: 2\n\
             stages: {}\nadam: {{beta1: 0.9, beta2: 0.999}}\n\
             augmentation: {{gray_jitter: 0.05, blank_probability: 0.3}}\ncheckpoint_every: 100\n\
             card: {{source_style: test, trained_on: drawings, licence: none}}\n",
            self.0.path().join(output).display(),
            self.source(""),
            stages(6, "1.0e-2")
        );
        for (setting, value) in changes {
            let kept = |line: &&str| !line.starts_with(&format!("{setting}:"));
            text = text.lines().filter(kept).fold(String::new(), |text, line| text + line + "\n");
            text.extend([setting, ": ", value, "\n"]);
        }
        Ok(TrainConfig::parse(&text, Path::new("test.yaml"))?)
    }
}

/// One stage of regression.
fn stages(steps: u64, learning_rate: &str) -> String {
    format!(
        "[{{steps: {steps}, losses: {{l1: 1}}, learning_rate: {{g: {learning_rate}}}, \
         schedule: {{decay: linear, decay_from: 0.5}}}}]"
    )
}

fn train(config: &TrainConfig) -> restain_train::Result<Outcome> {
    run(config, "test", &Device::Cpu, &AtomicBool::new(false), &mut |_| ())
}

/// The losses in a run's log.
fn losses(config: &TrainConfig) -> Result<Vec<f32>, Box<dyn Error>> {
    let text = fs::read_to_string(config.output.join(restain_train::LOG_FILE))?;
    let loss = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line)?;
        Ok(line["l1"].as_f64().ok_or("a loss")? as f32)
    };
    text.lines().map(loss).collect()
}

/// Model and training state of a run.
fn results(config: &TrainConfig) -> std::io::Result<[Vec<u8>; 2]> {
    Ok([fs::read(config.output.join("tiny.safetensors"))?, fs::read(config.output.join(STATE_FILE))?])
}

#[test]
fn a_small_g_learns_one_patch_by_heart() -> Tested {
    let place = Place::new(0)?;
    picture(0, 64, 64).save(place.data().join("only.png"))?;
    let none = "{gray_jitter: 0, blank_probability: 0}";
    let config =
        place.config("out", &[("stages", &stages(150, "1.0e-2")), ("base", "4"), ("augmentation", none)])?;
    train(&config)?;
    let losses = losses(&config)?;
    let (first, last) = (losses[0], losses[140..].iter().sum::<f32>() / 10.0);
    assert_eq!(losses.len(), 150);
    assert!(last < 0.2 * first && last < 0.05, "{first} to {last}");
    Ok(())
}

#[test]
fn threads_change_nothing() -> Tested {
    let place = Place::new(4)?;
    let with = |name: &str, threads: usize| {
        let config = place
            .config(name, &[("loader_threads", &threads.to_string()), ("stages", &stages(3, "1.0e-2"))])?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| train(&config))?;
        Ok::<_, Box<dyn Error>>(results(&config)?)
    };
    assert!(with("one", 1)? == with("two", 2)?, "one and two threads give the same bytes");
    Ok(())
}

#[test]
fn a_stopped_run_goes_on_as_if_undisturbed() -> Tested {
    let place = Place::new(4)?;
    let straight = place.config("straight", &[])?;
    train(&straight)?;
    let halting = place.config("halting", &[("resume", "true")])?;
    let stop = AtomicBool::new(false);
    let stopped =
        run(&halting, "test", &Device::Cpu, &stop, &mut |now| stop.store(now.step == 3, Ordering::Relaxed))?;
    assert_eq!((stopped.steps, stopped.evaluation.is_none()), (3, true));
    // Steps that were taken after the last checkpoint leave lines in the log; they are taken anew.
    let log = halting.output.join(restain_train::LOG_FILE);
    fs::write(&log, fs::read_to_string(&log)? + "{\"step\":4,\"l1\":9.9}\n")?;
    assert_eq!(train(&halting)?.steps, 6);
    assert!(results(&straight)? == results(&halting)?, "the same model and state, bit for bit");
    assert_eq!(losses(&straight)?, losses(&halting)?);
    Ok(())
}

#[test]
fn a_run_is_not_overwritten_nor_mixed_with_another() -> Tested {
    let place = Place::new(2)?;
    let stages = stages(1, "1.0e-2");
    let brief = ("stages", stages.as_str());
    train(&place.config("out", &[brief])?)?;
    let message = |changes: &[(&str, &str)]| -> Result<String, Box<dyn Error>> {
        Ok(train(&place.config("out", changes)?).err().ok_or("an error")?.to_string())
    };
    assert!(message(&[brief])?.contains("holds the state of an earlier run"));
    let on = ("resume", "true");
    for (change, name) in [(("seed", "4"), "seed"), (("base", "3"), "base"), (("batch", "3"), "batch")] {
        let message = message(&[brief, on, change])?;
        assert!(message.contains(&format!("{name} differs")), "{message}");
    }
    picture(9, 100, 70).save(place.data().join("new.png"))?;
    assert!(message(&[brief, on])?.contains("the list of training images differs"));
    fs::write(place.config("out", &[])?.output.join(STATE_FILE), "no state")?;
    assert!(message(&[brief, on])?.contains("damaged"));
    Ok(())
}

#[test]
fn weights_that_run_away_stop_the_run_and_spare_the_checkpoint() -> Tested {
    let place = Place::new(2)?;
    let sound = place.config("out", &[("stages", &stages(1, "1.0e-2"))])?;
    train(&sound)?;
    let before = results(&sound)?;
    let wild = stages(6, "1.0e+38");
    let config = place.config("out", &[("stages", &wild), ("resume", "true")])?;
    let error = train(&config).err().ok_or("an error")?;
    assert!(matches!(error, restain_train::Error::NotFinite { step: 2.., .. }), "{error}");
    assert!(results(&config)? == before, "the last checkpoint is still there");
    // From fresh weights the loss stays finite: only the weights themselves show the fault.
    let error = train(&place.config("fresh", &[("stages", &wild)])?).err().ok_or("an error")?;
    assert!(error.to_string().contains("the weight "), "{error}");
    Ok(())
}

#[test]
fn faulty_images_are_named() -> Tested {
    let place = Place::new(2)?;
    let config = place.config("out", &[])?;
    let message =
        |config: &TrainConfig| train(config).err().map(|error| error.to_string()).unwrap_or_default();
    let bad = place.data().join("bad.png");
    fs::write(&bad, fs::read(place.data().join("0.png"))?.split_at(200).0)?;
    assert!(message(&config).contains("bad.png"), "{}", message(&config));
    fs::remove_file(&bad)?;
    let nowhere = "{sources: [{folder: {path: nowhere}}]}";
    assert!(message(&place.config("out", &[("source", nowhere)])?).contains("nowhere"));
    let part = place.source(", part: tests");
    assert!(
        message(&place.config("out", &[("source", &part)])?).contains("no part `tests`: the parts are train")
    );
    let task =
        "[{steps: 1, losses: {task}, learning_rate: {g: 1}, schedule: {decay: linear, decay_from: 1}}]";
    let unlabelled = place.config("out", &[("stages", task), ("task", "{weights: t.safetensors}")])?;
    assert!(message(&unlabelled).contains("2 of 2 samples have no label"), "{}", message(&unlabelled));
    Ok(())
}

#[test]
fn pictures_smaller_than_a_patch_are_padded_or_left_out() -> Tested {
    let place = Place::new(2)?;
    picture(0, 100, 40).save(place.data().join("low.png"))?;
    let brief = ("stages", stages(2, "1.0e-2"));
    let losses_of = |output: &str, patches: &str| -> Result<Vec<f32>, Box<dyn Error>> {
        let config = place.config(output, &[(brief.0, &brief.1), ("patches", patches)])?;
        train(&config)?;
        losses(&config)
    };
    let skipped = losses_of("skipped", "{side: 64, padding: skip}")?;
    fs::remove_file(place.data().join("low.png"))?;
    assert_eq!(losses_of("without", "{side: 64}")?, skipped);
    Ok(())
}

#[test]
fn grids_of_pictures_change_nothing_else() -> Tested {
    let place = Place::new(2)?;
    train(&place.config("without", &[])?)?;
    let with = place.config("with", &[("pictures_every", "3")])?;
    train(&with)?;
    assert!(results(&with)? == results(&place.config("without", &[])?)?);
    let grid = image::open(with.output.join(restain_train::PICTURES).join("step-000003.png"))?.into_rgb8();
    assert_eq!(grid.dimensions(), (6 * 64, 3 * 64), "patches, their gray, and what G makes of them");
    assert!(grid.rows().nth(64).ok_or("gray")?.all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    assert!(with.output.join(restain_train::PICTURES).join("step-000006.png").exists());
    Ok(())
}

#[test]
fn the_evaluation_is_of_the_held_out_fields_as_they_are() -> Tested {
    let place = Place::new(0)?;
    for number in 0..12 {
        // Pure red: gray 76.245, stored as 76, so that the gray image is off by (255 - 76 + 76 + 76) / 3.
        image::RgbImage::from_pixel(100, 70, image::Rgb([255, 0, 0]))
            .save(place.data().join(format!("{number}.png")))?;
    }
    let split = place.source(", split: {shares: {seed: 3, parts: {train: 0.7, test: 0.3}}}, held_out: test");
    let config = place.config("out", &[("source", &split), ("stages", &stages(2, "1.0e-2"))])?;
    let held_out = config.source.find(&config.patches)?.held_out.ok_or("a part")?;
    let outcome = train(&config)?;
    let evaluation = outcome.evaluation.ok_or("an evaluation")?;
    assert!(held_out.groups().len() > 1 && evaluation.fields.len() == held_out.groups().len());
    assert!((evaluation.gray.l1 - 331.0 / 3.0).abs() < 1e-9, "{}", evaluation.gray.l1);
    let mse = (179.0_f64.powi(2) + 2.0 * 76.0_f64.powi(2)) / 3.0;
    assert!((evaluation.gray.psnr - 10.0 * (255.0_f64.powi(2) / mse).log10()).abs() < 1e-9);
    assert!(evaluation.model.l1 > 0.0 && evaluation.model.ssim <= 1.0);
    assert!(evaluation.to_string().contains("| gray copied to RGB | 110.33 |"), "{evaluation}");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(config.output.join("eval.json"))?)?;
    assert_eq!(json["fields"].as_array().map(Vec::len), Some(held_out.groups().len()));
    // The card of the model carries the figures.
    let card =
        restain_net::Model::load(&outcome.model, &restain_net::Place::Cpu, restain_net::Precision::F32)?
            .card()
            .clone();
    assert_eq!(card.commit, "test");
    assert!(card.held_out["l1"].to_bits() == evaluation.model.l1.to_bits());
    Ok(())
}

#[test]
fn g_begins_with_a_model() -> Tested {
    let place = Place::new(4)?;
    let first = place.config("first", &[("stages", &stages(4, "1.0e-2"))])?;
    let model = train(&first)?.model;
    let begun = model.to_str().ok_or("a path")?;
    // Steps so small that weights stay what they were.
    let still = stages(1, "1.0e-30");
    let second = place.config("second", &[("begin_with", begun), ("stages", &still), ("resume", "true")])?;
    let [one, two] = [&model, &train(&second)?.model].map(|path| Checkpoint::load(path));
    let (one, two) = (one?.parameters, two?.parameters);
    let weights = one.iter().filter(|(name, _)| name.ends_with("weight") || name.ends_with("bias"));
    for (name, weight) in weights {
        let [a, b] = [weight, &two[name]].map(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
        assert_eq!(a?, b?, "{name}");
    }
    let other = place.config("other", &[("begin_with", begun), ("base", "4")])?;
    let said = train(&other).expect_err("another base").to_string();
    assert!(said.contains("base 2") && said.contains("`base: 2`"), "{said}");
    let fresh = place.config("second", &[("stages", &stages(2, "1.0e-2")), ("resume", "true")])?;
    let said = train(&fresh).expect_err("it began with a model").to_string();
    assert!(said.contains("begin_with differs"), "{said}");
    Ok(())
}

/// 30 groups of orange cells, of which 24 are measured, and two of cells that are black: none of the 30 is black.
#[test]
fn the_card_says_what_was_seen() -> Tested {
    let place = Place::new(32)?;
    let black = image::RgbImage::from_fn(100, 70, |x, _| image::Rgb([if x < 50 { 10 } else { 240 }; 3]));
    for number in [30, 31] {
        let folder = if number % 2 == 0 { place.data() } else { place.data().join("inner") };
        black.save(folder.join(format!("{number}.png")))?;
    }
    let still = stages(1, "1.0e-2");
    let seen = |name: &str, changes: &[(&str, &str)]| -> Result<_, Box<dyn Error>> {
        let config = place.config(name, &[&[("stages", &*still)], changes].concat())?;
        Ok(Checkpoint::load(&train(&config)?.model)?.card.seen)
    };
    assert_eq!(seen("no scale", &[])?, None);
    let card = "{source_style: test, trained_on: drawings, licence: none, mpp: 0.5}";
    let all = seen("all", &[("card", card)])?.ok_or("a scale")?;
    assert_eq!(all.profiles.len(), 24);
    assert_eq!(Some(&all), seen("again", &[("card", card)])?.as_ref());
    let grays =
        |profile: &restain_stain::reference::Profile| profile.mean.map(|density| density > 1.0) == [true; 3];
    assert!((1..=2).contains(&all.profiles.iter().filter(|profile| grays(profile)).count()));

    // Of three small pictures each is one; of two it is not known how pictures differ.
    for (pictures, expected) in [(3, Some(3)), (2, None)] {
        let place = Place::new(pictures)?;
        let config = place.config("few", &[("stages", &*still), ("card", card)])?;
        let seen = Checkpoint::load(&train(&config)?.model)?.card.seen;
        assert_eq!(seen.map(|seen| seen.profiles.len()), expected);
    }
    Ok(())
}

/// A slide says its scale, and gives as many fields as it takes: 256 micrometres are 128 px of 2.
#[test]
fn fields_of_a_slide_are_seen() -> Tested {
    let place = Place::new(0)?;
    let slide = place.data().join("slide.mrxs");
    restain_synth::write_slide(&SlideSpec::new(4096, 4096), &slide, &|_| ControlFlow::Continue(()))?;
    let source = format!("{{sources: [{{slides: {{paths: [{}], place: tissue}}}}]}}", slide.display());
    for patches in ["{side: 64}", "{side: 64, mpp: 0.5}"] {
        let of = [("source", &*source), ("patches", patches), ("stages", &stages(1, "1.0e-2"))];
        let config = place.config(&format!("out {}", patches.len()), &of)?;
        let seen = Checkpoint::load(&train(&config)?.model)?.card.seen.ok_or("cells")?;
        assert_eq!((seen.profiles.len(), seen.histogram.pixels()), (24, 24 * 128 * 128));
    }
    Ok(())
}
