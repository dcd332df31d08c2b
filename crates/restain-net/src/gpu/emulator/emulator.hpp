// Runs the kernels of restain on the processor, to test them where there is no GPU: included before a kernel's source by
// a host compiler.
//
// Every thread of a block is a fiber of its own. Between two points where threads wait for each other they run one after
// another in an order drawn from a seed, and one warp, drawn too, sleeps until the others can go no further, so a forgotten
// barrier shows. A copy to shared memory is made when it is waited
// for and not before, so a forgotten wait shows too. What a warp does together is done once all its threads are there.
// Threads that wait for what never comes end the launch with an error instead of a hang.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#define RESTAIN_EMULATOR
#define __device__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static
#define __syncthreads() emulator::barrier()
#define KERNEL(name, threads, blocks, Parameters)                                                       \
    static void name##_of_a_thread(const Parameters &p);                                                \
    extern "C" void name(const void *p) { name##_of_a_thread(*static_cast<const Parameters *>(p)); }    \
    static void name##_of_a_thread(const Parameters &p)

struct uint3 { uint32_t x, y, z; };
struct float2 { float x, y; };
struct float4 { float x, y, z, w; };
struct alignas(16) int4 { int32_t x, y, z, w; };

inline uint3 threadIdx, blockIdx, blockDim, gridDim;

using std::max;
using std::min;

template <class T> T __ldg(const T *p) { return *p; }

namespace emulator {

constexpr size_t STACK = 64 << 10;
constexpr int WARP = 32;

struct Copy {
    void *to;
    const void *from;
    bool wanted;
};

struct Fiber {
    ucontext_t context; // where it starts
    jmp_buf at;         // where it goes on
    bool started;
    std::unique_ptr<char[]> stack{new char[STACK]};
    bool done;
    // Groups of copies that were not waited for; the last one is still open.
    std::vector<std::vector<Copy>> copies;
};

// Threads that wait for each other.
struct Meeting {
    void *of[1024];
    uint32_t here = 0;
    uint64_t held = 0;
};

inline jmp_buf scheduler;
inline std::vector<std::unique_ptr<Fiber>> fibers;
inline uint32_t current;
inline Meeting block, warps[32];
inline uint64_t steps; // how often threads got on
inline bool misaligned;
inline void (*kernel)(const void *);
inline const void *parameters;

// Jumps between fibers cost a few nanoseconds; `swapcontext` would ask the system for signal masks each time.
inline void pause() {
    if (!_setjmp(fibers[current]->at)) _longjmp(scheduler, 1);
}

inline void resume(Fiber &fiber) {
    if (_setjmp(scheduler)) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    setcontext(&fiber.context);
}

// Waits until all of `count` threads are here; the last of them calls `together` with what each has brought.
template <class F> void meet(Meeting &meeting, uint32_t count, uint32_t index, void *brought, F together) {
    meeting.of[index] = brought;
    if (++meeting.here == count) {
        together(meeting.of);
        meeting.here = 0;
        ++meeting.held;
        ++steps;
        return;
    }
    const uint64_t held = meeting.held;
    while (meeting.held == held) pause();
    ++steps;
}

inline void barrier() {
    meet(block, blockDim.x, current, nullptr, [](void **) {});
}

// What the threads of a warp do together.
template <class F> void warp(void *brought, F together) {
    meet(warps[current / WARP], WARP, current % WARP, brought, together);
}

inline void start() {
    kernel(parameters);
    fibers[current]->done = true;
    ++steps;
    for (;;) pause();
}

inline bool run_block(std::mt19937 &random) {
    const uint32_t threads = blockDim.x;
    block.here = 0;
    for (auto &warp : warps) warp.here = 0;
    while (fibers.size() < threads) fibers.push_back(std::make_unique<Fiber>());
    std::vector<uint32_t> order;
    for (uint32_t thread = 0; thread < threads; ++thread) {
        Fiber &fiber = *fibers[thread];
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, start, 0);
        fiber.started = fiber.done = false;
        fiber.copies.assign(1, {});
        order.push_back(thread);
    }
    const uint32_t warps_of_block = (threads + WARP - 1) / WARP, none = warps_of_block;
    uint32_t asleep = none;
    while (!order.empty()) {
        std::shuffle(order.begin(), order.end(), random);
        const uint64_t before = steps;
        for (uint32_t thread : order) {
            if (thread / WARP == asleep) continue;
            current = thread;
            threadIdx = {thread, 0, 0};
            resume(*fibers[thread]);
        }
        if (steps == before && asleep == none) return false;
        if (steps == before) asleep = none;
        else if (asleep == none) asleep = random() % warps_of_block;
        order.erase(std::remove_if(order.begin(), order.end(), [](uint32_t t) { return fibers[t]->done; }), order.end());
    }
    return true;
}

} // namespace emulator

