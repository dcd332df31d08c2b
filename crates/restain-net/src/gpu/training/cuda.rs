//! The GPU as a machine, and what the operations of training ask of it.
//!
//! candle works on the stream of the calling thread, and a training step stays on one thread: what is launched later sees
//! what was launched before, and memory that is given back is taken again only by later work.

use candle_core::cuda_backend::{
    WrapErr,
    cudarc::{
        cublas::{result::gemm_ex, sys as cublas},
        driver::{
            CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg,
            SyncOnDrop,
        },
    },
};
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, Storage, Tensor, bail, op::BackpropOp};
use std::sync::Arc;

use super::machine::{Kernel, Machine, THREADS};
use super::norm::{Norm, Running};
use super::product::Product;
use super::{adam, colour, convolution, distance, norm};
use crate::adam::AdamStep;
use crate::conv::window::Sliding;

/// The kernels, which the driver compiles when the first of them is launched.
const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/training.ptx"));
/// Under what name they are kept on the device.
const MODULE: &str = "restain-training";

/// A storage of candle and where in it a tensor lies.
pub(crate) type Stored<'a> = (&'a CudaStorage, &'a Layout);

/// A GPU.
struct Gpu {
    device: CudaDevice,
    stream: Arc<CudaStream>,
}

/// The parameters of a kernel, as cudarc hands them over: a copy of the structure.
#[repr(transparent)]
struct Parameters<K>(K);

// SAFETY: structures of kernels are `repr(C)` with the fields that training.cu has.
unsafe impl<K: Kernel> DeviceRepr for Parameters<K> {}

impl Machine for Gpu {
    type Memory = CudaSlice<f32>;

    fn allocate(&self, length: usize) -> Result<CudaSlice<f32>> {
        // SAFETY: any bits are an f32, and whoever asks for memory writes it before it is read.
        unsafe { self.device.alloc(length) }
    }

    fn address(&self, memory: &mut CudaSlice<f32>) -> *mut f32 {
        memory.device_ptr_mut(&self.stream).0 as *mut f32
    }

    fn columns(&self) -> usize {
        1 << 28 // 1 GiB
    }

    unsafe fn launch<K: Kernel>(&self, kernel: &K, blocks: usize) -> Result<()> {
        let Ok(count) = i32::try_from(blocks) else {
            bail!("{blocks} blocks are beyond the GPU's grid; use a smaller batch")
        };
        if count == 0 {
            return Ok(());
        }
        let function = self.device.get_or_load_custom_func(K::NAME, MODULE, PTX)?;
        let parameters = Parameters(*kernel);
        let mut launch = function.builder();
        launch.arg(&parameters);
        let config = LaunchConfig {
            grid_dim: (count as u32, 1, 1),
            block_dim: (THREADS as u32, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the kernel takes this structure, and the caller promises its addresses.
        unsafe { launch.launch(config) }.w()?;
        Ok(())
    }

    unsafe fn multiply(&self, product: &Product) -> Result<()> {
        let operation = |transpose: bool| {
            if transpose {
                cublas::cublasOperation_t::CUBLAS_OP_T
            } else {
                cublas::cublasOperation_t::CUBLAS_OP_N
            }
        };
        let float = cublas::cudaDataType_t::CUDA_R_32F;
        let alpha = 1.0_f32;
        let blas = self.device.cublas_handle();
        // SAFETY: the handle works on this device's stream; alpha and beta are read before the call returns; the caller
        // promises the matrices.
        unsafe {
            gemm_ex(
                *blas.handle(),
                operation(product.transpose_a),
                operation(product.transpose_b),
                product.m,
                product.n,
                product.k,
                (&raw const alpha).cast(),
                product.a.cast(),
                float,
                product.lda,
                product.b.cast(),
                float,
                product.ldb,
                (&raw const product.beta).cast(),
                product.c.cast(),
                float,
                product.ldc,
                cublas::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
                cublas::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
            )
        }
        .w()
    }
}

/// The numbers of a contiguous tensor on a GPU.
struct Numbers<'a> {
    at: *mut f32,
    length: usize,
    _in_use: SyncOnDrop<'a>,
}

impl Numbers<'_> {
    /// Where they begin.
    ///
    /// # Errors
    /// If there are not `length` of them.
    fn of(&self, length: usize) -> Result<*mut f32> {
        if self.length != length {
            bail!("a tensor of {length} numbers is needed, not {}", self.length)
        }
        Ok(self.at)
    }
}

