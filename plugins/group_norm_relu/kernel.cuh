// Bias, GroupNorm and ReLU in one launch, channels last: a block normalises one group of channels of one RoI. The
// features are read once and kept in shared memory; mean and variance are of two passes, so that nothing cancels.
#pragma once

#include "gridrt/pack.h"
#include "group_norm_relu/arithmetic.h"

namespace gridrt {
namespace group_norm_relu {

constexpr int WARP = 32;
constexpr int THREADS = 128;  // of a block

template <typename T>
struct Parameters {
    const T* features;  // [K, H, W, C]
    const T* bias;      // [C]
    const T* weight;    // [C]
    const T* shift;     // [C]
    int roi_count;      // K
    int channels;       // C
    int cells;          // H * W
    int groups;
    float eps;
    T* rectified;  // [K, H, W, C]
};

// The sum over all threads of the block, to each of them. `partial` has a float for each warp.
GRIDRT_DEVICE float block_sum(float value, float* partial) {
    GRIDRT_UNROLL(5)
    for (int mask = WARP / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(0xffffffffu, value, mask);
    __syncthreads();  // the sums of the time before have been read
    if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;
    __syncthreads();
    float total = 0.0f;
    GRIDRT_UNROLL(4)
    for (int warp = 0; warp < THREADS / WARP; ++warp) total += partial[warp];
    return total;
}

// blockIdx is the RoI and the group. `memory` has the features of the group, then a float for each warp.
template <typename T>
GRIDRT_DEVICE void normalize(const Parameters<T>& parameters, unsigned char* memory) {
    constexpr int SIZE = Pack<T>::SIZE;
    const int roi = blockIdx.x;
    if (roi >= parameters.roi_count) return;  // there are none, and yet a grid has a block
    const int width = parameters.channels / parameters.groups;
    const int packs_of_cell = width / SIZE;
    const int packs = parameters.cells * packs_of_cell;
    const int first_channel = static_cast<int>(blockIdx.y) * width;
    const size_t origin = static_cast<size_t>(roi) * parameters.cells * parameters.channels + first_channel;
    Pack<T>* const kept = reinterpret_cast<Pack<T>*>(memory);
    float* const partial = reinterpret_cast<float*>(memory + packs * sizeof(Pack<T>));
    const float count = static_cast<float>(parameters.cells * width);

    // A thread reads only what it has kept itself, so that no barrier is needed for it.
    float sum = 0.0f;
    for (int i = threadIdx.x; i < packs; i += THREADS) {
        const int channel = i % packs_of_cell * SIZE;
        kept[i] = load_pack(parameters.features + origin + static_cast<size_t>(i / packs_of_cell) * parameters.channels + channel);
        sum += sum_of(kept[i], load_pack(parameters.bias + first_channel + channel));
    }
    const float mean = block_sum(sum, partial) / count;

    float squares = 0.0f;
    for (int i = threadIdx.x; i < packs; i += THREADS) {
        const int channel = i % packs_of_cell * SIZE;
        squares += squares_of(kept[i], load_pack(parameters.bias + first_channel + channel), mean);
    }
    const float scale = 1.0f / sqrtf(block_sum(squares, partial) / count + parameters.eps);

    for (int i = threadIdx.x; i < packs; i += THREADS) {
        const int channel = i % packs_of_cell * SIZE;
        const int index = first_channel + channel;
        const Pack<T> rectified =
            rectified_pack(kept[i], load_pack(parameters.bias + index), load_pack(parameters.weight + index),
                           load_pack(parameters.shift + index), mean, scale);
        store_pack(parameters.rectified + origin + static_cast<size_t>(i / packs_of_cell) * parameters.channels + channel,
                   rectified);
    }
}

}  // namespace group_norm_relu
}  // namespace gridrt
