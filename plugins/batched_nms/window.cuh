// The candidates of an image a window at a time, best first: as many as a block has threads, one for each.
//
// Candidates stay where they are, in the scores. A histogram tells where a window ends; what lies before is collected
// in shared memory and sorted there. So any number of candidates needs no more memory than a window.
#pragma once

#include "batched_nms/arithmetic.h"
#include "gridrt/index.h"

namespace gridrt {
namespace batched_nms {

constexpr int WARP = 32;
constexpr unsigned int ALL = 0xffffffffu;  // lanes of a warp

// The rows and columns of one image.
struct Image {
    const Box* boxes;     // [N]
    const float* scores;  // [N, C]
    const int* groups;    // [N]
    int rows;             // N
    int columns;          // C
    float score_threshold;

    GRIDRT_DEVICE int row_of(int index) const { return index / columns; }
    GRIDRT_DEVICE int group_of(int index) const { return groups[row_of(index)] + index % columns; }

    // Have the block call visit(index, score) for every score above the threshold.
    template <int THREADS, typename Visit>
    GRIDRT_DEVICE void for_each_candidate(Visit visit) const {
        constexpr int AHEAD = 4;  // scores that are read before the first of them is looked at
        const int count = rows * columns;
        for (int first = threadIdx.x; first < count; first += AHEAD * THREADS) {
            float ahead[AHEAD];
            GRIDRT_UNROLL(AHEAD)
            for (int i = 0; i < AHEAD; ++i) ahead[i] = scores[smaller(first + i * THREADS, count - 1)];
            GRIDRT_UNROLL(AHEAD)
            for (int i = 0; i < AHEAD; ++i) {
                if (first + i * THREADS < count && ahead[i] > score_threshold) visit(first + i * THREADS, ahead[i]);
            }
        }
    }
};

// What all candidates of an image have in common. Nothing but maxima.
struct Survey {
    int reach;                   // of coordinates, as the bits of a float, which are in order from 0 on
    unsigned int group;          // a negative one is larger than all others
    unsigned int worst_rank;
    unsigned int best_rank_inverted;
};

// The first bin that does not fit into a window.
struct Boundary {
    int bin;
    int count;  // candidates before it
};

// Keys from the first to the last, both included; none if last < first.
struct Range {
    Key first;
    Key last;
};

// Shared memory to find a window with.
template <int THREADS>
struct WindowMemory {
    Key keys[THREADS];
    int bins[THREADS];
    int bins_of_warp[WARP];
    Boundary boundary;
    int collected;
    Survey survey;
};

template <typename T>
GRIDRT_DEVICE void raise_maximum(T* maximum, T value) {
    const T of_warp = __reduce_max_sync(ALL, value);
    if (threadIdx.x % WARP == 0) atomicMax(maximum, of_warp);
}

// See every candidate once.
template <int THREADS>
GRIDRT_DEVICE Survey survey_of(const Image& image, WindowMemory<THREADS>& memory) {
    if (threadIdx.x == 0) memory.survey = {0, 0, 0, 0};
    __syncthreads();
    Survey seen = {0, 0, 0, 0};
    image.for_each_candidate<THREADS>([&](int index, float score) {
        const Box box = image.boxes[image.row_of(index)];
        const float reach = fmaxf(fmaxf(box.x1, box.y1), fmaxf(box.x2, box.y2));
        const unsigned int group = image.group_of(index);
        const unsigned int rank = rank_of(score);
        seen.reach = larger(seen.reach, static_cast<int>(bits_of(reach)));
        seen.group = group > seen.group ? group : seen.group;
        seen.worst_rank = rank > seen.worst_rank ? rank : seen.worst_rank;
        seen.best_rank_inverted = ~rank > seen.best_rank_inverted ? ~rank : seen.best_rank_inverted;
    });
    raise_maximum(&memory.survey.reach, seen.reach);
    raise_maximum(&memory.survey.group, seen.group);
    raise_maximum(&memory.survey.worst_rank, seen.worst_rank);
    raise_maximum(&memory.survey.best_rank_inverted, seen.best_rank_inverted);
    __syncthreads();
    return memory.survey;
}

// Count the candidates of a range in bins of 2^shift keys.
template <int THREADS>
GRIDRT_DEVICE void fill_bins(const Image& image, const Range& range, int shift, WindowMemory<THREADS>& memory) {
    memory.bins[threadIdx.x] = 0;
    __syncthreads();
    if (threadIdx.x == 0) memory.boundary = {THREADS, 0};
    image.for_each_candidate<THREADS>([&](int index, float score) {
        const Key key = key_of(rank_of(score), index);
        if (range.first <= key && key <= range.last) atomicAdd(&memory.bins[(key - range.first) >> shift], 1);
    });
    __syncthreads();
}

// Where a window is full that holds `count` candidates before the first bin. Each thread knows one bin.
template <int THREADS>
GRIDRT_DEVICE Boundary boundary_of(int count, WindowMemory<THREADS>& memory) {
    const int thread = threadIdx.x;
    const int lane = thread % WARP;
    int up_to = memory.bins[thread];  // this bin and those before it
    for (int step = 1; step < WARP; step *= 2) {
        const int before = __shfl_up_sync(ALL, up_to, step);
        if (lane >= step) up_to += before;
    }
    if (lane == WARP - 1) memory.bins_of_warp[thread / WARP] = up_to;
    __syncthreads();
    up_to += count + __reduce_add_sync(ALL, lane < thread / WARP ? memory.bins_of_warp[lane] : 0);
    const int before = up_to - memory.bins[thread];
    if (before <= THREADS && up_to > THREADS) memory.boundary = {thread, before};
    __syncthreads();
    return memory.boundary;
}

// The key that ends the window which begins with the range. A bin that does not fit is looked at more closely, until
// the window is at least half full; down to bins of a single key, if need be.
template <int THREADS>
GRIDRT_DEVICE Key end_of_window(const Image& image, Range range, WindowMemory<THREADS>& memory) {
    Boundary boundary = {0, 0};
    while (boundary.count < THREADS / 2) {
        const int shift = 64 - __clzll((range.last - range.first) / THREADS);
        fill_bins(image, range, shift, memory);
        boundary = boundary_of(boundary.count, memory);
        if (boundary.bin == THREADS) return range.last + 1;  // all fit
        range.first += static_cast<Key>(boundary.bin) << shift;
        const Key last_of_bin = range.first + (static_cast<Key>(1) << shift) - 1;
        range.last = last_of_bin < range.last ? last_of_bin : range.last;
    }
    return range.first;
}

// The keys of a block's threads in ascending order, one for each: a bitonic sort.
template <int THREADS>
GRIDRT_DEVICE Key sorted(Key key, WindowMemory<THREADS>& memory) {
    const int thread = threadIdx.x;
    for (int size = 2; size <= THREADS; size *= 2) {
        for (int step = size / 2; step > 0; step /= 2) {
            Key other;
            if (step < WARP) {
                other = __shfl_xor_sync(ALL, key, step);
            } else {
                memory.keys[thread] = key;
                __syncthreads();
                other = memory.keys[thread ^ step];
                __syncthreads();
            }
            const bool takes_smaller = ((thread & size) == 0) == ((thread & step) == 0);
            key = (other < key) == takes_smaller ? other : key;
        }
    }
    return key;
}

// The keys of the window that begins with the range, one for each thread in ascending order, NO_KEY behind the last;
// takes them off the range, which must hold a candidate.
template <int THREADS>
GRIDRT_DEVICE Key take_window(const Image& image, Range& range, WindowMemory<THREADS>& memory) {
    const Key end = end_of_window(image, range, memory);
    memory.keys[threadIdx.x] = NO_KEY;
    if (threadIdx.x == 0) memory.collected = 0;
    __syncthreads();
    image.for_each_candidate<THREADS>([&](int index, float score) {
        const Key key = key_of(rank_of(score), index);
        if (range.first <= key && key < end) memory.keys[atomicAdd(&memory.collected, 1)] = key;
    });
    __syncthreads();
    range.first = end;
    return sorted(memory.keys[threadIdx.x], memory);
}

}  // namespace batched_nms
}  // namespace gridrt
