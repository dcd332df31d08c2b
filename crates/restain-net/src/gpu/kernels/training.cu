// What a training step of G needs besides matrix products, in f32.
//
// Images are channels-first over the whole batch, [channels][images][height][width]: a channel is one run of numbers.
// Sums are taken in an order that depends on the sizes alone, so a step gives the same bits every time.
#include "device.cuh"

constexpr int THREADS = 256;
constexpr int WARP = 32;
// Numbers that a thread takes, THREADS apart, and that a block takes.
constexpr int EACH = 16;
constexpr int PIECE = EACH * THREADS;

// The sum of what the threads of a block have, for all of them.
template <class T> __device__ __forceinline__ T block_sum(T value) {
    __shared__ T sums[THREADS / WARP];
    for (int mask = WARP / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(0xffffffffu, value, mask);
    __syncthreads(); // nobody still reads the sums of an earlier call
    if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = value;
    __syncthreads();
    T sum = 0;
    for (int warp = 0; warp < THREADS / WARP; ++warp) sum += sums[warp];
    return sum;
}

// As `Unfold` of gpu/training/convolution.rs has it.
struct Unfold {
    // The first image of a run, in the first channel.
    const float *fine;
    // [channels * 16][positions]
    float *columns;
    // Numbers from one channel of `fine` to the next.
    int64_t channel;
    // The size of a coarse image; a fine one is twice as high and wide.
    int32_t height, width;
    // Coarse positions of the run.
    int32_t positions;
    // Blocks of a channel.
    int32_t blocks;
};

// The columns of a convolution k4 s2 p1 (conv/columns.rs), a thread a channel and position: row (channel * 4 + ky) * 4 + kx
// has the fine pixel (2 row + ky - 1, 2 column + kx - 1), zero outside the image.
KERNEL(unfold, THREADS, 4, Unfold) {
    const int32_t channel = blockIdx.x / p.blocks;
    const int32_t position = blockIdx.x % p.blocks * THREADS + threadIdx.x;
    if (position >= p.positions) return;
    const int32_t column = position % p.width, line = position / p.width;
    const int32_t row = line % p.height, image = line / p.height;
    const float *from = p.fine + channel * p.channel + image * (4 * int64_t(p.height) * p.width);
    float *to = p.columns + channel * int64_t(16) * p.positions + position;
#pragma unroll
    for (int ky = 0; ky < 4; ++ky)
#pragma unroll
        for (int kx = 0; kx < 4; ++kx) {
            const int32_t y = 2 * row + ky - 1, x = 2 * column + kx - 1;
            const bool inside = y >= 0 && y < 2 * p.height && x >= 0 && x < 2 * p.width;
            to[(4 * ky + kx) * int64_t(p.positions)] = inside ? from[y * int64_t(2 * p.width) + x] : 0.0f;
        }
}

// As `Fold` of gpu/training/convolution.rs has it.
struct Fold {
    // [channels * 16][positions]
    const float *columns;
    // The first image of a run, in the first channel.
    float *fine;
    // As in `Unfold`.
    int64_t channel;
    int32_t height, width;
    int32_t positions;
    int32_t blocks;
};

// The adjoint of `unfold`: each fine pixel is the sum of the four columns that see it. A thread makes the four pixels
// (2 row .. 2 row + 1, 2 column .. 2 column + 1).
KERNEL(fold, THREADS, 4, Fold) {
    const int32_t channel = blockIdx.x / p.blocks;
    const int32_t position = blockIdx.x % p.blocks * THREADS + threadIdx.x;
    if (position >= p.positions) return;
    const int32_t column = position % p.width, line = position / p.width;
    const int32_t row = line % p.height, image = line / p.height;
    const float *from = p.columns + channel * int64_t(16) * p.positions + position;
    float *to = p.fine + channel * p.channel + image * (4 * int64_t(p.height) * p.width);
#pragma unroll
    for (int below = 0; below < 2; ++below) {
        float pair[2];
#pragma unroll
        for (int right = 0; right < 2; ++right) {
            // Row 2 row is seen by this row of positions with tap 1 and by the one above with tap 3; row 2 row + 1 by
            // this one with tap 2 and by the one below with tap 0. So are columns.
            float sum = 0.0f;
#pragma unroll
            for (int far_row = 0; far_row < 2; ++far_row)
#pragma unroll
                for (int far_column = 0; far_column < 2; ++far_column) {
                    const int32_t down = far_row * (2 * below - 1), along = far_column * (2 * right - 1);
                    const int32_t ky = 1 + below - 2 * down, kx = 1 + right - 2 * along;
                    const bool inside = row + down >= 0 && row + down < p.height && column + along >= 0 &&
                                        column + along < p.width;
                    if (inside) sum += from[(4 * ky + kx) * int64_t(p.positions) + down * p.width + along];
                }
            pair[right] = sum;
        }
        *reinterpret_cast<float2 *>(to + (2 * row + below) * int64_t(2 * p.width) + 2 * column) = {pair[0], pair[1]};
    }
}

// The piece of a channel that a block takes, PIECE numbers or what is left.
struct Piece {
    int32_t channel;
    // From the beginning of the channel on; of this thread's numbers the first.
    int64_t first, thread;
    // Numbers of the channel.
    int64_t count;

    __device__ __forceinline__ Piece(int64_t count, int32_t pieces)
        : channel(blockIdx.x / pieces), first(int64_t(blockIdx.x % pieces) * PIECE), thread(first + threadIdx.x),
          count(count) {}

    // Whether this thread's number `i` is one of the channel.
    __device__ __forceinline__ bool has(int i) const { return thread + i * THREADS < count; }

    // Where it lies.
    __device__ __forceinline__ int64_t at(int i) const { return channel * count + thread + i * THREADS; }
};

// Numbers of a piece.
__device__ __forceinline__ int64_t size_of(int64_t count, int64_t piece) {
    return min(count - piece * PIECE, int64_t(PIECE));
}

// As `Moments` of gpu/training/norm.rs has it.
struct Moments {
    // [channels][count]
    const float *x;
    // [channels][pieces]
    float2 *partial;
    int64_t count;
    // Of a channel.
    int32_t pieces;
};

// Mean and sum of squared deviations from it, of each piece of a channel.
KERNEL(moments, THREADS, 4, Moments) {
    const Piece piece(p.count, p.pieces);
    float values[EACH], sum = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        values[i] = piece.has(i) ? p.x[piece.at(i)] : 0.0f;
        sum += values[i];
    }
    const float mean = block_sum(sum) / static_cast<float>(size_of(p.count, blockIdx.x % p.pieces));
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        const float deviation = piece.has(i) ? values[i] - mean : 0.0f;
        squares = fmaf(deviation, deviation, squares);
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) p.partial[blockIdx.x] = {mean, squares};
}

