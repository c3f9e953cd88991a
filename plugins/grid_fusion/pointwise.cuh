// The point-wise product of an edge: 16 output channels, one warp's share, summed over the edges of one target.
#pragma once

#include "grid_fusion/spread.cuh"

namespace gridrt {
namespace grid_fusion {

constexpr int WARP = 32;
constexpr int MAX_CHANNELS = 64;     // per point
constexpr int CHANNELS_OF_WARP = 16;  // C is a multiple of it

GRIDRT_DEVICE int lane() { return opaque(static_cast<int>(threadIdx.x) % WARP); }

// What arrives at one target in so many of its channels, for all cells of the map.
//   prepare(weights, biases, channels)  takes an edge: its [C, C] and [C] from the warp's first channel on
//   add(spread, channels, side)         adds what comes along it
//   for_each(side, visit)               calls visit(channel among the 16, cell, sum) for what the lane has
template <typename T>
struct Arriving;

// Two cells of 16 channels per lane, so that a weight, the same for all lanes, is used 64 times.
template <>
struct Arriving<float> {
    static constexpr int CELLS = (MAX_SIDE * MAX_SIDE + WARP - 1) / WARP;

    float sums[CELLS][CHANNELS_OF_WARP];
    const float* weights;

    static GRIDRT_DEVICE int first_row() { return 0; }
    static GRIDRT_DEVICE int first_cell() { return lane(); }

    GRIDRT_DEVICE void prepare(const float* edge_weights, const float* biases, int) {
        weights = edge_weights;
        GRIDRT_UNROLL(CHANNELS_OF_WARP)
        for (int row = 0; row < CHANNELS_OF_WARP; ++row) {
            const float bias = biases[row];
            GRIDRT_UNROLL(CELLS)
            for (int i = 0; i < CELLS; ++i) sums[i][row] += bias;
        }
    }

    GRIDRT_DEVICE void add(const float* spread, int channels, int side) {
        constexpr int AT_ONCE = Pack<float>::SIZE;
        const int cells = side * side;
        const int place = lane();
        GRIDRT_UNROLL(1)
        for (int channel = 0; channel < channels; channel += AT_ONCE) {
            float values[AT_ONCE][CELLS];
            GRIDRT_UNROLL(AT_ONCE)
            for (int k = 0; k < AT_ONCE; ++k) {
                GRIDRT_UNROLL(CELLS)
                for (int i = 0; i < CELLS; ++i) values[k][i] = spread[(channel + k) * cells + smaller(i * WARP + place, cells - 1)];
            }
            GRIDRT_UNROLL(CHANNELS_OF_WARP)
            for (int row = 0; row < CHANNELS_OF_WARP; ++row) {
                float taken[AT_ONCE];
                unpack(load_pack(weights + row * channels + channel), taken);
                GRIDRT_UNROLL(AT_ONCE)
                for (int k = 0; k < AT_ONCE; ++k) {
                    GRIDRT_UNROLL(CELLS)
                    for (int i = 0; i < CELLS; ++i) sums[i][row] += taken[k] * values[k][i];
                }
            }
        }
    }

    template <typename Visit>
    GRIDRT_DEVICE void for_each(int side, const Visit& visit) {
        const int cells = side * side - first_cell();
        GRIDRT_UNROLL(CELLS)
        for (int i = 0; i < CELLS; ++i) {
            GRIDRT_UNROLL(CHANNELS_OF_WARP)
            for (int row = 0; row < CHANNELS_OF_WARP; ++row) {
                if (i * WARP < cells) visit(row, i * WARP, sums[i][row]);
            }
        }
    }

};

// Tensor cores: 16 channels by 16 channels by a row of the map at a time. A lane has channels g and g + 8 of two cells
// of each row, where g is its number over 4.
template <>
struct Arriving<half> {
    static constexpr int DEPTH = 16;  // channels of one product
    static constexpr int PRODUCTS = MAX_CHANNELS / DEPTH;

    float sums[MAX_SIDE][4];
    unsigned int weights[PRODUCTS][4];

    static GRIDRT_DEVICE int first_row() { return lane() / 4; }
    static GRIDRT_DEVICE int first_cell() { return lane() % 4 * 2; }

    GRIDRT_DEVICE void prepare(const half* edge_weights, const half* edge_biases, int channels) {
        const int group = lane() / 4;
        const int quad = lane() % 4;
        const float biases[2] = {to_float(edge_biases[group]), to_float(edge_biases[group + 8])};
        GRIDRT_UNROLL(MAX_SIDE)
        for (int y = 0; y < MAX_SIDE; ++y) {
            GRIDRT_UNROLL(4)
            for (int i = 0; i < 4; ++i) sums[y][i] += biases[i / 2];
        }
        const half* upper = edge_weights + group * channels + 4 * quad;
        const half* lower = upper + 8 * channels;
        GRIDRT_UNROLL(PRODUCTS)
        for (int i = 0; i < PRODUCTS; ++i) {
            if (i * DEPTH >= channels) continue;
            ld_global_v2(upper + i * DEPTH, weights[i][0], weights[i][2]);
            ld_global_v2(lower + i * DEPTH, weights[i][1], weights[i][3]);
        }
    }

    GRIDRT_DEVICE void add(const half* spread, int channels, int side) {
        const half* row = spread + lane() % DEPTH * Spread<half>::channel_size(side);
        GRIDRT_UNROLL(PRODUCTS)
        for (int i = 0; i < PRODUCTS; ++i) {
            if (i * DEPTH >= channels) continue;
            GRIDRT_UNROLL(MAX_SIDE)
            for (int y = 0; y < MAX_SIDE; ++y) {
                if (y >= side) continue;
                unsigned int values[2];
                ldmatrix_x2_trans(values, row, i * DEPTH * Spread<half>::channel_size(side) + y * Spread<half>::ROW);
                mma_m16n8k16(sums[y], weights[i], values);
            }
        }
    }

    template <typename Visit>
    GRIDRT_DEVICE void for_each(int side, const Visit& visit) {
        const int columns = side - first_cell();
        GRIDRT_UNROLL(MAX_SIDE)
        for (int y = 0; y < MAX_SIDE; ++y) {
            GRIDRT_UNROLL(4)
            for (int i = 0; i < 4; ++i) {
                if (y < side && i % 2 < columns) visit(i / 2 * 8, y * side + i % 2, sums[y][i]);
            }
        }
    }
};

}  // namespace grid_fusion
}  // namespace gridrt
