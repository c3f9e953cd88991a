// RoIAlign from four pyramid levels in one launch: a block pools some rows of bins of 64 channels of one RoI.
#pragma once

#include "multi_level_roi_align/channels_last.cuh"
#include "multi_level_roi_align/linear.cuh"

namespace gridrt {
namespace roi_align {

// Channels that a warp pools at a time in the linear layout; each has its bins of a row on as many lanes.
GRIDRT_HOST_DEVICE constexpr int group_of(int bins) { return bins <= 8 ? 4 : bins <= 16 ? 2 : 1; }

// Pools the part of one block: blockIdx is the RoI, the slice of channels, and the group of rows of bins. `memory` is the
// block's dynamic shared memory, GROUP is group_of(bins); GROUP * bins is at most 32.
template <typename T, bool CHANNELS_LAST, int GROUP>
GRIDRT_DEVICE void pool(const Parameters<T>& parameters, unsigned char* memory) {
    const int index = blockIdx.x;
    if (index >= parameters.roi_count) return;  // there are none, and yet a grid has a block
    const float* roi = parameters.rois + static_cast<size_t>(index) * 5;
    const FeatureMap<T> map = map_of(parameters, roi);
    const Tables tables = filled_tables(memory, map, roi, parameters.bins);
    const int rows = rows_of(parameters.bins);
    const int first_row = blockIdx.z * rows;
    const int first_channel = blockIdx.y * CHANNELS;
    const Part part = {static_cast<int>(roi[0]), index, first_channel, first_row,
                       smaller(first_row + rows, parameters.bins)};
    if constexpr (CHANNELS_LAST) {
        pool_channels_last(parameters, map, tables, part);
    } else {
        pool_linear<T, GROUP>(parameters, map, tables, part);
    }
}

}  // namespace roi_align
}  // namespace gridrt
