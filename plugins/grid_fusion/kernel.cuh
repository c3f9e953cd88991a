// Both orders of grid fusion in one launch. A block fuses half of the points of one RoI: those of one colour, to which
// the second order leads, from what the first order gives those of the other.
//
// Two teams of four warps take an edge each, step by step: depth-wise convolution of its source and, when all channels
// of that are in shared memory, the point-wise product, summed in registers until its target has all that arrives there.
#pragma once

#include "grid_fusion/step.cuh"

namespace gridrt {
namespace grid_fusion {

constexpr int BLOCKS = 2;  // of a multiprocessor at a time, at least; so many registers can each have

template <typename T, bool CHANNELS_LAST, int SIDE>
GRIDRT_DEVICE void fuse_points(const Parameters<T>& parameters, unsigned char* memory) {
    using TeamStep = Step<T, CHANNELS_LAST, SIDE>;
    constexpr int ALL_STEPS = ORDERS * STEPS;
    Arriving<T> arriving = {};
    TeamStep(parameters, memory, 0).fetch();
    GRIDRT_UNROLL(1)
    for (int i = 0; i < ALL_STEPS; ++i) {
        const TeamStep step(parameters, memory, i);
        step.begin(arriving);
        cp_async_wait_all();
        __syncthreads();  // what was fetched is there, and what was delivered
        Strip sums;
        step.convolve_into(sums);
        step.prepare(arriving);
        __syncthreads();  // all of it has been read
        step.store(sums);
        if (!Memory<T>::IN_PLACE && i + 1 < ALL_STEPS) TeamStep(parameters, memory, i + 1).fetch();
        __syncthreads();  // what was spread is there
        step.add_to(arriving);
        step.deliver(arriving);
        if (Memory<T>::IN_PLACE && i + 1 < ALL_STEPS) {
            __syncthreads();  // all of it has been read
            TeamStep(parameters, memory, i + 1).fetch();
        }
    }
}

// blockIdx.x is the RoI, blockIdx.y the colour of the first order's targets.
template <typename T, bool CHANNELS_LAST>
GRIDRT_DEVICE void fuse(const Parameters<T>& parameters, unsigned char* memory) {
    if (static_cast<int>(blockIdx.x) >= parameters.rois) return;  // there are none, and yet a grid has a block
    if (parameters.side == MAX_SIDE) {
        fuse_points<T, CHANNELS_LAST, MAX_SIDE>(parameters, memory);
    } else {
        fuse_points<T, CHANNELS_LAST, 0>(parameters, memory);
    }
}

}  // namespace grid_fusion
}  // namespace gridrt
