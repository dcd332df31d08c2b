//! Which kernels this machine can run.

/// Kinds of processor that there are kernels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    /// AVX-512 with bf16.
    Avx512Bf16,
    /// AVX-512.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// Any other.
    Portable,
}

impl Processor {
    /// From the fastest.
    pub(crate) const ALL: [Self; 4] = [Self::Avx512Bf16, Self::Avx512, Self::Avx2, Self::Portable];

    /// Whether this machine's processor has what the kernels need.
    pub(crate) fn is_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Avx512Bf16 => {
                Self::Avx512.is_here()
                    && is_x86_feature_detected!("avx512bf16")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
            }
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Portable => true,
        }
        #[cfg(not(target_arch = "x86_64"))]
        matches!(self, Self::Portable)
    }

    /// The best that this machine has, or the one that the environment variable `RESTAIN_CPU` names, to test and to
    /// measure the others.
    pub(crate) fn choose() -> Self {
        let asked = std::env::var("RESTAIN_CPU").unwrap_or_default();
        let named = |processor: &Self| format!("{processor:?}").eq_ignore_ascii_case(&asked);
        let mut here = Self::ALL.into_iter().filter(|processor| processor.is_here());
        here.clone().find(named).or_else(|| here.next()).unwrap_or(Self::Portable)
    }
}
