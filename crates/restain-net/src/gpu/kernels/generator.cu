// G on tensor cores: bf16 images, sums in f32.
//
// Images lie in memory channels innermost, [images][height + 2][width + 2][channels], with a pixel of zeros around them.
// Both convolutions of G see, at each position, a few runs of numbers of the input: the same runs at every position, only
// moved. So each layer is one product of two matrices: of positions by the numbers they see (never made, only addressed)
// and of these by output channels. Bias, activation and the place in the next image are applied to the sums in registers.
#include "device.cuh"

// Eight numbers of bf16: what a thread copies at a time.
constexpr int CHUNK = 8;
// Chunks of a step along the numbers that a position sees: 32 numbers, two multiplications of a tensor core.
constexpr int STEP = 4;
// Steps in shared memory at a time.
constexpr int STAGES = 3;
// Positions of a block.
constexpr int POSITIONS = 128;
constexpr int THREADS = 256;
constexpr int WARP = 32;

// As `Layer` of gpu/launch.rs has it.
struct Layer {
    // Numbers of the images.
    const uint16_t *input;
    uint16_t *output;
    // [channels of all phases, rounded up to the block][chunks * CHUNK]
    const uint16_t *weights;
    const float *bias;
    // Of each chunk the row below the position << 20 | numbers from the row's beginning on; -1 where there is none.
    const int32_t *chunks;
    // The last layer alone: bytes of RGB, and of each image the rows and columns from .. to that are wanted.
    uint8_t *rgb;
    const int4 *cores;
    // Numbers of an image, a row and a pixel.
    int64_t input_image, output_image, rgb_image;
    int32_t input_row, input_pixel, output_row, output_pixel;
    // Positions: images, and the rows and columns that are wanted of each.
    int32_t images, first_row, rows, first_column, columns;
    // Pixels of the input from one position to the next: 2 in a convolution, 1 in a transposed one.
    int32_t stride;
    int32_t chunk_count;
    // Output channels of a phase, and of all.
    int32_t width, channels;
    // The output's size in pixels.
    int32_t output_height, output_width;
};

struct Position {
    int32_t image, row, column;
};

__device__ __forceinline__ Position position(const Layer &p, int32_t index) {
    const int32_t area = p.rows * p.columns;
    const int32_t image = index / area, rest = index % area;
    return {image, p.first_row + rest / p.columns, p.first_column + rest % p.columns};
}

// Where a chunk lies in the shared memory of a step, in numbers: chunks are exchanged within a row so that the eight rows
// of a matrix lie in different banks.
__device__ __forceinline__ int32_t place(int32_t row, int32_t chunk) {
    return (row * STEP + (chunk ^ (row >> 1 & 3))) * CHUNK;
}

// The pixel that a position makes in a phase: a convolution has one phase, a transposed one makes the pixels
// (2 row - phase / 2, 2 column - phase % 2) of the corner between four pixels of the input.
__device__ __forceinline__ bool pixel(const Layer &p, const Position &at, int32_t phase, int32_t &row, int32_t &column) {
    if (p.stride == 2) {
        row = at.row;
        column = at.column;
    } else {
        row = 2 * at.row - phase / 2;
        column = 2 * at.column - phase % 2;
    }
    return row >= 0 && row < p.output_height && column >= 0 && column < p.output_width;
}

struct Relu {
    // Two neighbouring channels of a position.
    static __device__ __forceinline__ void store(const Layer &p, const Position &at, int32_t channel, float a, float b) {
        int32_t row, column;
        if (channel >= p.channels || !pixel(p, at, channel / p.width, row, column)) return;
        uint16_t *to = p.output + at.image * p.output_image + (row + 1) * int64_t(p.output_row) +
                       (column + 1) * p.output_pixel + channel % p.width;
        *reinterpret_cast<uint32_t *>(to) =
            to_bf16(fmaxf(a + p.bias[channel], 0.0f), fmaxf(b + p.bias[channel + 1], 0.0f));
    }
};

struct Rgb {
    static __device__ __forceinline__ void store(const Layer &p, const Position &at, int32_t channel, float a, float b) {
        store(p, at, channel, a);
        store(p, at, channel + 1, b);
    }