impl Gpu {
    fn of(storage: &CudaStorage) -> Self {
        Self { device: storage.device.clone(), stream: storage.device.cuda_stream() }
    }

    fn numbers<'a>(&'a self, (storage, layout): Stored<'a>) -> Result<Numbers<'a>> {
        let Some((from, to)) = layout.contiguous_offsets() else { bail!("a contiguous tensor is needed") };
        let (first, in_use) = storage.as_cuda_slice::<f32>()?.device_ptr(&self.stream);
        Ok(Numbers { at: (first as *mut f32).wrapping_add(from), length: to - from, _in_use: in_use })
    }

    fn storage(&self, memory: CudaSlice<f32>) -> CudaStorage {
        CudaStorage::wrap_cuda_slice(memory, self.device.clone())
    }

    fn tensor(&self, memory: CudaSlice<f32>, shape: impl Into<Shape>) -> Tensor {
        Tensor::from_storage(Storage::Cuda(self.storage(memory)), shape, BackpropOp::none(), false)
    }
}

/// Calls `run` with the GPU that tensors are on and with their numbers.
fn with_numbers<R, const N: usize>(
    tensors: [&Tensor; N],
    run: impl FnOnce(&Gpu, [Numbers; N]) -> Result<R>,
) -> Result<R> {
    let held = tensors.map(Tensor::storage_and_layout);
    let mut stored = Vec::with_capacity(N);
    for (storage, layout) in &held {
        match &**storage {
            Storage::Cuda(storage) => stored.push((storage, *layout)),
            _ => bail!("a tensor on the GPU is needed"),
        }
    }
    let gpu = Gpu::of(stored[0].0);
    if stored.iter().any(|(storage, _)| storage.device.id() != gpu.device.id()) {
        bail!("tensors on one GPU are needed")
    }
    let numbers = stored.into_iter().map(|stored| gpu.numbers(stored)).collect::<Result<Vec<_>>>()?;
    let Ok(numbers) = numbers.try_into() else { unreachable!("one for each tensor") };
    run(&gpu, numbers)
}

/// The convolution of a fine image `x` with weights `w`.
///
/// # Errors
/// If `g` is not to half of each side, a tensor is not f32, contiguous and of the shape in `g`, or CUDA fails.
pub(crate) fn convolve(g: &Sliding, x: Stored, w: Stored) -> Result<CudaStorage> {
    let gpu = Gpu::of(x.0);
    let (x, w) = (gpu.numbers(x)?, gpu.numbers(w)?);
    let mut y = gpu.allocate(coarse(g))?;
    let at = gpu.address(&mut y);
    // SAFETY: the lengths are checked, and `y` has that of a coarse image.
    unsafe { convolution::convolve(&gpu, g, x.of(fine(g))?, w.of(weights(g))?, at)? };
    Ok(gpu.storage(y))
}

/// The transposed convolution of a coarse image `x` with weights `w`.
///
/// # Errors
/// If `g` is not to half of each side, a tensor is not f32, contiguous and of the shape in `g`, or CUDA fails.
pub(crate) fn convolve_transposed(g: &Sliding, x: Stored, w: Stored) -> Result<CudaStorage> {
    let gpu = Gpu::of(x.0);
    let (x, w) = (gpu.numbers(x)?, gpu.numbers(w)?);
    let mut y = gpu.allocate(fine(g))?;
    let at = gpu.address(&mut y);
    // SAFETY: the lengths are checked, and `y` has that of a fine image.
    unsafe { convolution::convolve_transposed(&gpu, g, x.of(coarse(g))?, w.of(weights(g))?, at)? };
    Ok(gpu.storage(y))
}

/// The gradient of the weights between a fine image `x` and a coarse one `y`.
///
/// # Errors
/// If `g` is not to half of each side, a tensor is not f32, contiguous and of the shape in `g`, or CUDA fails.
pub(crate) fn weight_gradient(g: &Sliding, x: Stored, y: Stored) -> Result<CudaStorage> {
    let gpu = Gpu::of(x.0);
    let (x, y) = (gpu.numbers(x)?, gpu.numbers(y)?);
    let mut dw = gpu.allocate(weights(g))?;
    let at = gpu.address(&mut dw);
    // SAFETY: the lengths are checked, and `dw` has that of the weights.
    unsafe { convolution::weight_gradient(&gpu, g, x.of(fine(g))?, y.of(coarse(g))?, at)? };
    Ok(gpu.storage(dw))
}

fn fine(g: &Sliding) -> usize {
    g.inputs * g.input_plane()
}

fn coarse(g: &Sliding) -> usize {
    g.outputs * g.output_plane()
}

