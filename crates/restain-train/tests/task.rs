//! T learns to tell two kinds of drawn cells apart, goes on from where it was, and guides G.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use candle_core::Device;
use restain_train::{
    STATE_FILE, Scores, TrainConfig, run,
    task::{Classifier, Network, Outcome, Sight, TaskConfig, checkpoint_path, train},
};

type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// A folder with two classes of pictures, dark and large nuclei or small and pale ones, and room for outputs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Tested<Self> {
        let place = Self(tempfile::tempdir()?);
        for (class, radius, nucleus) in [("normal", 6, [110, 90, 150]), ("abnormal", 13, [70, 40, 110])] {
            let folder = place.0.path().join("cells").join(class);
            fs::create_dir_all(&folder)?;
            for number in 0..24_u32 {
                let middle = [(16 + number % 5) as i32, (15 + number % 3) as i32];
                image::RgbImage::from_fn(36, 36, |x, y| {
                    let away = |at: u32, axis: usize| (at as i32 - middle[axis]).pow(2);
                    let noise = (x * 31 + y * 17 + number * 7) % 13;
                    let colour =
                        if away(x, 0) + away(y, 1) < radius * radius { nucleus } else { [200, 190, 205] };
                    image::Rgb(colour.map(|level: u8| level + noise as u8))
                })
                .save(folder.join(format!("{number}.png")))?;
            }
        }
        Ok(place)
    }

    fn source(&self) -> String {
        format!(
            "{{sources: [classes: {{path: {}, labels: {{normal: normal, abnormal: abnormal}}}}], \
             split: {{shares: {{seed: 1, parts: {{train: 0.7, validation: 0.3}}}}}}, held_out: validation}}",
            self.0.path().join("cells").display()
        )
    }

    fn config(&self, output: &str, more: &str) -> Tested<TaskConfig> {
        let text = format!(
            "name: t\noutput: {}\nsource: {}\npatches: {{side: 32, balance: label}}\nseed: 1\n\
             network: {{kind: resnet18, width: 2}}\nbatch: 8\nsteps: 30\nlearning_rate: 3.0e-3\n\
             schedule: {{decay: linear, decay_from: 0.5}}\nadam: {{beta1: 0.9, beta2: 0.999}}\n\
             checkpoint_every: 10\nresume: true\n{more}\n",
            self.0.path().join(output).display(),
            self.source()
        );
        Ok(TaskConfig::parse(&text, Path::new("task.yaml"))?)
    }
}

fn learn(config: &TaskConfig) -> restain_train::Result<Outcome> {
    train(config, &Device::Cpu, &AtomicBool::new(false), &mut |_| ())
}

#[test]
fn a_small_t_learns_and_keeps_its_checkpoints() -> Tested {
    let place = Place::new()?;
    for (number, more) in
        ["", "augmentation: pca", "augmentation: hsv", "sight: gray"].into_iter().enumerate()
    {
        let config = place.config(&number.to_string(), more)?;
        let outcome = learn(&config)?;
        let steps: Vec<u64> = outcome.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
        assert_eq!(steps, [10, 20, 30]);
        let best = outcome.checkpoints.iter().map(|at| at.validation.accuracy).fold(0.0, f64::max);
        assert!(best > 0.9, "{more}: {:?}", outcome.checkpoints);

        // The weights that were kept are those of the best, the last of equals, and say the same when loaded.
        let best =
            outcome.checkpoints.iter().rev().find(|at| at.validation.accuracy >= best).ok_or("best")?;
        let weights = outcome.weights.ok_or("weights")?;
        assert!(fs::read(&weights)? == fs::read(checkpoint_path(&config.output, best.step))?);
        let sight = if more.contains("gray") { Sight::Gray } else { Sight::Colour };
        let t = Classifier::load(&weights, config.network, sight, &Device::Cpu)?;
        let held_out = config.source.find(&config.patches)?.held_out.ok_or("a part")?;
        let patches = held_out.samples().iter().map(|sample| held_out.read(sample));
        let patches = patches.collect::<Result<Vec<_>, _>>()?;
        let pixels: Vec<&[u8]> = patches.iter().map(|patch| &*patch.rgb).collect();
        let said = t.probabilities(&pixels, 32)?;
        let told = patches.iter().map(|patch| patch.label == Some(restain_data::Label::Abnormal));
        let scores = Scores::of(&said.into_iter().zip(told).collect::<Vec<_>>()).ok_or("scores")?;
        assert_eq!(scores, best.validation);
        assert_eq!(t.features(&pixels, 32)?[0].len(), 16);
        if sight == Sight::Gray {
            // Gray alone counts.
            let gray = |rgb: &[u8]| -> Vec<u8> {
                let level =
                    |px: &[u8]| (restain_stain::removal::gray([px[0], px[1], px[2]]) * 255.0).round() as u8;
                rgb.chunks(3).flat_map(|px| [level(px); 3]).collect()
            };
            let grays: Vec<Vec<u8>> = pixels.iter().map(|rgb| gray(rgb)).collect();
            let grays: Vec<&[u8]> = grays.iter().map(|rgb| &**rgb).collect();
            assert_eq!(t.probabilities(&grays, 32)?, t.probabilities(&pixels, 32)?);
        }
    }
    Ok(())
}

