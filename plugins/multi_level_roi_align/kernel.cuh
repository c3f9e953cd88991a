// RoIAlign from four pyramid levels in one launch: a block pools 64 channels of one RoI.
#pragma once

#include "multi_level_roi_align/channels_last.cuh"
#include "multi_level_roi_align/linear.cuh"

namespace gridrt {
namespace roi_align {

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
