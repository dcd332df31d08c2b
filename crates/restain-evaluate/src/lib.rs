//! Comparisons of the paper (IV.D): what is compared, its protocol, and how what was found is told.
//!
//! [`evaluate`] trains what a [`Config`](config::Config) asks for and measures its rows. It leaves [`Results`]: for each benchmark a [`Row`] for each way of treating the target's
//! pictures, and in it what every seed reached. From them come the statistics of the paper's Table I ([`Best`]), how
//! much of the gap to the ceiling a row closes ([`gap_recovery`]), Markdown tables ([`report`]), plots ([`plots`])
//! and panels of pictures ([`panel`]).
//!
//! ```
//! use restain_evaluate::{Scores, report, Results, VERSION};
//!
//! let scores = Scores::of(&[(0.9, true), (0.2, false), (0.6, false)]).ok_or("no predictions")?;
//! assert_eq!((scores.balanced_accuracy, scores.auc), (Some(0.75), Some(1.0)));
//!
//! let results = Results {
//!     version: VERSION,
//!     commit: "48cbbb1".into(),
//!     command: "restain evaluate --config evaluate.yaml -o results".into(),
//!     benchmarks: vec![],
//! };
//! assert!(report(&results).contains("`restain evaluate --config evaluate.yaml -o results`"));
//! # Ok::<(), &str>(())
//! ```

mod check;
pub mod config;
mod error;
mod file;
mod follow;
mod infinite;
mod kept;
mod measure;
mod methods;
mod panel;
pub mod plots;
mod results;
mod run;
mod summary;
mod tables;
mod target;
mod trained;

pub use error::{Error, Result};
pub use panel::{PanelRow, legend, panel};
pub use restain_train::Scores;
pub use results::{
    Benchmark, CheckpointResult, Fidelity, Followed, FollowedStage, FollowedTask, OverSeeds, QUALITIES,
    Reconstructed, Results, Row, SeedResult, Seen, VERSION,
};
pub use run::{REPORT_FILE, RESULTS_FILE, evaluate};
pub use summary::{BEFORE, Best, CEILING, Choice, Measure, TOP, best, gap_recovery};
pub use tables::{
    bhattacharyya_table, fidelity_table, followed_table, frechet_table, report, seen_table, table_1,
};