inline void copy_async(void *shared, const void *global, bool wanted) {
    emulator::misaligned |= reinterpret_cast<uintptr_t>(shared) % 16 || reinterpret_cast<uintptr_t>(global) % 16;
    emulator::fibers[emulator::current]->copies.back().push_back({shared, global, wanted});
}

inline void end_of_copies() { emulator::fibers[emulator::current]->copies.push_back({}); }

template <int GROUPS> void wait_for_copies() {
    auto &groups = emulator::fibers[emulator::current]->copies;
    while (groups.size() > GROUPS + 1) {
        for (const auto &copy : groups.front()) {
            if (copy.wanted) std::memcpy(copy.to, copy.from, 16);
            else std::memset(copy.to, 0, 16);
        }
        groups.erase(groups.begin());
    }
}

inline void load_matrices(uint32_t (&to)[4], const void *row) {
    struct Brought {
        uint32_t *to;
        const char *row;
    } brought = {to, static_cast<const char *>(row)};
    emulator::misaligned |= reinterpret_cast<uintptr_t>(row) % 16;
    emulator::warp(&brought, [](void **of) {
        for (int lane = 0; lane < emulator::WARP; ++lane)
            for (int matrix = 0; matrix < 4; ++matrix)
                std::memcpy(static_cast<Brought *>(of[lane])->to + matrix,
                            static_cast<Brought *>(of[8 * matrix + lane / 4])->row + 4 * (lane % 4), 4);
    });
}

namespace emulator {
// Half `which` of a pair of bf16.
inline float half(uint32_t pair, int which) {
    const uint32_t bits = which ? pair & 0xffff0000u : pair << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
} // namespace emulator

inline void multiply_add(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    struct Brought {
        float *sums;
        const uint32_t *a;
        uint32_t b[2];
    } brought = {sums, a, {b0, b1}};
    emulator::warp(&brought, [](void **of) {
        const auto lane = [&](int i) { return static_cast<Brought *>(of[i]); };
        for (int row = 0; row < 16; ++row)
            for (int column = 0; column < 8; ++column) {
                float sum = 0;
                for (int k = 0; k < 16; ++k) {
                    const int quarter = k % 8 / 2, half = k % 2;
                    const uint32_t a = lane(row % 8 * 4 + quarter)->a[row / 8 + k / 8 * 2];
                    const uint32_t b = lane(column * 4 + quarter)->b[k / 8];
                    sum += emulator::half(a, half) * emulator::half(b, half);
                }
                lane(row % 8 * 4 + column / 2)->sums[row / 8 * 2 + column % 2] += sum;
            }
    });
}

inline uint32_t to_bf16(float low, float high) {
    const auto round = [](float value) -> uint32_t {
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        if (std::isnan(value)) return 0x7fff;
        return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    };
    return round(low) | round(high) << 16;
}

// What `lane` xor-ed with `mask` has of `value`.
template <class T> T __shfl_xor_sync(uint32_t, T value, int mask) {
    struct Brought {
        T value, got;
        int mask;
    } brought = {value, 0, mask};
    emulator::warp(&brought, [](void **of) {
        for (int lane = 0; lane < emulator::WARP; ++lane) {
            auto *mine = static_cast<Brought *>(of[lane]);
            mine->got = static_cast<Brought *>(of[lane ^ mine->mask])->value;
        }
    });
    return brought.got;
}

// Runs a kernel of this library; 0, or 1 where threads of a block waited in vain, or 2 where a copy or a matrix does not
// lie on a multiple of 16 bytes.
extern "C" int emulate(void (*kernel)(const void *), const void *parameters, const uint32_t *grid, uint32_t threads,
                       uint32_t seed) {
    emulator::kernel = kernel;
    emulator::parameters = parameters;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threads, 1, 1};
    std::mt19937 random(seed);
    emulator::misaligned = false;
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
                if (!emulator::run_block(random)) return 1;
    return emulator::misaligned ? 2 : 0;
}
