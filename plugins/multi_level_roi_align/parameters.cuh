// What the kernel is given, and how its work is divided.
#pragma once

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