#[test]
fn a_stopped_run_goes_on_as_if_undisturbed() -> Tested {
    let place = Place::new()?;
    let results = |config: &TaskConfig| -> Tested<[Vec<u8>; 3]> {
        let read = |path: std::path::PathBuf| fs::read(path);
        let output = &config.output;
        Ok([
            read(output.join(STATE_FILE))?,
            read(output.join("t.safetensors"))?,
            read(checkpoint_path(output, 20))?,
        ])
    };
    let straight = place.config("straight", "clip: 1")?;
    let whole = learn(&straight)?;
    let halting = place.config("halting", "clip: 1\nloader_threads: 2")?;
    for at in [3, 10, 17] {
        let stop = AtomicBool::new(false);
        let stopped = train(&halting, &Device::Cpu, &stop, &mut |now| {
            stop.store(now.step == at, Ordering::Relaxed);
        })?;
        assert_eq!(stopped.steps, at);
    }
    assert_eq!(learn(&halting)?.checkpoints, whole.checkpoints);
    assert!(results(&straight)? == results(&halting)?, "bit for bit");

    let other = place.config("halting", "augmentation: hsv")?;
    assert!(
        learn(&other).err().ok_or("an error")?.to_string().contains("differ from the run that was saved")
    );
    let mut fresh = place.config("halting", "")?;
    fresh.resume = false;
    assert!(learn(&fresh).err().ok_or("an error")?.to_string().contains("holds the state of an earlier run"));
    Ok(())
}

/// G that is guided by T alone learns to make images whose classes T sees.
#[test]
fn t_guides_g() -> Tested {
    let place = Place::new()?;
    let config = place.config("t", "")?;
    let weights = learn(&config)?.weights.ok_or("weights")?;
    let Network { width, .. } = config.network;
    let text = format!(
        "name: g\noutput: {}\nsource: {}\npatches: {{side: 64, balance: label}}\nseed: 3\nbase: 4\nbatch: 4\n\
         stages: [{{steps: 40, losses: {{task}}, learning_rate: {{g: 2.0e-3}}, schedule: {{decay: linear, decay_from: 1}}}}]\n\
         adam: {{beta1: 0.5, beta2: 0.999}}\naugmentation: {{}}\ncheckpoint_every: 100\n\
         task: {{weights: {}, network: {{kind: resnet18, width: {width}}}}}\n\
         card: {{source_style: test, trained_on: drawings, licence: none}}\n",
        place.0.path().join("g").display(),
        place.source(),
        weights.display()
    );
    let before = fs::read(&weights)?;
    let mut losses = Vec::new();
    let config = TrainConfig::parse(&text, Path::new("train.yaml"))?;
    run(&config, "test", &Device::Cpu, &AtomicBool::new(false), &mut |now| losses.push(now.losses))?;
    let task = |part: &[restain_train::Losses]| {
        part.iter().filter_map(|of| of.task).sum::<f32>() / part.len() as f32
    };
    let (first, last) = (task(&losses[..5]), task(&losses[35..]));
    assert!(last < 0.7 * first, "{first} to {last}");
    assert!(
        losses.iter().all(|of| (of.g - 10.0 * of.task.unwrap_or(f32::NAN)).abs() < 1e-3),
        "the paper's weight"
    );
    assert!(fs::read(&weights)? == before, "T is frozen");
    Ok(())
}
