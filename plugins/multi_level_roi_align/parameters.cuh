// What the kernel is given, and how its work is divided.
#pragma once

#include "multi_level_roi_align/arithmetic.h"

namespace gridrt {
namespace roi_align {

constexpr int LEVELS = 4;
constexpr int WARP = 32;
constexpr int THREADS = 128;   // of a block
constexpr int CHANNELS = 64;   // of a block
constexpr int MANY_BINS = 49;  // of a block, about
constexpr int BLOCKS = 7;      // that a multiprocessor holds at a time, or more: registers are dealt out for so many

// Rows of bins of a block: few detections with many bins have to fill a GPU as well.
GRIDRT_HOST_DEVICE int rows_of(int bins) { return larger(MANY_BINS / bins, 1); }

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

// What a block pools.
struct Part {
    int image;
    int roi;
    int first_channel;
    int first_row;
    int end_row;
};

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

}  // namespace roi_align
}  // namespace gridrt
