// A driver of GPUs that runs the kernels of restain on the processor: built as libcuda.so.1, it lets the whole program run
// as on GPUs where there is none (crates/restain/tests/emulated_gpu.rs).
//
// What is put into a stream's queue is done when the stream is waited for and not before, so a forgotten wait shows. Fresh
// memory holds what is no number. EMULATED_GPUS says how many GPUs there are, EMULATED_MEMORY how many bytes each has;
// what does not fit is told on stderr.
// Functions, their arguments and what they return: CUDA Driver API reference.
#include "emulator.hpp"

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "../kernels/generator.cu"

namespace {

enum Status { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, NOT_FOUND = 500, LAUNCH_FAILED = 719 };
enum Attribute { MULTIPROCESSORS = 16, CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76, MEMORY_POOLS = 115 };

constexpr int MOST_GPUS = 8;

struct Kernel {
    void (*run)(const void *);
    size_t parameters;
};

const std::map<std::string, Kernel> KERNELS = {
    {"remove_stain", {remove_stain, sizeof(Stain)}}, {"remove_stain_softly", {remove_stain_softly, sizeof(Stain)}},
    {"take_gm", {take_gm, sizeof(Stain)}},           {"layer_128", {layer_128, sizeof(Layer)}},
    {"layer_64", {layer_64, sizeof(Layer)}},         {"layer_32", {layer_32, sizeof(Layer)}},
    {"last_layer", {last_layer, sizeof(Layer)}},
};

struct Stream {
    int gpu;
    std::vector<std::function<int()>> queue;
};

std::mutex lock; // of all that follows, and of the emulator
int gpus[MOST_GPUS]; // contexts are pointers to them
size_t used[MOST_GPUS];
std::map<uintptr_t, std::pair<int, size_t>> memory;
thread_local int current; // GPU of the thread

size_t from_environment(const char *name, size_t otherwise) {
    const char *value = std::getenv(name);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

int count() { return static_cast<int>(from_environment("EMULATED_GPUS", 1)); }

int drain(Stream *stream) {
    int status = OK;
    for (const auto &work : stream->queue)
        if (const int now = work(); now && !status) status = now;
    stream->queue.clear();
    return status;
}

int enqueue(void *stream, std::function<int()> work) {
    const std::lock_guard guard(lock);
    static_cast<Stream *>(stream)->queue.push_back(std::move(work));
    return OK;
}

// Whether memory of a GPU that was taken, and not given back, holds all these bytes.
bool holds(uintptr_t from, size_t bytes) {
    auto after = memory.upper_bound(from);
    if (after == memory.begin()) return false;
    const auto &[begin, kept] = *std::prev(after);
    return from + bytes <= begin + kept.second;
}

} // namespace

extern "C" {

int cuInit(unsigned) { return OK; }

int cuDeviceGetCount(int *number) {
    *number = count();
    return OK;
}

int cuDeviceGet(int *device, int index) {
    *device = index;
    return index >= 0 && index < std::min(count(), MOST_GPUS) ? OK : INVALID_DEVICE;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
    case MULTIPROCESSORS: *value = 2; break;
    case CAPABILITY_MAJOR: *value = 8; break;
    case MEMORY_POOLS: *value = 1; break;
    default: *value = 0;
    }
    return OK;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    *context = gpus + device;
    return OK;
}

int cuDevicePrimaryCtxRelease_v2(int) { return OK; }

int cuCtxSetCurrent(void *context) {
    current = static_cast<int>(static_cast<int *>(context) - gpus);
    return OK;
}

int cuCtxGetCurrent(void **context) {
    *context = gpus + current;
    return OK;
}

int cuCtxSynchronize() { return OK; }
int cuCtxSetFlags(unsigned) { return OK; }

int cuStreamCreate(void **stream, unsigned) {
    *stream = new Stream{current, {}};
    return OK;
}

int cuStreamDestroy_v2(void *stream) {
    delete static_cast<Stream *>(stream);
    return OK;
}

int cuStreamSynchronize(void *stream) {
    const std::lock_guard guard(lock);
    return drain(static_cast<Stream *>(stream));
}

int cuStreamWaitEvent(void *, void *, unsigned) { return OK; }
int cuEventCreate(void **event, unsigned) {
    *event = gpus;
    return OK;
}
int cuEventDestroy_v2(void *) { return OK; }
int cuEventRecord(void *, void *) { return OK; }
int cuEventSynchronize(void *) { return OK; }

int cuMemAllocAsync(uintptr_t *address, size_t bytes, void *stream) {
    const std::lock_guard guard(lock);
    const int gpu = static_cast<Stream *>(stream)->gpu;
    if (gpu != current) return INVALID_VALUE;
    if (used[gpu] + bytes > from_environment("EMULATED_MEMORY", size_t(1) << 32)) {
        std::fprintf(stderr, "emulated GPU %d: no room for %zu bytes beside %zu\n", gpu, bytes, used[gpu]);
        return OUT_OF_MEMORY;
    }
    void *taken = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!taken) return OUT_OF_MEMORY;
    std::memset(taken, 0xff, bytes);
    *address = reinterpret_cast<uintptr_t>(taken);
    used[gpu] += bytes;
    memory[*address] = {gpu, bytes};
    return OK;
}

