// RoIAlign's arithmetic: the level of a RoI, and the weight of each cell along each axis in each bin.
//
// Samples form a grid and bilinear weights are products of one weight per axis. So an axis is worked out by itself, once
// for all channels: the weight of a cell in a bin is the sum over the bin's samples beside it. A bin's value is then the
// sum over its rows and columns of cells, each read once, however many samples fall between them.
//
// Decisions (level, number of samples, inside or outside) are rounded as in the definition, gridrt/ops/roi_align.py.
#pragma once

#include "gridrt/exact.h"
#include "gridrt/index.h"

namespace gridrt {
namespace roi_align {

// One axis of one RoI on its level, in cells.
struct Axis {
    float start;     // of the RoI
    float bin_size;  // the RoI's length over the number of bins
    int samples;     // per bin; none if the RoI has no length
    int extent;      // cells of the level
};

// Cells [first, last] along an axis; none if last < first.
struct Cells {
    int first;
    int last;
};

// floor(log2(sqrt(area) / 56 + 1e-6)) within [0, 3], for xyxy in pixels.
GRIDRT_HOST_DEVICE int level_of(float x1, float y1, float x2, float y2) {
    const float area = product(sum(x2, -x1), sum(y2, -y1));
    const float octaves = sum(quotient(sqrtf(fmaxf(area, 0.0f)), 56.0f), 1e-6f);
    // The logarithm as the powers of two that are reached. That of the last float before 8 rounds up to 3.
    return (octaves >= 2.0f) + (octaves >= 4.0f) + (octaves >= 7.9999995f);
}

// One axis of a RoI from `low` to `high`, in pixels, over so many bins.
GRIDRT_HOST_DEVICE Axis axis_of(float low, float high, int stride, int bins, int extent) {
    const float scale = quotient(1.0f, static_cast<float>(stride));
    const float start = sum(product(low, scale), -0.5f);
    const float length = sum(sum(product(high, scale), -0.5f), -start);
    const float bin_size = quotient(length, static_cast<float>(bins));
    // Within the range of int, whatever comes in.
    const float samples = fminf(fmaxf(ceilf(bin_size), 0.0f), 1e9f);
    return {start, bin_size, static_cast<int>(samples), extent};
}

// Where a bin's sample lies; it grows with the sample.
GRIDRT_HOST_DEVICE float position(const Axis& axis, int bin, int sample) {
    const float bin_start = sum(axis.start, product(static_cast<float>(bin), axis.bin_size));
    const float nth = product(sum(static_cast<float>(sample), 0.5f), axis.bin_size);
    return sum(bin_start, quotient(nth, static_cast<float>(axis.samples)));
}

// A position drawn into the map.
GRIDRT_HOST_DEVICE float drawn_in(const Axis& axis, float position) {
    return fminf(fmaxf(position, 0.0f), static_cast<float>(axis.extent - 1));
}

// The cells that a bin reads.
GRIDRT_HOST_DEVICE Cells cells_of(const Axis& axis, int bin) {
    if (axis.samples == 0) return {0, -1};
    const int first = static_cast<int>(drawn_in(axis, position(axis, bin, 0)));
    const int last = static_cast<int>(drawn_in(axis, position(axis, bin, axis.samples - 1)));
    return {first, smaller(last + 1, axis.extent - 1)};
}

// How much of a sample a cell gets.
GRIDRT_HOST_DEVICE float share_of(const Axis& axis, float position, int cell) {
    const float within = drawn_in(axis, position);
    const int low = static_cast<int>(within);
    const int high = smaller(low + 1, axis.extent - 1);
    const float fraction = within - static_cast<float>(low);
    return (cell == low ? 1.0f - fraction : 0.0f) + (cell == high ? fraction : 0.0f);
}

// The first of a bin's samples that does not lie before `limit`, by bisection: a huge RoI has very many.
GRIDRT_HOST_DEVICE int first_sample_from(const Axis& axis, int bin, float limit) {
    int low = 0;
    int high = axis.samples;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (position(axis, bin, middle) < limit) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The weight of a cell in a bin: what its samples give it, over their number. Those that lie at most one cell away are
// all that give it anything, and also none of those more than a cell outside the map, which give nothing. They are few:
// where a bin has two samples or more, these are at least half a cell apart.
GRIDRT_HOST_DEVICE float weight_of(const Axis& axis, int bin, int cell) {
    float weight = 0.0f;
    for (int sample = first_sample_from(axis, bin, static_cast<float>(cell - 1)); sample < axis.samples; ++sample) {
        const float at = position(axis, bin, sample);
        if (!(at <= static_cast<float>(cell + 1))) break;  // also at what is no number
        weight += share_of(axis, at, cell);
    }
    return weight / static_cast<float>(axis.samples);
}

// Where a bin's weight of a cell stands in a table of all weights of an axis. Of the cells of one bin the next one
// reads at most the last two, so shifting by two per bin keeps them apart, and the table is at most so long.
GRIDRT_HOST_DEVICE int slot_of(int bin, int cell) { return cell + 2 * bin; }
GRIDRT_HOST_DEVICE int slots_of(int bins, int extent) { return extent + 2 * bins; }

}  // namespace roi_align
}  // namespace gridrt
