// Pooling where the cells of a channel are neighbours in memory.
//
// A warp reads 32 neighbouring cells of a row at a time, for GROUP channels, and sums the rows of a bin. Then each lane
// sums the columns of one bin of one channel.
#pragma once

#include "gridrt/half.h"
#include "multi_level_roi_align/tables.cuh"

namespace gridrt {
namespace roi_align {

// The channels that a warp pools at a time.
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
                               const Part& part) {
    constexpr int WARPS = THREADS / WARP;
    __shared__ float lines[WARPS][GROUP][WARP + 1];
    const int bins = parameters.bins;
    const int area = map.height * map.width;
    const int warp = threadIdx.x / WARP;
    const int lane = threadIdx.x % WARP;
    const int end = smaller(part.first_channel + CHANNELS, parameters.channels);
    for (int channel = part.first_channel + warp * GROUP; channel < end; channel += WARPS * GROUP) {
        const size_t first_plane = static_cast<size_t>(part.image) * parameters.channels + channel;
        const Strip<T, GROUP> strip = {map.data + first_plane * area, area, smaller(GROUP, end - channel)};
        T* pooled = parameters.pooled + (static_cast<size_t>(part.roi) * parameters.channels + channel) * bins * bins;
        for (int row = part.first_row; row < part.end_row; ++row) {
            const float value = pooled_value(strip, lines[warp], tables, map.width, bins, row);
            const int member = lane / bins;
            if (member < strip.count) pooled[(member * bins + row) * bins + lane % bins] = rounded_to<T>(value);
        }
    }
}

}  // namespace roi_align
}  // namespace gridrt
