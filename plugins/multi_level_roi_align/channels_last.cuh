// Pooling where the channels of a cell are neighbours in memory.
#pragma once

#include "gridrt/pack.h"
#include "multi_level_roi_align/tables.cuh"

namespace gridrt {
namespace roi_align {

template <typename T>
GRIDRT_DEVICE void add_weighted(float (&sums)[Pack<T>::SIZE], const Pack<T>& cell, float weight) {
    float values[Pack<T>::SIZE];
    unpack(cell, values);
    GRIDRT_UNROLL(Pack<T>::SIZE)
    for (int i = 0; i < Pack<T>::SIZE; ++i) sums[i] += weight * values[i];
}

// One bin: 16 bytes of channels per thread, so that the threads of a bin read whole lines of a cell.
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
                                      const Part& part) {
    constexpr int LANES = CHANNELS / Pack<T>::SIZE;  // threads of a bin
    const int bins = parameters.bins;
    const int channels = parameters.channels;
    const int channel = part.first_channel + static_cast<int>(threadIdx.x) % LANES * Pack<T>::SIZE;
    if (channel >= channels) return;
    const T* data = map.data + static_cast<size_t>(part.image) * map.height * map.width * channels + channel;
    T* pooled = parameters.pooled + static_cast<size_t>(part.roi) * bins * bins * channels + channel;
    const int first = part.first_row * bins + static_cast<int>(threadIdx.x) / LANES;
    for (int bin = first; bin < part.end_row * bins; bin += THREADS / LANES) {
        store_pack(pooled + bin * channels, pooled_pack(data, map.width, channels, tables, bin / bins, bin % bins));
    }
}

}  // namespace roi_align
}  // namespace gridrt