fn weights(g: &Sliding) -> usize {
    g.outputs * g.inputs * g.window.taps()
}

/// Mean and (biased) variance `[2, C]` of each channel of `x` `[C, ..]`; the running ones `[C]`, where there are any, move
/// towards them by a momentum.
///
/// # Errors
/// If a tensor is not f32, contiguous and of that shape, or CUDA fails.
pub(crate) fn moments(x: &Tensor, running: Option<(&Tensor, &Tensor, f64)>) -> Result<Tensor> {
    let size = norm_size(x.shape())?;
    let Some((running_mean, running_variance, momentum)) = running else {
        return with_numbers([x], |gpu, [x]| {
            let mut moments = gpu.allocate(2 * size.channels)?;
            let at = gpu.address(&mut moments);
            // SAFETY: the length is checked.
            unsafe { norm::moments(gpu, size, x.of(size.channels * size.count)?, at, None)? };
            Ok(gpu.tensor(moments, (2, size.channels)))
        });
    };
    // The running statistics are read under a lock for readers and yet written: the stream keeps readers in order.
    with_numbers([x, running_mean, running_variance], |gpu, [x, mean, variance]| {
        let mut moments = gpu.allocate(2 * size.channels)?;
        let at = gpu.address(&mut moments);
        let (mean, variance) = (mean.of(size.channels)?, variance.of(size.channels)?);
        let running = Some(Running { mean, variance, momentum });
        // SAFETY: the lengths are checked.
        unsafe { norm::moments(gpu, size, x.of(size.channels * size.count)?, at, running)? };
        Ok(gpu.tensor(moments, (2, size.channels)))
    })
}

/// Batch norm and leaky ReLU of `x` `[C, ..]` with moments `[2, C]`, scale and shift `[C]`; what is added to a variance, and
/// the slope where the argument is not positive.
///
/// # Errors
/// If a tensor is not f32, contiguous and of that shape, or CUDA fails.
pub(crate) fn normalize(
    x: Stored,
    moments: &Tensor,
    scale: Stored,
    shift: Stored,
    (eps, slope): (f64, f64),
) -> Result<CudaStorage> {
    let size = norm_size(x.1.shape())?;
    with_numbers([moments], |gpu, [moments]| {
        let [x, scale, shift] = [gpu.numbers(x)?, gpu.numbers(scale)?, gpu.numbers(shift)?];
        let norm = Norm {
            moments: moments.of(2 * size.channels)?,
            scale: scale.of(size.channels)?,
            shift: shift.of(size.channels)?,
            eps,
            slope,
        };
        let mut y = gpu.allocate(size.channels * size.count)?;
        let at = gpu.address(&mut y);
        // SAFETY: the lengths are checked, and `y` has that of `x`.
        unsafe { norm::normalize(gpu, size, x.of(size.channels * size.count)?, norm, at)? };
        Ok(gpu.storage(y))
    })
}

/// The gradients of x, scale and shift of [`normalize`], from that of its result.
///
/// # Errors
/// If a tensor is not f32, contiguous and of that shape, or CUDA fails.
pub(crate) fn normalize_gradients(
    x: &Tensor,
    moments: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    (eps, slope): (f64, f64),
    dy: &Tensor,
) -> Result<[Tensor; 3]> {
    let size = norm_size(x.shape())?;
    with_numbers([x, moments, scale, shift, dy], |gpu, [values, moments, scale, shift, dy]| {
        let norm = Norm {
            moments: moments.of(2 * size.channels)?,
            scale: scale.of(size.channels)?,
            shift: shift.of(size.channels)?,
            eps,
            slope,
        };
        let length = size.channels * size.count;
        let (mut dx, mut sums) = (gpu.allocate(length)?, gpu.allocate(2 * size.channels)?);
        let (dx_at, sums_at) = (gpu.address(&mut dx), gpu.address(&mut sums));
        let from = (values.of(length)?.cast_const(), dy.of(length)?.cast_const());
        // SAFETY: the lengths are checked, and the results have theirs.
        unsafe { norm::gradients(gpu, size, from, norm, dx_at, sums_at)? };
        let sums = gpu.tensor(sums, (2, size.channels));
        Ok([gpu.tensor(dx, x.shape()), sums.get(1)?, sums.get(0)?])
    })
}

fn norm_size(x: &Shape) -> Result<norm::Size> {
    let channels = *x.dims().first().unwrap_or(&0);
    if channels == 0 {
        bail!("batch norm of nothing")
    }
    Ok(norm::Size { channels, count: x.elem_count() / channels })
}