    // The sigmoid, rounded to the nearest byte.
    static __device__ __forceinline__ void store(const Layer &p, const Position &at, int32_t channel, float sum) {
        int32_t row, column;
        if (channel >= p.channels || !pixel(p, at, channel / p.width, row, column)) return;
        const int4 core = p.cores[at.image];
        if (row < core.x || row >= core.y || column < core.z || column >= core.w) return;
        const float value = 1.0f / (1.0f + expf(-(sum + p.bias[channel])));
        p.rgb[at.image * p.rgb_image + ((row - core.x) * int64_t(core.w - core.z) + column - core.z) * 3 +
              channel % p.width] = static_cast<uint8_t>(value * 255.0f + 0.5f);
    }
};

// 128 positions by CHANNELS output channels; blocks of the same positions follow each other.
template <int CHANNELS, class Finish> __device__ __forceinline__ void convolve(const Layer &p) {
    constexpr int WARPS_ACROSS = CHANNELS >= 128 ? 4 : CHANNELS == 64 ? 2 : 1;
    constexpr int ROWS = POSITIONS / (THREADS / WARP / WARPS_ACROSS) / 16; // tiles of 16 positions of a warp
    constexpr int COLUMNS = CHANNELS / WARPS_ACROSS / 16;                  // tiles of 16 channels of a warp
    alignas(128) __shared__ uint16_t seen[STAGES][POSITIONS * STEP * CHUNK];
    alignas(128) __shared__ uint16_t weights[STAGES][CHANNELS * STEP * CHUNK];

    const int32_t across = (p.channels + CHANNELS - 1) / CHANNELS;
    const int32_t first_channel = blockIdx.x % across * CHANNELS;
    const int32_t first_position = blockIdx.x / across * POSITIONS;
    const int32_t positions = p.images * p.rows * p.columns;
    const int32_t thread = threadIdx.x, lane = thread % WARP, warp = thread / WARP;

    // A thread copies one chunk of each step for two positions, and for some channels.
    const int32_t chunk = thread % STEP, line = thread / STEP;
    const uint16_t *from[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        const Position at = position(p, min(first_position + line + i * (THREADS / STEP), positions - 1));
        from[i] = p.input + at.image * p.input_image + at.row * int64_t(p.stride * p.input_row) +
                  at.column * (p.stride * p.input_pixel);
    }
    const auto fetch = [&](int32_t step) {
        const int32_t stage = step % STAGES, at = step * STEP + chunk;
        const int32_t where = __ldg(p.chunks + at);
        const int64_t offset = where < 0 ? 0 : (where >> 20) * int64_t(p.input_row) + (where & 0xfffff);
#pragma unroll
        for (int i = 0; i < 2; ++i)
            copy_async(seen[stage] + place(line + i * (THREADS / STEP), chunk), from[i] + offset, where >= 0);
#pragma unroll
        for (int row = line; row < CHANNELS; row += THREADS / STEP)
            copy_async(weights[stage] + place(row, chunk),
                       p.weights + (int64_t(first_channel + row) * p.chunk_count + at) * CHUNK, true);
    };

    float sums[ROWS][2 * COLUMNS][4] = {};
    const int32_t warp_row = warp / WARPS_ACROSS * ROWS * 16, warp_column = warp % WARPS_ACROSS * COLUMNS * 16;
    const int32_t steps = p.chunk_count / STEP;
#pragma unroll
    for (int step = 0; step < STAGES - 1; ++step) {
        if (step < steps) fetch(step);
        end_of_copies();
    }
    for (int32_t step = 0; step < steps; ++step) {
        wait_for_copies<STAGES - 2>();
        __syncthreads(); // the copies of all threads are here, and nobody reads the stage that is filled next
        if (step + STAGES - 1 < steps) fetch(step + STAGES - 1);
        end_of_copies();
        const uint16_t *a = seen[step % STAGES], *b = weights[step % STAGES];
#pragma unroll
        for (int half = 0; half < STEP; half += 2) {
            uint32_t left[ROWS][4], right[COLUMNS][4];
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
                // Matrices: positions 0 .. 7 and 8 .. 15 of the first chunk, then of the second.
                load_matrices(left[i], a + place(warp_row + 16 * i + lane % 16, half + lane / 16));
            }
#pragma unroll
            for (int j = 0; j < COLUMNS; ++j) {
                // Matrices: both chunks of channels 0 .. 7, then of 8 .. 15.
                load_matrices(right[j], b + place(warp_column + 16 * j + lane / 16 * 8 + lane % 8, half + lane / 8 % 2));
            }
#pragma unroll
            for (int i = 0; i < ROWS; ++i)
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) {
                    multiply_add(sums[i][2 * j], left[i], right[j][0], right[j][1]);
                    multiply_add(sums[i][2 * j + 1], left[i], right[j][2], right[j][3]);
                }
        }
    }

