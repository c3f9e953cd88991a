// The order of candidates, and whether boxes overlap: what decides is rounded as in the definition, gridrt/ops/nms.py.
#pragma once

#include "gridrt/exact.h"

namespace gridrt {
namespace batched_nms {

// xyxy; 16 bytes that are read and written at once.
struct alignas(16) Box {
    float x1;
    float y1;
    float x2;
    float y2;
};

// A candidate's place in the order: the smaller, the better. Rank of the score in the upper half, then the index, which
// decides between equal scores; so no two are equal.
using Key = unsigned long long;

// Worse than any candidate's: a rank is less than 2^32 - 1.
constexpr Key NO_KEY = ~0ull;

GRIDRT_HOST_DEVICE unsigned int bits_of(float value) {
#if defined(__CUDA_ARCH__)
    return __float_as_uint(value);
#else
    unsigned int bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
#endif
}

GRIDRT_HOST_DEVICE float float_of(unsigned int bits) {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(bits);
#else
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
#endif
}

// Whole numbers in the opposite order of the scores; the two zeros are equal, as in a comparison.
GRIDRT_HOST_DEVICE unsigned int rank_of(float score) {
    const unsigned int bits = bits_of(sum(score, 0.0f));
    return bits & 0x80000000u ? bits : bits ^ 0x7fffffffu;
}

GRIDRT_HOST_DEVICE Key key_of(unsigned int rank, unsigned int index) { return static_cast<Key>(rank) << 32 | index; }

GRIDRT_HOST_DEVICE int index_of(Key key) { return static_cast<int>(key & 0xffffffffu); }

// The box in its group's region of the plane; `region` is how far groups are apart.
GRIDRT_HOST_DEVICE Box shifted(const Box& box, int group, float region) {
    const float shift = product(static_cast<float>(group), region);
    return {sum(box.x1, shift), sum(box.y1, shift), sum(box.x2, shift), sum(box.y2, shift)};
}

GRIDRT_HOST_DEVICE float area(const Box& box) { return product(sum(box.x2, -box.x1), sum(box.y2, -box.y1)); }

// Whether they may share an area. Most boxes do not, and this is soon known.
GRIDRT_HOST_DEVICE bool are_near(const Box& a, const Box& b) {
    return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

// Whether intersection over union exceeds the threshold, which is at least 0. It does not unless they are near.
GRIDRT_HOST_DEVICE bool overlap(const Box& a, const Box& b, float threshold) {
    const float width = sum(fminf(a.x2, b.x2), -fmaxf(a.x1, b.x1));
    const float height = sum(fminf(a.y2, b.y2), -fmaxf(a.y1, b.y1));
    const float shared = product(fmaxf(width, 0.0f), fmaxf(height, 0.0f));
    const float covered = sum(sum(area(a), area(b)), -shared);
    // The exact quotient is dear, and far below the threshold it decides nothing.
    return shared >= product(0.99f * threshold, covered) && quotient(shared, covered) > threshold;
}

}  // namespace batched_nms
}  // namespace gridrt
