//! What an evaluation found, and how it is told (paper, IV.D).
//!
//! A run of `restain evaluate` leaves [`Results`]: for each benchmark a [`Row`] for each way of treating the target's
//! pictures, and in it what every seed reached. From them come the statistics of the paper's Table I ([`Best`]), how
//! much of the gap to the ceiling a row closes ([`gap_recovery`]), Markdown tables ([`report`]), plots ([`plots`])
//! and panels of pictures ([`panel`]). Nothing here trains, normalizes or decides what is measured.
//!
//! ```
//! use restain_evaluate::{Scores, report, Results, VERSION};
//!
//! let scores = Scores::of(&[(0.9, true), (0.2, false), (0.6, false)])?;
//! assert_eq!((scores.balanced_accuracy, scores.auc), (Some(0.75), Some(1.0)));
//!
//! let results = Results {
//!     version: VERSION,
//!     commit: "48cbbb1".into(),
//!     command: "restain evaluate --config evaluate.yaml -o results".into(),
//!     benchmarks: vec![],
//! };
//! assert!(report(&results).contains("`restain evaluate --config evaluate.yaml -o results`"));
//! # Ok::<(), restain_evaluate::Error>(())
//! ```

mod check;
mod error;
mod file;
mod infinite;
mod panel;
pub mod plots;
mod results;
mod scores;
mod summary;
mod tables;

pub use error::{Error, Result};
pub use panel::{PanelRow, legend, panel};
pub use results::{Benchmark, CheckpointResult, Fidelity, OverSeeds, Results, Row, SeedResult, VERSION};
pub use scores::Scores;
pub use summary::{BEFORE, Best, CEILING, Choice, Measure, TOP, best, gap_recovery};
pub use tables::{bhattacharyya_table, fidelity_table, frechet_table, report, table_1};
