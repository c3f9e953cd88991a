// The point-wise products of the edges to one target, summed: 16 output channels, a warp's share, of all cells.
#pragma once

#include "grid_fusion/spread.cuh"

namespace gridrt {
namespace grid_fusion {

constexpr int WARP = 32;
constexpr int MAX_CHANNELS = 64;      // per point
constexpr int CHANNELS_OF_WARP = 16;  // C is a multiple of it

GRIDRT_DEVICE int lane() { return opaque(static_cast<int>(threadIdx.x) % WARP); }

// What has arrived at a target.
//   prepare(weights, biases, channels)  takes up an edge: its [C, C] and [C], from the warp's first channel on
//   add(spread, channels, side)         adds what comes along it
//   first_channel(), first_cell()       where the lane's sums begin
//   for_each(side, visit)               calls visit(channel, cell, sum) for each, counted from there
template <typename T>
struct Arriving;

// A lane has two cells of all 16 channels, so a warp uses a weight that it reads 64 times.
template <>
struct Arriving<float> {
    static constexpr int CELLS = (MAX_SIDE * MAX_SIDE + WARP - 1) / WARP;

    float sums[CELLS][CHANNELS_OF_WARP];
    const float* weights;

    static GRIDRT_DEVICE int first_channel() { return 0; }
    static GRIDRT_DEVICE int first_cell() { return lane(); }

    GRIDRT_DEVICE void prepare(const float* edge_weights, const float* biases, int) {
        weights = edge_weights;
        GRIDRT_UNROLL(CHANNELS_OF_WARP)
        for (int channel = 0; channel < CHANNELS_OF_WARP; ++channel) {
            const float bias = biases[channel];
            GRIDRT_UNROLL(CELLS)
            for (int i = 0; i < CELLS; ++i) sums[i][channel] += bias;
        }
    }

    // Lanes without a cell read what lies behind, and no one asks for their sums.
    GRIDRT_DEVICE void add(const float* spread, int channels, int side) {
        const int cells = side * side;
        const int first = first_cell();
        GRIDRT_UNROLL(1)
        for (int channel = 0; channel < channels; channel += AT_ONCE) {
            float values[AT_ONCE][CELLS];
            GRIDRT_UNROLL(AT_ONCE)
            for (int k = 0; k < AT_ONCE; ++k) {
                const float* map = spread + (channel + k) * cells;
                GRIDRT_UNROLL(CELLS)
                for (int i = 0; i < CELLS; ++i) values[k][i] = map[first + i * WARP];
            }
            add_channels(values, weights + channel, channels);
        }
    }

    template <typename Visit>
    GRIDRT_DEVICE void for_each(int side, const Visit& visit) {
        const int cells = side * side - first_cell();
        GRIDRT_UNROLL(CELLS)
        for (int i = 0; i < CELLS; ++i) {
            GRIDRT_UNROLL(CHANNELS_OF_WARP)
            for (int channel = 0; channel < CHANNELS_OF_WARP; ++channel) {
                if (i * WARP < cells) visit(channel, i * WARP, sums[i][channel]);
            }
        }
    }

  private:
    static constexpr int AT_ONCE = Pack<float>::SIZE;  // input channels

    GRIDRT_DEVICE void add_channels(const float (&values)[AT_ONCE][CELLS], const float* row, int channels) {
        GRIDRT_UNROLL(CHANNELS_OF_WARP)
        for (int channel = 0; channel < CHANNELS_OF_WARP; ++channel) {
            float taken[AT_ONCE];
            unpack(load_pack(row), taken);
            row += opaque(channels);
            GRIDRT_UNROLL(AT_ONCE)
            for (int k = 0; k < AT_ONCE; ++k) {
                GRIDRT_UNROLL(CELLS)
                for (int i = 0; i < CELLS; ++i) sums[i][channel] += taken[k] * values[k][i];
            }
        }
    }
};

// Tensor cores: 16 output channels by 16 input channels by a row of the map at a time. Of each row a lane has two cells
// in two channels, 8 apart.
template <>
struct Arriving<half> {
    static constexpr int DEPTH = 16;  // input channels of one product
    static constexpr int PRODUCTS = MAX_CHANNELS / DEPTH;

    float sums[MAX_SIDE][4];
    unsigned int weights[PRODUCTS][4];

    static GRIDRT_DEVICE int first_channel() { return lane() / 4; }
    static GRIDRT_DEVICE int first_cell() { return lane() % 4 * 2; }

    GRIDRT_DEVICE void prepare(const half* edge_weights, const half* edge_biases, int channels) {
        const int channel = first_channel();
        const float biases[2] = {to_float(edge_biases[channel]), to_float(edge_biases[channel + 8])};
        GRIDRT_UNROLL(MAX_SIDE)
        for (int y = 0; y < MAX_SIDE; ++y) {
            GRIDRT_UNROLL(4)
            for (int i = 0; i < 4; ++i) sums[y][i] += biases[i / 2];
        }
        const half* upper = edge_weights + channel * channels + lane() % 4 * 4;
        const half* lower = upper + 8 * channels;
        GRIDRT_UNROLL(PRODUCTS)
        for (int i = 0; i < PRODUCTS; ++i) {
            if (i * DEPTH >= channels) continue;
            ld_global_v2(upper + i * DEPTH, weights[i][0], weights[i][2]);
            ld_global_v2(lower + i * DEPTH, weights[i][1], weights[i][3]);
        }
    }

    GRIDRT_DEVICE void add(const half* spread, int channels, int side) {
        const int channel_size = Spread<half>::channel_size(side);
        const half* rows = spread + lane() % DEPTH * channel_size;
        GRIDRT_UNROLL(PRODUCTS)
        for (int i = 0; i < PRODUCTS; ++i) {
            if (i * DEPTH >= channels) continue;
            GRIDRT_UNROLL(MAX_SIDE)
            for (int y = 0; y < MAX_SIDE; ++y) {
                if (y >= side) continue;
                unsigned int values[2];
                ldmatrix_x2_trans(values, rows, i * DEPTH * channel_size + y * Spread<half>::ROW);
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