// As `Gather` of gpu/training/norm.rs has it.
struct Gather {
    // [channels][pieces], as `moments` leaves them.
    const float2 *partial;
    // [2][channels]: means and biased variances.
    float *moments;
    // [channels]: they move towards the batch's moments, the variance towards its unbiased estimate. Null where nobody
    // wants them.
    float *running_mean, *running_variance;
    // How far: 0 leaves them where they are, 1 replaces them.
    double momentum;
    int64_t count;
    int32_t pieces, channels;
};

// Mean and variance of a channel, a block each, from those of its pieces (Chan et al. 1979).
KERNEL(gather_moments, THREADS, 4, Gather) {
    const int32_t channel = blockIdx.x;
    const float2 *partial = p.partial + channel * int64_t(p.pieces);
    double sum = 0.0;
    for (int32_t piece = threadIdx.x; piece < p.pieces; piece += THREADS)
        sum += static_cast<double>(size_of(p.count, piece)) * partial[piece].x;
    const double mean = block_sum(sum) / static_cast<double>(p.count);
    double squares = 0.0;
    for (int32_t piece = threadIdx.x; piece < p.pieces; piece += THREADS) {
        const double deviation = partial[piece].x - mean;
        squares += partial[piece].y + static_cast<double>(size_of(p.count, piece)) * deviation * deviation;
    }
    squares = block_sum(squares);
    if (threadIdx.x != 0) return;
    p.moments[channel] = static_cast<float>(mean);
    p.moments[p.channels + channel] = static_cast<float>(squares / static_cast<double>(p.count));
    if (p.running_mean == nullptr) return;
    const double unbiased = squares / static_cast<double>(p.count - 1), keep = 1.0 - p.momentum;
    p.running_mean[channel] = static_cast<float>(p.running_mean[channel] * keep + mean * p.momentum);
    p.running_variance[channel] = static_cast<float>(p.running_variance[channel] * keep + unbiased * p.momentum);
}

// As `Normalize` of gpu/training/norm.rs has it.
struct Normalize {
    // [channels][count]
    const float *x;
    float *y;
    // [2][channels]: means and variances.
    const float *moments;
    // [channels]
    const float *scale, *shift;
    int64_t count;
    int32_t pieces, channels;
    float eps;
    // Of leaky ReLU where its argument is not positive; 0 is ReLU.
    float slope;
};

