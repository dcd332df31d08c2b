//! What task networks of three qualities reach on the target while G trains, stage by stage (paper, Figure 5).

use candle_core::Device;
use restain_net::{Model, Place, Precision};
use restain_train::{
    stage::Stage,
    task::{Checkpoint, Classifier, Network, checkpoint_path},
};

use crate::{
    Followed, FollowedStage, FollowedTask, Reconstructed, Result,
    measure::scores,
    methods::Trained,
    trained::{TrainedTask, losses_of},
};

/// Tries the best, a medium and the poorest T on patches as they are and on what every snapshot of G makes of them. `None`
/// where T has less than three checkpoints.
pub(crate) fn follow(
    task: &TrainedTask,
    network: Network,
    device: &Device,
    (g, stages): (&Trained, &[Stage]),
    (patches, abnormal): (&[Vec<u8>], &[bool]),
    side: u32,
) -> Result<Option<Followed>> {
    let Some(chosen) = choose(&task.outcome.checkpoints) else { return Ok(None) };
    let mut followed = Vec::new();
    for step in chosen {
        let t = Classifier::load(&checkpoint_path(&task.folder, step), network, task.sight, device)?;
        let untreated = scores(&t, patches, abnormal, side)?;
        followed.push((t, FollowedTask { step, untreated, reconstructed: Vec::new() }));
    }
    let place: Place = device.into();
    for snapshot in &g.snapshots {
        let model = Model::load(&snapshot.model, &place, Precision::F32)?;
        let patches = g.restain(&model, &g.target, patches, side)?;
        for (t, task) in &mut followed {
            let target = scores(t, &patches, abnormal, side)?;
            task.reconstructed.push(Reconstructed { step: snapshot.step, target });
        }
    }
    let ends = stages.iter().scan(0, |ends, stage| {
        *ends += stage.steps;
        Some(FollowedStage { losses: losses_of(stage), ends: *ends })
    });
    let tasks = followed.into_iter().map(|(_, task)| task).collect::<Vec<_>>().try_into();
    Ok(tasks.ok().map(|tasks| Followed { stages: ends.collect(), tasks }))
}

/// Steps of the best, the middle and the poorest checkpoint by accuracy on the source's validation part, of which no label
/// is the target's. Of equals the later is the better, as everywhere.
fn choose(checkpoints: &[Checkpoint]) -> Option<[u64; 3]> {
    let mut ranked: Vec<_> = checkpoints.iter().collect();
    ranked.sort_by(|a, b| b.validation.accuracy.total_cmp(&a.validation.accuracy).then(b.step.cmp(&a.step)));
    let [best, .., poor] = ranked[..] else { return None };
    let medium = ranked[ranked.len() / 2];
    (ranked.len() > 2).then_some([best.step, medium.step, poor.step])
}

#[cfg(test)]
mod tests {
    use restain_train::Scores;

    use super::*;

    #[test]
    fn the_source_alone_chooses() {
        let checkpoints = |accuracies: &[f64]| -> Vec<Checkpoint> {
            let of = |(step, &accuracy)| Checkpoint {
                step,
                validation: Scores { accuracy, balanced_accuracy: None, auc: None },
            };
            (1..).zip(accuracies).map(of).collect()
        };
        assert_eq!(choose(&checkpoints(&[0.5, 0.9, 0.6, 0.9, 0.8])), Some([4, 5, 1]));
        assert_eq!(choose(&checkpoints(&[0.7, 0.6, 0.9, 0.8])), Some([3, 1, 2]));
        assert_eq!(choose(&checkpoints(&[0.5, 0.9])), None);
    }
}
