//! A machine without a GPU, for tests: kernels run in the emulator, products by their definition.

use std::cell::Cell;
use std::sync::LazyLock;

use candle_core::{DType, Device, Result, Shape, Tensor};

use super::machine::{Kernel, Machine, THREADS};
use super::product::Product;
use crate::gpu::emulator::Kernels;

static KERNELS: LazyLock<Kernels> = LazyLock::new(|| Kernels::compile("training"));

pub(super) struct Emulated {
    /// In which order threads run, another one at each launch.
    seed: Cell<u32>,
    columns: usize,
}

/// Memory between two borders that nobody may write to. What has not been written, and what lies beyond, is no number.
pub(super) struct Memory(Vec<f32>);

const BORDER: usize = 64;

impl Memory {
    /// A copy of numbers.
    pub(super) fn of(numbers: &[f32]) -> Self {
        let border = [f32::NAN; BORDER];
        Self([&border, numbers, &border].concat())
    }

    /// The elements of a tensor.
    pub(super) fn of_tensor(tensor: &Tensor) -> Self {
        Self::of(&elements(tensor))
    }

    pub(super) fn numbers(&self) -> &[f32] {
        &self.0[BORDER..self.0.len() - BORDER]
    }

    pub(super) fn at(&mut self) -> *mut f32 {
        self.0.as_mut_ptr().wrapping_add(BORDER)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let end = self.0.len() - BORDER;
        let untouched = self.0[..BORDER].iter().chain(&self.0[end..]).all(|border| border.is_nan());
        assert!(untouched || std::thread::panicking(), "something was written beside the memory");
    }
}

impl Machine for Emulated {
    type Memory = Memory;

    fn allocate(&self, length: usize) -> Result<Memory> {
        Ok(Memory::of(&vec![f32::NAN; length]))
    }

    fn address(&self, memory: &mut Memory) -> *mut f32 {
        memory.at()
    }

    fn columns(&self) -> usize {
        self.columns
    }

    unsafe fn launch<K: Kernel>(&self, kernel: &K, blocks: usize) -> Result<()> {
        self.seed.set(self.seed.get() + 1);
        let grid = [u32::try_from(blocks).unwrap(), 1, 1];
        // SAFETY: the caller's promise.
        unsafe { KERNELS.launch(K::NAME, kernel, grid, THREADS as u32, self.seed.get()) };
        Ok(())
    }

    /// As cuBLAS's manual defines it, column-major.
    unsafe fn multiply(&self, p: &Product) -> Result<()> {
        let [m, n, k, lda, ldb, ldc] = [p.m, p.n, p.k, p.lda, p.ldb, p.ldc].map(|int| int as usize);
        assert!(lda >= if p.transpose_a { k } else { m }, "{p:?}");
        assert!(ldb >= if p.transpose_b { n } else { k }, "{p:?}");
        assert!(ldc >= m, "{p:?}");
        for column in 0..n {
            for row in 0..m {
                let product = |i: usize| {
                    let a = if p.transpose_a { i + row * lda } else { row + i * lda };
                    let b = if p.transpose_b { column + i * ldb } else { i + column * ldb };
                    // SAFETY: both matrices are in memory, as the caller promises.
                    unsafe { f64::from(*p.a.wrapping_add(a)) * f64::from(*p.b.wrapping_add(b)) }
                };
                let sum = (0..k).map(product).sum::<f64>() as f32;
                let c = p.c.wrapping_add(row + column * ldc);
                // SAFETY: so is the result; with a beta of 0 it is not read.
                unsafe { *c = if p.beta == 0.0 { sum } else { sum + p.beta * *c } };
            }
        }
        Ok(())
    }
}

/// What `run` returns, the same bits in whatever order threads run.
pub(super) fn emulate(run: impl Fn(&Emulated) -> Vec<Memory>) -> Vec<Memory> {
    emulate_with_columns(1 << 28, run)
}

/// [`emulate`], on a machine with place for so many numbers of columns.
pub(super) fn emulate_with_columns(columns: usize, run: impl Fn(&Emulated) -> Vec<Memory>) -> Vec<Memory> {
    let first = run(&Emulated { seed: Cell::new(0), columns });
    for seed in [1000, 2000] {
        let again = run(&Emulated { seed: Cell::new(seed), columns });
        for (a, b) in first.iter().zip(&again) {
            assert!(a.numbers().iter().zip(b.numbers()).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
    first
}

pub(super) fn elements(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Random f32 numbers in -1..1, the same in every run of a test (`SplitMix64`, Steele et al. 2014).
pub(super) fn random(shape: impl Into<Shape>) -> Tensor {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }
    let next = || {
        let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let shape = shape.into();
    let numbers: Vec<f32> = (0..shape.elem_count()).map(|_| next()).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Asserts that two runs of numbers differ by no more than `by`, relative to the largest.
#[track_caller]
pub(super) fn assert_close(ours: &Memory, truth: &Tensor, by: f32) {
    let (ours, truth) = (ours.numbers(), elements(truth));
    assert_eq!(ours.len(), truth.len());
    let scale = truth.iter().fold(1.0_f32, |scale, value| scale.max(value.abs()));
    for (at, (ours, truth)) in ours.iter().zip(&truth).enumerate() {
        // Written so that what is no number fails.
        assert!((ours - truth).abs() <= by * scale, "{ours} instead of {truth} at {at}");
    }
}