// leaky(scale * (x - mean) / sqrt(variance + eps) + shift) of one channel.
struct Norm {
    float mean, reciprocal, factor, shift, slope;

    template <class P> __device__ __forceinline__ Norm(const P &p, int32_t channel)
        : mean(p.moments[channel]), reciprocal(1.0f / sqrtf(p.moments[p.channels + channel] + p.eps)),
          factor(p.scale[channel] * reciprocal), shift(p.shift[channel]), slope(p.slope) {}

    // Before leaky ReLU. The gradient asks again where it was positive, so it has to be the same number there.
    __device__ __forceinline__ float operator()(float x) const { return fmaf(x - mean, factor, shift); }

    // What leaky ReLU leaves of `value`, the result of `before` or its gradient. ReLU leaves nothing, whatever it is.
    __device__ __forceinline__ float leaky(float before, float value) const {
        return before > 0.0f ? value : slope > 0.0f ? slope * value : 0.0f;
    }
};

KERNEL(normalize, THREADS, 4, Normalize) {
    const Piece piece(p.count, p.pieces);
    const Norm norm(p, piece.channel);
#pragma unroll
    for (int i = 0; i < EACH; ++i)
        if (piece.has(i)) {
            const float before = norm(p.x[piece.at(i)]);
            p.y[piece.at(i)] = norm.leaky(before, before);
        }
}

// As `Slopes` of gpu/training/norm.rs has it.
struct Slopes {
    // [channels][count]: the input, and the gradient of the output.
    const float *x, *dy;
    // As in `Normalize`.
    const float *moments, *scale, *shift;
    // [channels][pieces]
    float2 *partial;
    int64_t count;
    int32_t pieces, channels;
    float eps;
    // Of leaky ReLU where its argument is not positive; 0 is ReLU.
    float slope;
};

// What each piece of a channel adds to the gradients of shift and scale.
KERNEL(slopes, THREADS, 4, Slopes) {
    const Piece piece(p.count, p.pieces);
    const Norm norm(p, piece.channel);
    float shift = 0.0f, scale = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        if (!piece.has(i)) continue;
        const float x = p.x[piece.at(i)], dy = norm.leaky(norm(x), p.dy[piece.at(i)]);
        shift += dy;
        scale = fmaf(dy, x - norm.mean, scale);
    }
    shift = block_sum(shift);
    scale = block_sum(scale);
    if (threadIdx.x == 0) p.partial[blockIdx.x] = {shift, scale * norm.reciprocal};
}

// As `Sum` of gpu/training/sum.rs has it.
struct Sum {
    // [channels][pieces]
    const float2 *partial;
    // [2][channels]
    float *sums;
    // What the sums are multiplied by.
    double factor;
    int32_t pieces, channels;
};

// The sums over the pieces of a channel, a block each.
KERNEL(sum, THREADS, 4, Sum) {
    const int32_t channel = blockIdx.x;
    const float2 *partial = p.partial + channel * int64_t(p.pieces);
    double first = 0.0, second = 0.0;
    for (int32_t piece = threadIdx.x; piece < p.pieces; piece += THREADS) {
        first += partial[piece].x;
        second += partial[piece].y;
    }
    first = block_sum(first);
    second = block_sum(second);
    if (threadIdx.x != 0) return;
    p.sums[channel] = static_cast<float>(first * p.factor);
    p.sums[p.channels + channel] = static_cast<float>(second * p.factor);
}

// As `NormalizeGradient` of gpu/training/norm.rs has it.
struct NormalizeGradient {
    // [channels][count]
    const float *x, *dy;
    float *dx;
    // As in `Normalize`.
    const float *moments, *scale, *shift;
    // [2][channels]: the gradients of shift and scale.
    const float *sums;
    int64_t count;
    int32_t pieces, channels;
    float eps;
    // Of leaky ReLU where its argument is not positive; 0 is ReLU.
    float slope;
};

// The gradient of the input, which moves the batch's mean and variance too.
KERNEL(normalize_gradient, THREADS, 4, NormalizeGradient) {
    const Piece piece(p.count, p.pieces);
    const Norm norm(p, piece.channel);
    const float count = static_cast<float>(p.count);
    const float level = p.sums[piece.channel] / count;
    const float slope = p.sums[p.channels + piece.channel] / count * norm.reciprocal;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        if (!piece.has(i)) continue;
        const float x = p.x[piece.at(i)], dy = norm.leaky(norm(x), p.dy[piece.at(i)]);
        p.dx[piece.at(i)] = norm.factor * (dy - level - (x - norm.mean) * slope);
    }
}