#pragma unroll
    for (int i = 0; i < ROWS; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int32_t index = first_position + warp_row + 16 * i + 8 * half + lane / 4;
            if (index >= positions) continue;
            const Position at = position(p, index);
#pragma unroll
            for (int j = 0; j < 2 * COLUMNS; ++j)
                Finish::store(p, at, first_channel + warp_column + 8 * j + lane % 4 * 2, sums[i][j][2 * half],
                              sums[i][j][2 * half + 1]);
        }
}

KERNEL(layer_128, THREADS, 2, Layer) { convolve<128, Relu>(p); }
KERNEL(layer_64, THREADS, 2, Layer) { convolve<64, Relu>(p); }
KERNEL(layer_32, THREADS, 2, Layer) { convolve<32, Relu>(p); }
KERNEL(last_layer, THREADS, 2, Layer) { convolve<16, Rgb>(p); }

// As `Stain` of gpu/launch.rs has it.
struct Stain {
    // [images][height][width][3], bytes of RGB, or [images][2][height][width], floats of GM
    const void *pixels;
    // [images][height + 2][width + 2][4]: gray, mask and twice nothing
    uint16_t *gm;
    int32_t images, height, width;
};

// Where the two numbers of a pixel of GM go, rounded to bf16.
__device__ __forceinline__ void put_gm(const Stain &p, int64_t index, float gray, float mask) {
    const int64_t area = int64_t(p.height) * p.width;
    const int64_t image = index / area, row = index % area / p.width, column = index % p.width;
    uint16_t *to = p.gm + ((image * (p.height + 2) + row + 1) * (p.width + 2) + column + 1) * 4;
    *reinterpret_cast<uint32_t *>(to) = to_bf16(gray, mask);
}

// Stain removal (paper, III.B.1), a thread a pixel: as restain-stain has it, with its mask or its soft one.
template <bool Soft> __device__ __forceinline__ void remove(const Stain &p) {
    const int64_t index = int64_t(blockIdx.x) * THREADS + threadIdx.x, area = int64_t(p.height) * p.width;
    if (index >= p.images * area) return;
    const uint8_t *rgb = static_cast<const uint8_t *>(p.pixels) + 3 * index;
    const int32_t red = rgb[0], green = rgb[1], blue = rgb[2], lead = red - (green > blue ? green : blue);
    const float gray = static_cast<float>(299 * red + 587 * green + 114 * blue) / 255000.0f;
    const float soft = fminf(fmaxf(0.5f + static_cast<float>(lead) / 30.6f, 0.0f), 1.0f);
    put_gm(p, index, gray, Soft ? soft : lead > 0 ? 1.0f : 0.0f);
}

KERNEL(remove_stain, THREADS, 4, Stain) { remove<false>(p); }
KERNEL(remove_stain_softly, THREADS, 4, Stain) { remove<true>(p); }

// GM of which the stain was removed elsewhere, a thread a pixel.
KERNEL(take_gm, THREADS, 4, Stain) {
    const int64_t index = int64_t(blockIdx.x) * THREADS + threadIdx.x, area = int64_t(p.height) * p.width;
    if (index >= p.images * area) return;
    const float *gray = static_cast<const float *>(p.pixels) + index / area * 2 * area + index % area;
    put_gm(p, index, gray[0], gray[area]);
}