int cuMemFreeAsync(uintptr_t address, void *stream) {
    const std::lock_guard guard(lock);
    drain(static_cast<Stream *>(stream));
    const auto kept = memory.find(address);
    if (kept == memory.end()) return INVALID_VALUE;
    used[kept->second.first] -= kept->second.second;
    memory.erase(kept);
    std::free(reinterpret_cast<void *>(address));
    return OK;
}

int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
    *address = std::malloc(bytes);
    return *address ? OK : OUT_OF_MEMORY;
}

int cuMemFreeHost(void *address) {
    std::free(address);
    return OK;
}

int cuMemsetD8Async(uintptr_t address, unsigned char value, size_t bytes, void *stream) {
    return enqueue(stream, [=] {
        if (!holds(address, bytes)) return INVALID_VALUE;
        std::memset(reinterpret_cast<void *>(address), value, bytes);
        return OK;
    });
}

int cuMemcpyHtoDAsync_v2(uintptr_t to, const void *from, size_t bytes, void *stream) {
    return enqueue(stream, [=] {
        if (!holds(to, bytes)) return INVALID_VALUE;
        std::memcpy(reinterpret_cast<void *>(to), from, bytes);
        return OK;
    });
}

int cuMemcpyDtoHAsync_v2(void *to, uintptr_t from, size_t bytes, void *stream) {
    return enqueue(stream, [=] {
        if (!holds(from, bytes)) return INVALID_VALUE;
        std::memcpy(to, reinterpret_cast<const void *>(from), bytes);
        return OK;
    });
}

int cuModuleLoadData(void **module, const void *) {
    *module = gpus;
    return OK;
}

int cuModuleUnload(void *) { return OK; }

int cuModuleGetFunction(const void **function, void *, const char *name) {
    const auto found = KERNELS.find(name);
    if (found == KERNELS.end()) return NOT_FOUND;
    *function = &found->second;
    return OK;
}

int cuLaunchKernel(const void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads, unsigned, unsigned,
                   unsigned, void *stream, void **parameters, void **) {
    const auto *kernel = static_cast<const Kernel *>(function);
    const auto *first = static_cast<const char *>(parameters[0]);
    const std::vector<char> copy(first, first + kernel->parameters);
    return enqueue(stream, [=] {
        const uint32_t grid[3] = {grid_x, grid_y, grid_z};
        alignas(16) char aligned[512];
        std::memcpy(aligned, copy.data(), copy.size());
        return emulate(kernel->run, aligned, grid, threads, 1) ? LAUNCH_FAILED : OK;
    });
}

} // extern "C"