// As `Colour` of gpu/training/colour.rs has it.
struct Colour {
    // [channels][images][area]
    const float *x;
    // [channels]
    const float *bias;
    // [images][channels][area]
    float *y;
    int64_t area;
    // Pieces of a channel of an image.
    int32_t pieces;
    int32_t images, channels;
};

// Where a channel of an image lies among those of the other order; a block's piece counts channels of images.
struct Plane {
    int32_t channel, image;
    int64_t channel_first, image_first;

    __device__ __forceinline__ Plane(int32_t plane, int32_t images, int32_t channels, int64_t area)
        : channel(plane / images), image(plane % images), channel_first(plane * area),
          image_first((int64_t(image) * channels + channel) * area) {}
};

// The sigmoid of x and the bias, with the images in their order.
KERNEL(colour, THREADS, 4, Colour) {
    const Piece piece(p.area, p.pieces);
    const Plane plane(piece.channel, p.images, p.channels, p.area);
    const float bias = p.bias[plane.channel];
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        if (!piece.has(i)) continue;
        const int64_t at = piece.thread + i * THREADS;
        p.y[plane.image_first + at] = 1.0f / (1.0f + expf(-(p.x[plane.channel_first + at] + bias)));
    }
}

// As `ColourGradient` of gpu/training/colour.rs has it.
struct ColourGradient {
    // [images][channels][area]: the output and its gradient.
    const float *y, *dy;
    // [channels][images][area]
    float *dx;
    // [channels][images * pieces]
    float2 *partial;
    int64_t area;
    int32_t pieces;
    int32_t images, channels;
};

// The gradient of x, and what each piece adds to that of the bias.
KERNEL(colour_gradient, THREADS, 4, ColourGradient) {
    const Piece piece(p.area, p.pieces);
    const Plane plane(piece.channel, p.images, p.channels, p.area);
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; ++i) {
        if (!piece.has(i)) continue;
        const int64_t at = piece.thread + i * THREADS;
        const float y = p.y[plane.image_first + at];
        const float dx = p.dy[plane.image_first + at] * y * (1.0f - y);
        p.dx[plane.channel_first + at] = dx;
        sum += dx;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) p.partial[blockIdx.x] = {sum, 0.0f};
}

// As `Distance` of gpu/training/distance.rs has it.
struct Distance {
    // [count]
    const float *a, *b;
    // [pieces]
    float2 *partial;
    int64_t count;
    int32_t pieces;
};

// The sum of |a - b| over each piece.
KERNEL(distance, THREADS, 4, Distance) {
    const Piece piece(p.count, p.pieces);
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < EACH; ++i)
        if (piece.has(i)) sum += fabsf(p.a[piece.at(i)] - p.b[piece.at(i)]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) p.partial[blockIdx.x] = {sum, 0.0f};
}

// As `DistanceGradient` of gpu/training/distance.rs has it.
struct DistanceGradient {
    // [count]
    const float *a, *b;
    float *da;
    // One number: the gradient of the mean distance.
    const float *along;
    int64_t count;
    int32_t pieces;
};

// The gradient of a.
KERNEL(distance_gradient, THREADS, 4, DistanceGradient) {
    const Piece piece(p.count, p.pieces);
    const float step = *p.along / static_cast<float>(p.count);
#pragma unroll
    for (int i = 0; i < EACH; ++i)
        if (piece.has(i)) p.da[piece.at(i)] = p.a[piece.at(i)] >= p.b[piece.at(i)] ? step : -step;
}

// As `Adam` of gpu/training/adam.rs has it.
struct Adam {
    // [count]
    float *variable, *mean, *square;
    const float *gradient;
    int64_t count;
    // How much of a moment is kept, and of the gradient, or its square, taken.
    float keep_mean, take_mean, keep_square, take_square;
    float size, epsilon;
};

// A step of Adam (restain-train's adam.rs): both moments, then the variable.
KERNEL(adam, THREADS, 4, Adam) {
    const Piece piece(p.count, gridDim.x);
#pragma unroll 4
    for (int i = 0; i < EACH; ++i) {
        if (!piece.has(i)) continue;
        const int64_t at = piece.at(i);
        const float gradient = p.gradient[at];
        const float mean = p.keep_mean * p.mean[at] + p.take_mean * gradient;
        const float square = p.keep_square * p.square[at] + p.take_square * (gradient * gradient);
        p.mean[at] = mean;
        p.square[at] = square;
        p.variable[at] -= p.size * mean / (sqrtf(square) + p.epsilon);
    }
}
