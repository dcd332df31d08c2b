//! A GPU with G's kernels and weights on it.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::{
    driver::{
        CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchConfig,
        PushKernelArg, ValidAsZeroBits, sys,
    },
    nvrtc::Ptx,
};

use super::launch::{KERNELS, Launch, LayerParameters, Plan, StainParameters, THREADS, Weights};

/// The kernels, for the driver to compile.
const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/generator.ptx"));

/// Least compute capability: the first that multiplies bf16.
const CAPABILITY: (i32, i32) = (8, 0);

/// Blocks that keep a multiprocessor busy.
const BLOCKS: usize = 2;

// SAFETY: both are C structures of numbers, laid out as the kernels have them.
unsafe impl DeviceRepr for LayerParameters {}
// SAFETY: as above.
unsafe impl DeviceRepr for StainParameters {}

/// A GPU, ready to run G.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) index: usize,
    pub(super) context: Arc<CudaContext>,
    /// Blocks that keep all of it busy.
    pub(super) blocks: usize,
    pub(super) weights: Vec<Weights>,
    functions: HashMap<&'static str, CudaFunction>,
    /// What `weights` points to.
    _memory: Memory,
}

/// What keeps the weights in the device's memory.
#[derive(Debug, Default)]
struct Memory {
    numbers: Vec<CudaSlice<u16>>,
    biases: Vec<CudaSlice<f32>>,
    chunks: Vec<CudaSlice<i32>>,
}

/// How many GPUs the driver knows.
pub(super) fn count() -> Result<usize, String> {
    CudaContext::device_count().map(|count| count as usize).map_err(in_words)
}

/// Opens a GPU and makes its kernels: whatever is missing shows here.
pub(super) fn open(index: usize) -> Result<(Arc<CudaContext>, HashMap<&'static str, CudaFunction>), String> {
    let context = CudaContext::new(index).map_err(in_words)?;
    let capability = context.compute_capability().map_err(in_words)?;
    if capability < CAPABILITY {
        return Err(format!(
            "the GPU has compute capability {}.{}, and {}.{} is needed",
            capability.0, capability.1, CAPABILITY.0, CAPABILITY.1
        ));
    }
    let module = context.load_module(Ptx::from_src(PTX)).map_err(in_words)?;
    let functions = KERNELS.into_iter().map(|name| Ok((name, module.load_function(name)?)));
    Ok((context, functions.collect::<Result<_, DriverError>>().map_err(in_words)?))
}

impl Card {
    /// Puts the weights of `plan` onto the GPU `index`.
    pub(super) fn new(index: usize, plan: &Plan) -> Result<Self, String> {
        let (context, functions) = open(index)?;
        // Threads that wait for the GPU sleep: its neighbours in the pipeline want the processors.
        context.set_blocking_synchronize().map_err(in_words)?;
        let multiprocessors = context
            .attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
            .map_err(in_words)?;
        let (weights, memory) = upload(&context, plan).map_err(in_words)?;
        let blocks = BLOCKS * multiprocessors as usize;
        Ok(Self { index, context, blocks, weights, functions, _memory: memory })
    }

    /// Puts a launch into a stream's queue.
    pub(super) fn launch<P: DeviceRepr>(
        &self,
        stream: &CudaStream,
        launch: &Launch<P>,
    ) -> Result<(), DriverError> {
        let config =
            LaunchConfig { grid_dim: (launch.blocks, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: the plan gives each kernel the structure it takes. Its addresses are those of this card's weights and
        // of the arena of the stream's owner, laid out by the same plan, and both outlive the work in the queue, which
        // the owner waits for.
        unsafe {
            stream.launch_builder(&self.functions[launch.kernel]).arg(&launch.parameters).launch(config)
        }?;
        Ok(())
    }
}

/// The weights on the GPU, there when this returns.
fn upload(context: &Arc<CudaContext>, plan: &Plan) -> Result<(Vec<Weights>, Memory), DriverError> {
    let stream = context.new_stream()?;
    let mut memory = Memory::default();
    let mut weights = Vec::with_capacity(plan.layers.len());
    for layer in &plan.layers {
        weights.push(Weights {
            matrix: put(&stream, &layer.weights, &mut memory.numbers)?,
            bias: put(&stream, &layer.bias, &mut memory.biases)?,
            chunks: put(&stream, &layer.chunks, &mut memory.chunks)?,
        });
    }
    stream.synchronize()?;
    Ok((weights, memory))
}

/// Begins to copy values to the GPU and keeps them there with the others; their address.
fn put<T: DeviceRepr + ValidAsZeroBits>(
    stream: &Arc<CudaStream>,
    values: &[T],
    kept: &mut Vec<CudaSlice<T>>,
) -> Result<u64, DriverError> {
    let slice = stream.clone_htod(values)?;
    let address = slice.device_ptr(stream).0;
    kept.push(slice);
    Ok(address)
}

/// Whether the device's memory, or what may be pinned of the host's, is too small.
pub(super) fn is_full(error: DriverError) -> bool {
    error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY
}

/// What the driver says, for people.
pub(super) fn in_words(error: DriverError) -> String {
    match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => "there is no NVIDIA GPU, or no driver for it".to_owned(),
        sys::CUresult::CUDA_ERROR_INVALID_DEVICE => "there is no GPU of this number".to_owned(),
        sys::CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => {
            "the NVIDIA driver is too old; install version 580 or newer".to_owned()
        }
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => "the GPU's memory is full".to_owned(),
        other => format!("{other:?}"),
    }
}
