// RoIAlign from four pyramid levels in one launch: a block pools 64 channels of one RoI.
#pragma once

#include "gridrt/pack.h"
#include "multi_level_roi_align/arithmetic.h"

namespace gridrt {
namespace roi_align {

constexpr int LEVELS = 4;
constexpr int THREADS = 128;  // of a block
constexpr int WARP = 32;
constexpr int CHANNELS = 64;  // of a block
constexpr int BLOCKS = 7;     // of a multiprocessor at a time, at least; so many registers can each have

template <typename T>
struct FeatureMap {
    const T* data;  // [B, C, H, W], or [B, H, W, C]
    int height;
    int width;
    int stride;  // pixels per cell
};

template <typename T>
struct Parameters {
    FeatureMap<T> levels[LEVELS];
    const float* rois;  // [K, 5]
    int roi_count;      // K
    int channels;       // C
    int bins;           // S, at most 32
    T* pooled;          // [K, C, S, S], or [K, S, S, C]
};

// What all threads of a block know of an axis, in shared memory.
struct AxisTable {
    int* first;      // cell of each bin
    int* last;       // cell of each bin
    float* weights;  // by slot_of
};

struct Tables {
    AxisTable y;
    AxisTable x;
};

GRIDRT_DEVICE AxisTable axis_table(int*& free, int bins, int extent) {
    const AxisTable table = {free, free + bins, reinterpret_cast<float*>(free + 2 * bins)};
    free += 2 * bins + slots_of(bins, extent);
    return table;
}

// The map a RoI is pooled from. Every field by itself, in a loop over constants: an array that is indexed by a variable,
// or copied as a whole, would go to memory.
template <typename T>
GRIDRT_DEVICE FeatureMap<T> map_of(const Parameters<T>& parameters, const float* roi) {
    const int level = level_of(roi[1], roi[2], roi[3], roi[4]);
    FeatureMap<T> map = parameters.levels[0];
    GRIDRT_UNROLL(LEVELS)
    for (int other = 1; other < LEVELS; ++other) {
        const FeatureMap<T>& candidate = parameters.levels[other];
        map.data = level == other ? candidate.data : map.data;
        map.height = level == other ? candidate.height : map.height;
        map.width = level == other ? candidate.width : map.width;
        map.stride = level == other ? candidate.stride : map.stride;
    }
    return map;
}

// Threads [0, threads) fill one axis, a group of them each bin.
GRIDRT_DEVICE void fill(const AxisTable& table, const Axis& axis, int bins, int thread, int threads) {
    const int group = threads / bins;
    const int bin = thread / group;
    const int member = thread % group;
    if (bin >= bins) return;
    const Cells cells = cells_of(axis, bin);
    for (int cell = cells.first + member; cell <= cells.last; cell += group) {
        table.weights[slot_of(bin, cell)] = weight_of(axis, bin, cell);
    }
    if (member == 0) {
        table.first[bin] = cells.first;
        table.last[bin] = cells.last;
    }
}

// Half of the block fills the rows, half the columns.
template <typename T>
GRIDRT_DEVICE Tables filled_tables(unsigned char* memory, const FeatureMap<T>& map, const float* roi, int bins) {
    int* free = reinterpret_cast<int*>(memory);
    Tables tables;
    tables.y = axis_table(free, bins, map.height);
    tables.x = axis_table(free, bins, map.width);
    const int thread = threadIdx.x;
    const int half_block = THREADS / 2;
    if (thread < half_block) {
        fill(tables.y, axis_of(roi[2], roi[4], map.stride, bins, map.height), bins, thread, half_block);
    } else {
        fill(tables.x, axis_of(roi[1], roi[3], map.stride, bins, map.width), bins, thread - half_block, half_block);
    }
    __syncthreads();
    return tables;
}

template <typename T>
GRIDRT_DEVICE void add_weighted(float (&sums)[Pack<T>::SIZE], const Pack<T>& cell, float weight) {
    float values[Pack<T>::SIZE];
    unpack(cell, values);
    GRIDRT_UNROLL(Pack<T>::SIZE)
    for (int i = 0; i < Pack<T>::SIZE; ++i) sums[i] += weight * values[i];
}

// Channels last: 16 bytes of channels per thread, so that the threads of a bin read whole lines of a cell.
template <typename T>
GRIDRT_DEVICE Pack<T> pooled_pack(const T* map, int width, int channels, const Tables& tables, int row, int column) {
    constexpr int AHEAD = 2;  // cells that are read before the first of them is used
    const int first = tables.x.first[column];
    const int last = tables.x.last[column];
    float sums[Pack<T>::SIZE] = {};
    for (int y = tables.y.first[row]; y <= tables.y.last[row]; ++y) {
        const float row_weight = tables.y.weights[slot_of(row, y)];
        const T* cell = map + (y * width + first) * channels;
        GRIDRT_UNROLL(1)
        for (int x = first; x <= last; x += AHEAD, cell += AHEAD * channels) {
            Pack<T> values[AHEAD];
            float weights[AHEAD];
            GRIDRT_UNROLL(AHEAD)
            for (int i = 0; i < AHEAD; ++i) {
                const bool is_cell = x + i <= last;
                values[i] = is_cell ? load_pack(cell + i * channels) : Pack<T>{};
                weights[i] = is_cell ? row_weight * tables.x.weights[slot_of(column, x + i)] : 0.0f;
            }
            GRIDRT_UNROLL(AHEAD)
            for (int i = 0; i < AHEAD; ++i) add_weighted(sums, values[i], weights[i]);
        }
    }
    Pack<T> pooled;
    pack_into(pooled, sums);
    return pooled;
}

template <typename T>
GRIDRT_DEVICE void pool_channels_last(const Parameters<T>& parameters, const FeatureMap<T>& map, const Tables& tables,
                                      int image, int roi, int first_channel) {
    constexpr int LANES = CHANNELS / Pack<T>::SIZE;  // threads of a bin
    const int bins = parameters.bins;
    const int channels = parameters.channels;
    const int channel = first_channel + static_cast<int>(threadIdx.x) % LANES * Pack<T>::SIZE;
    if (channel >= channels) return;
    const T* data = map.data + static_cast<size_t>(image) * map.height * map.width * channels + channel;
    T* pooled = parameters.pooled + static_cast<size_t>(roi) * bins * bins * channels + channel;
    for (int bin = threadIdx.x / LANES; bin < bins * bins; bin += THREADS / LANES) {
        store_pack(pooled + bin * channels, pooled_pack(data, map.width, channels, tables, bin / bins, bin % bins));
    }
}

// Channels first: a warp reads 32 neighbouring cells of a row at a time, for GROUP channels, and sums the rows of a bin.
// Then each lane sums the columns of one bin of one channel.
template <typename T, int GROUP>
struct Strip {
    const T* data;     // the first of the channels
    int channel_step;  // values from one channel to the next
    int count;         // channels that there are, at most GROUP

