//! Multiply-adds a second in the numbers that G computes in, with nothing to wait for: all operands in registers.

#![allow(unsafe_code, reason = "functions for processors that have certain instructions")]

use std::collections::BTreeMap;
use std::hint::black_box;

use crate::Machine;

/// Instructions in one turn of a loop, each with sums of its own, so that none waits for another's result; as many as
/// registers hold beside the operands.
const CHAINS: usize = 12;
const LOOPS: usize = 1 << 19;

/// The rate of each kind of kernels that this processor has, under the name that [`restain_net::Model::kernels`] gives
/// it.
pub(crate) fn rates(machine: &Machine) -> BTreeMap<&'static str, [f64; 2]> {
    let mut rates = BTreeMap::new();
    let mut measure = |name, lanes: usize, run: &(dyn Fn() + Sync)| {
        rates.insert(name, machine.rates((CHAINS * LOOPS * lanes) as f64, run));
    };
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16") {
            // SAFETY: the processor has what the function is made of, as just seen; so below.
            measure("AVX-512 BF16", 32, &|| unsafe { x86::avx512_bf16() });
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: as above.
            measure("AVX-512, f32", 16, &|| unsafe { x86::avx512() });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            measure("AVX2, f32", 8, &|| unsafe { x86::avx2() });
        }
    }
    measure("portable, f32", 4, &portable);
    rates
}

/// Four lanes, as the compiler has them on every processor.
fn portable() {
    let (mut sums, [w, x]) = (black_box([[0_f32; 4]; CHAINS]), black_box([[0.5_f32; 4]; 2]));
    for _ in 0..LOOPS {
        for sums in &mut sums {
            *sums = std::array::from_fn(|lane| sums[lane] + w[lane] * x[lane]);
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps,
        _mm512_fmadd_ps, _mm512_set1_ps, _mm512_setzero_ps,
    };
    use std::hint::black_box;

    use super::{CHAINS, LOOPS};

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn avx512_bf16() {
        let [w, x] = black_box([_mm512_set1_ps(0.5); 2]).map(|values| _mm512_cvtne2ps_pbh(values, values));
        let mut sums = black_box([_mm512_setzero_ps(); CHAINS]);
        for _ in 0..LOOPS {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, w, x);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512() {
        let [w, x] = black_box([_mm512_set1_ps(0.5); 2]);
        let mut sums = black_box([_mm512_setzero_ps(); CHAINS]);
        for _ in 0..LOOPS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(w, x, *sum);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2() {
        let [w, x] = black_box([_mm256_set1_ps(0.5); 2]);
        let mut sums = black_box([_mm256_setzero_ps(); CHAINS]);
        for _ in 0..LOOPS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(w, x, *sum);
            }
        }
        black_box(sums);
    }
}
