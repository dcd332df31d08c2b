//! What runs kernels and matrix products.

use candle_core::Result;

use super::product::Product;

/// Threads of a block, as training.cu has it.
pub(crate) const THREADS: usize = 256;
/// Numbers of a block in the kernels that take each number by itself, as training.cu has it.
pub(crate) const PIECE: usize = 16 * THREADS;

/// The parameters of a kernel of training.cu; the structure there has the same name and fields.
pub(crate) trait Kernel: Copy {
    /// The kernel's name.
    const NAME: &'static str;
}

/// A GPU, or what stands in for one. Memory is known by addresses: of f32, in the machine's own memory. What is
/// launched begins after all that was launched before has ended.
pub(crate) trait Machine {
    /// Memory that is given back when this is dropped.
    type Memory;

    /// Memory for `length` numbers, whatever is in it.
    ///
    /// # Errors
    /// If there is not enough.
    fn allocate(&self, length: usize) -> Result<Self::Memory>;

    /// Where memory begins.
    fn address(&self, memory: &mut Self::Memory) -> *mut f32;

    /// How many numbers the column matrix of a convolution may take; one image alone may take more.
    fn columns(&self) -> usize;

    /// Runs a kernel on `blocks` blocks of [`THREADS`] threads.
    ///
    /// # Errors
    /// If it cannot be launched.
    ///
    /// # Safety
    /// The addresses in `kernel` are of memory that holds what so many blocks read and write.
    unsafe fn launch<K: Kernel>(&self, kernel: &K, blocks: usize) -> Result<()>;

    /// Multiplies two matrices.
    ///
    /// # Errors
    /// If it cannot be launched.
    ///
    /// # Safety
    /// The addresses in `product` are of memory that holds its matrices.
    unsafe fn multiply(&self, product: &Product) -> Result<()>;
}

/// In how many pieces the kernels take a run of `count` numbers.
pub(crate) fn pieces(count: usize) -> usize {
    count.div_ceil(PIECE)
}
