use serde::{Deserialize, Serialize};

/// The numbers that G is computed in. Sums are f32 always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16 where the processor multiplies it, and on a GPU; else f32.
    #[default]
    Auto,
    /// 24 bits of precision.
    F32,
    /// 8 bits of precision: at most 3 grey levels from f32, and twice as fast where the processor multiplies it.
    Bf16,
}
