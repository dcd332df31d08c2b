//! What the shipped model, or another, reaches on the held-out fields of a training configuration:
//! `held_out CONFIG.yaml [MODEL.safetensors]`. See `make held-out`.

use std::error::Error;
use std::path::Path;

use restain_net::{Model, Place, Precision};
use restain_train::{TrainConfig, domain::Input, evaluate::evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, model @ ..] = &arguments[..] else {
        return Err("usage: held_out CONFIG.yaml [MODEL]".into());
    };
    let config = TrainConfig::load(Path::new(config))?;
    let parts = config.source.find(&config.patches)?;
    let held_out = parts.held_out.ok_or("nothing is held out")?;
    let model = match model.first() {
        Some(path) => Model::load(Path::new(path), &Place::Cpu, Precision::F32)?,
        None => Model::shipped(&Place::Cpu, Precision::F32)?,
    };
    let [preparation, _] = Input::of_model(&model.card().input)?.fit(&parts.training, None, config.seed)?;
    println!("{}", evaluate(&model, &held_out, &preparation)?);
    Ok(())
}
