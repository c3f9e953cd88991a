// A RoI's cells and weights along both axes, worked out once per block.
#pragma once

#include "multi_level_roi_align/parameters.cuh"

namespace gridrt {
namespace roi_align {

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

}  // namespace roi_align
}  // namespace gridrt