/// The sigmoid of `x` `[C, N, H, W]` and bias `[C]`, as `[N, C, H, W]`.
///
/// # Errors
/// If a tensor is not f32, contiguous and of that shape, or CUDA fails.
pub(crate) fn colour(x: Stored, bias: Stored) -> Result<(CudaStorage, Shape)> {
    let (channels, images, height, width) = x.1.shape().dims4()?;
    let size = colour::Size { images, channels, area: height * width };
    let gpu = Gpu::of(x.0);
    let (x, bias) = (gpu.numbers(x)?, gpu.numbers(bias)?);
    let length = images * channels * size.area;
    let mut y = gpu.allocate(length)?;
    let at = gpu.address(&mut y);
    // SAFETY: the lengths are checked, and `y` has that of `x`.
    unsafe { colour::colour(&gpu, size, x.of(length)?, bias.of(channels)?, at)? };
    Ok((gpu.storage(y), (images, channels, height, width).into()))
}

/// The gradients of x and bias of [`colour`], from its result `y` and that one's gradient.
///
/// # Errors
/// If a tensor is not f32, contiguous and of that shape, or CUDA fails.
pub(crate) fn colour_gradients(y: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
    let (images, channels, height, width) = y.dims4()?;
    let size = colour::Size { images, channels, area: height * width };
    with_numbers([y, dy], |gpu, [y, dy]| {
        let length = images * channels * size.area;
        let (mut dx, mut sums) = (gpu.allocate(length)?, gpu.allocate(2 * channels)?);
        let (dx_at, sums_at) = (gpu.address(&mut dx), gpu.address(&mut sums));
        let from = (y.of(length)?.cast_const(), dy.of(length)?.cast_const());
        // SAFETY: the lengths are checked, and the results have theirs.
        unsafe { colour::gradients(gpu, size, from, dx_at, sums_at)? };
        let dx = gpu.tensor(dx, (channels, images, height, width));
        Ok([dx, gpu.tensor(sums, (2, channels)).get(0)?])
    })
}

/// The mean of `|a - b|`, one number.
///
/// # Errors
/// If a tensor is not f32 or contiguous, they have different lengths, or CUDA fails.
pub(crate) fn distance(a: Stored, b: Stored) -> Result<CudaStorage> {
    let count = a.1.shape().elem_count();
    let gpu = Gpu::of(a.0);
    let (a, b) = (gpu.numbers(a)?, gpu.numbers(b)?);
    let mut mean = gpu.allocate(2)?;
    let at = gpu.address(&mut mean);
    let from = (a.of(count)?.cast_const(), b.of(count)?.cast_const());
    // SAFETY: the lengths are checked, and there is place for two numbers.
    unsafe { distance::distance(&gpu, count, from, at)? };
    Ok(gpu.storage(mean))
}

/// The gradient of `a` of [`distance`], from that of its result.
///
/// # Errors
/// If a tensor is not f32 or contiguous, they have different lengths, or CUDA fails.
pub(crate) fn distance_gradient(a: &Tensor, b: &Tensor, along: &Tensor) -> Result<Tensor> {
    let count = a.elem_count();
    with_numbers([a, b, along], |gpu, [of_a, of_b, along]| {
        let mut da = gpu.allocate(count)?;
        let at = gpu.address(&mut da);
        let from = (of_a.of(count)?.cast_const(), of_b.of(count)?.cast_const());
        // SAFETY: the lengths are checked, and `da` has that of `a`.
        unsafe { distance::gradient(gpu, count, from, along.of(1)?, at)? };
        Ok(gpu.tensor(da, a.shape()))
    })
}

/// A step of Adam; variable and moments move.
///
/// # Errors
/// If a tensor is not f32 or contiguous, they have different lengths, or CUDA fails.
pub(crate) fn adam(
    variable: &Tensor,
    mean: &Tensor,
    square: &Tensor,
    gradient: &Tensor,
    step: &AdamStep,
) -> Result<()> {
    let count = variable.elem_count();
    // They are read under a lock for readers and yet written: the stream keeps readers in order.
    with_numbers([variable, mean, square, gradient], |gpu, [variable, mean, square, gradient]| {
        let slot = adam::Slot {
            variable: variable.of(count)?,
            mean: mean.of(count)?,
            square: square.of(count)?,
            gradient: gradient.of(count)?,
            count,
        };
        // SAFETY: the lengths are checked.
        unsafe { adam::adam(gpu, slot, step) }
    })
}
