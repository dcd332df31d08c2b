// What the kernels of restain need of a GPU. A host compiler takes the same kernels with emulator/emulator.hpp, which
// defines the same names, included before (see gpu/emulator.rs).
//
// Instructions and the layout of their operands: PTX ISA 8.0, sections 9.7.8 (cp.async) and 9.7.13 (ldmatrix, mma).
#pragma once

#ifndef RESTAIN_EMULATOR

#include <cstdint>

// A kernel: its name, threads of a block, least blocks an SM shall hold, and the one structure that it takes.
#define KERNEL(name, threads, blocks, Parameters) \
    extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Parameters p)

// Copies 16 bytes to shared memory, or zeros where they are not wanted; they are there after `wait_for_copies`.
__device__ __forceinline__ void copy_async(void *shared, const void *global, bool wanted) {
    const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(wanted ? 16 : 0)
                 : "memory");
}

// Ends a group of this thread's copies.
__device__ __forceinline__ void end_of_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until no more than the last `GROUPS` groups of this thread's copies are under way.
template <int GROUPS> __device__ __forceinline__ void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}

// Four 8x8 matrices of bf16, to whose rows the 32 threads of a warp point, eight threads a matrix: each thread gets
// columns 2 (lane % 4) and the next of row lane / 4 of each.
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const void *row) {
    const uint32_t from = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
}

// sums[16x8] += a[16x16] b[16x8], bf16 with sums in f32, by a warp.
__device__ __forceinline__ void multiply_add(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two numbers rounded to bf16, the first in the low half.
__device__ __forceinline__ uint32_t to_bf16(float low, float high) {
    uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

#endif