    GRIDRT_DEVICE void sum_rows(float (&sums)[GROUP], const AxisTable& y_table, int row, int width, int x) const {
        const int first = y_table.first[row];
        const T* cells[GROUP];
        GRIDRT_UNROLL(GROUP)
        for (int i = 0; i < GROUP; ++i) {
            cells[i] = data + smaller(i, count - 1) * channel_step + first * width + x;
            sums[i] = 0.0f;
        }
        GRIDRT_UNROLL(2)
        for (int y = first; y <= y_table.last[row]; ++y) {
            const float weight = y_table.weights[slot_of(row, y)];
            GRIDRT_UNROLL(GROUP)
            for (int i = 0; i < GROUP; ++i) {
                sums[i] += weight * to_float(*cells[i]);
                cells[i] += width;
            }
        }
    }
};

template <typename T, int GROUP>
GRIDRT_DEVICE float pooled_value(const Strip<T, GROUP>& strip, float (&lines)[GROUP][WARP + 1], const Tables& tables,
                                 int width, int bins, int row) {
    const int lane = threadIdx.x % WARP;
    const int member = lane / bins;
    const int column = lane % bins;
    const int last = tables.x.last[bins - 1];
    float pooled = 0.0f;
    for (int start = tables.x.first[0]; start <= last; start += WARP) {
        float sums[GROUP];
        strip.sum_rows(sums, tables.y, row, width, smaller(start + lane, last));
        GRIDRT_UNROLL(GROUP)
        for (int i = 0; i < GROUP; ++i) lines[i][lane] = sums[i];
        __syncwarp();
        if (member < GROUP) {
            const int end = smaller(tables.x.last[column], start + WARP - 1);
            GRIDRT_UNROLL(2)
            for (int x = larger(tables.x.first[column], start); x <= end; ++x) {
                pooled += tables.x.weights[slot_of(column, x)] * lines[member][x - start];
            }
        }
        __syncwarp();
    }
    return pooled;
}

template <typename T, int GROUP>
GRIDRT_DEVICE void pool_linear(const Parameters<T>& parameters, const FeatureMap<T>& map, const Tables& tables,
                               int image, int roi, int first_channel) {
    constexpr int WARPS = THREADS / WARP;
    __shared__ float lines[WARPS][GROUP][WARP + 1];
    const int bins = parameters.bins;
    const int area = map.height * map.width;
    const int warp = threadIdx.x / WARP;
    const int lane = threadIdx.x % WARP;
    const int end = smaller(first_channel + CHANNELS, parameters.channels);
    for (int channel = first_channel + warp * GROUP; channel < end; channel += WARPS * GROUP) {
        const size_t first_plane = static_cast<size_t>(image) * parameters.channels + channel;
        const Strip<T, GROUP> strip = {map.data + first_plane * area, area, smaller(GROUP, end - channel)};
        T* pooled = parameters.pooled + (static_cast<size_t>(roi) * parameters.channels + channel) * bins * bins;
        for (int row = 0; row < bins; ++row) {
            const float value = pooled_value(strip, lines[warp], tables, map.width, bins, row);
            const int member = lane / bins;
            if (member < strip.count) pooled[(member * bins + row) * bins + lane % bins] = rounded_to<T>(value);
        }
    }
}

// Pools the channels of one block: blockIdx.x is the RoI, blockIdx.y the slice of channels. `memory` is the block's
// dynamic shared memory. GROUP channels of a warp go together in the linear layout; GROUP * bins must be at most 32.
template <typename T, bool CHANNELS_LAST, int GROUP>
GRIDRT_DEVICE void pool(const Parameters<T>& parameters, unsigned char* memory) {
    const int roi_index = blockIdx.x;
    if (roi_index >= parameters.roi_count) return;  // there are none, and yet a grid has a block
    const float* roi = parameters.rois + static_cast<size_t>(roi_index) * 5;
    const FeatureMap<T> map = map_of(parameters, roi);
    const Tables tables = filled_tables(memory, map, roi, parameters.bins);
    const int image = static_cast<int>(roi[0]);
    const int first_channel = blockIdx.y * CHANNELS;
    if constexpr (CHANNELS_LAST) {
        pool_channels_last(parameters, map, tables, image, roi_index, first_channel);
    } else {
        pool_linear<T, GROUP>(parameters, map, tables, image, roi_index, first_channel);
    }
}

}  // namespace roi_align
}  // namespace gridrt
