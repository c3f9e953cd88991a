// Both orders of grid fusion in one launch: a block fuses the points of one RoI that one colour's first order leads to.
//
// Two teams of four warps work on an edge each: depth-wise convolution of its source, then, when all channels of that are
// in shared memory, the point-wise product, summed in registers until the target has all that arrives at it.
#pragma once

#include "grid_fusion/pointwise.cuh"

namespace gridrt {
namespace grid_fusion {

constexpr int TEAM = MAX_CHANNELS / CHANNELS_OF_WARP * WARP;  // threads
constexpr int THREADS = TEAMS * TEAM;
constexpr int BLOCKS = 2;  // of a multiprocessor at a time, at least; so many registers can each have
static_assert(TEAM >= 2 * MAX_CHANNELS, "two strips of each channel");

// Of one order of fusion, see gridrt/ops/grid_fusion.py.
template <typename T>
struct Weights {
    const T* depthwise;       // [E * C, 1, 5, 5]
    const T* depthwise_bias;  // [E * C]
    const T* pointwise;       // [E * C, C, 1, 1]
    const T* pointwise_bias;  // [E * C]
};

template <typename T>
struct Parameters {
    const T* features;  // [K, P * C, S, S], or [K, S, S, P * C]
    Weights<T> first;
    Weights<T> second;
    int rois;      // K
    int channels;  // C
    int side;      // S
    T* fused;      // as the features
};

template <typename T>
GRIDRT_DEVICE Weights<T> weights_of(const Parameters<T>& parameters, int order) {
    const Weights<T>& first = parameters.first;
    const Weights<T>& second = parameters.second;
    return {order == 0 ? first.depthwise : second.depthwise,
            order == 0 ? first.depthwise_bias : second.depthwise_bias,
            order == 0 ? first.pointwise : second.pointwise,
            order == 0 ? first.pointwise_bias : second.pointwise_bias};
}

// Parts of a block's shared memory; kernel.py counts it. A map of a point lies in it as in the features, by itself.
template <typename T>
struct Memory {
    // Floats leave no room for sources of their own; they are spread in place.
    static constexpr bool IN_PLACE = sizeof(T) == 4;

    T* first;   // what the first order gives the points of a colour
    T* spread;  // the team's: depth-wise convolutions of the channels of its edge
    T* source;  // the team's: the features that its edge comes from
    T* taps;    // the team's: the depth-wise weights of its edge

    GRIDRT_DEVICE Memory(unsigned char* memory, int channels, int side, int team) {
        const int map = channels * side * side;
        const int spread_size = channels * Spread<T>::channel_size(side);
        first = reinterpret_cast<T*>(memory);
        T* spreads = first + MOST_OF_ONE_COLOUR * map;
        T* sources = IN_PLACE ? spreads : spreads + TEAMS * spread_size;
        spread = spreads + team * spread_size;
        source = sources + team * map;
        taps = sources + TEAMS * map + team * channels * TAPS * TAPS;
    }
};

// A thread's part in one step of its team. SIDE is the maps' if the compiler knows it, else 0.
template <typename T, bool CHANNELS_LAST, int SIDE>
struct Step {
    const Parameters<T>& parameters;
    int channels;
    int side;
    int thread;  // of the team
    int team;
    int order;
    Edge edge;
    Memory<T> memory;

    GRIDRT_DEVICE Step(const Parameters<T>& parameters, unsigned char* memory, int step)
        : parameters(parameters),
          channels(opaque(parameters.channels)),
          side(SIDE > 0 ? SIDE : parameters.side),
          thread(opaque(threadIdx.x) % TEAM),
          team(opaque(threadIdx.x) / TEAM),
          order(step / STEPS),
          edge(edge_at(colour_of(blockIdx.y + step / STEPS), team, step % STEPS)),
          memory(memory, channels, side, team) {}

    // Begins to copy what the step reads in shared memory: weights, and in the first order features.
    GRIDRT_DEVICE void fetch() const {
        const int taps = channels * TAPS * TAPS;
        copy_rows(memory.taps, weights_of(parameters, order).depthwise + edge.index * taps, 1, taps, 0);
        if (order > 0) return;
        const T* source = parameters.features + place_of(edge.source, 0, 0);
        if constexpr (CHANNELS_LAST) {
            copy_rows(memory.source, source, side * side, channels, POINTS * channels);
        } else {
            copy_rows(memory.source, source, 1, map_size(), 0);
        }
    }

    // Depth-wise convolution of a strip of one channel.
    GRIDRT_DEVICE void convolve_into(Strip& sums) const {
        if (!has_strip()) return;
        const T* map = order == 0 ? memory.source : memory.first + edge.source / 2 * map_size();
        const Plane<T> plane = {map + place_in_map(channel(), 0), CHANNELS_LAST ? channels : 1};
        const T* taps = memory.taps + channel() * TAPS * TAPS;
        float weights[TAPS * TAPS];
        GRIDRT_UNROLL(TAPS * TAPS)
        for (int i = 0; i < TAPS * TAPS; ++i) weights[i] = to_float(taps[i]);
        const float bias = to_float(weights_of(parameters, order).depthwise_bias[edge.index * channels + channel()]);
        GRIDRT_UNROLL(STRIP)
        for (int row = 0; row < STRIP; ++row) {
            GRIDRT_UNROLL(MAX_SIDE)
            for (int x = 0; x < MAX_SIDE; ++x) sums[row][x] = bias;
        }
        convolve(plane, side, weights, first_row(), sums);
    }

    GRIDRT_DEVICE void store(const Strip& sums) const {
        if (has_strip()) Spread<T>::store(memory.spread, side, channel(), first_row(), sums);
    }

    // A target's sums begin with its own features.
    GRIDRT_DEVICE void begin(Arriving<T>& arriving) const {
        if (!edge.is_first || !has_sums()) return;
        const T* features = parameters.features + place_of(edge.target, first_sum(), arriving.first_cell());
        arriving.for_each(side, [=](int row, int cell, float& sum) { sum = to_float(features[offset_of(row, cell)]); });
    }

    GRIDRT_DEVICE void prepare(Arriving<T>& arriving) const {
        if (!has_sums()) return;
        const Weights<T> weights = weights_of(parameters, order);
        const int row = edge.index * channels + first_channel();
        arriving.prepare(weights.pointwise + row * channels, weights.pointwise_bias + row, channels);
    }

    GRIDRT_DEVICE void add_to(Arriving<T>& arriving) const {
        if (has_sums()) arriving.add(memory.spread, channels, side);
    }

    GRIDRT_DEVICE void deliver(Arriving<T>& arriving) const {
        if (!edge.is_last || !has_sums()) return;
        if (order == 0) {
            T* first = memory.first + edge.target / 2 * map_size() + place_in_map(first_sum(), arriving.first_cell());
            arriving.for_each(side, [=](int row, int cell, float sum) { first[place_in_map(row, cell)] = rounded_to<T>(sum); });
        } else {
            T* fused = parameters.fused + place_of(edge.target, first_sum(), arriving.first_cell());
            arriving.for_each(side, [=](int row, int cell, float sum) { fused[offset_of(row, cell)] = rounded_to<T>(sum); });
        }
    }

  private:
    GRIDRT_DEVICE int map_size() const { return channels * side * side; }

    // Threads with a strip to convolve. The upper one has more to do than the lower; the other team's are the other way
    // round, so that each of a multiprocessor's four parts has warps of both.
    GRIDRT_DEVICE bool has_strip() const { return thread < 2 * channels; }
    GRIDRT_DEVICE int channel() const { return thread % channels; }
    GRIDRT_DEVICE int first_row() const { return (thread / channels + team) % 2 * STRIP; }

    // Warps with sums of a target.
    GRIDRT_DEVICE bool has_sums() const { return first_channel() < channels; }
    GRIDRT_DEVICE int first_channel() const { return thread / WARP * CHANNELS_OF_WARP; }
    GRIDRT_DEVICE int first_sum() const { return first_channel() + Arriving<T>::first_row(); }  // the lane's

    // Where a value stands in a map by itself.
    GRIDRT_DEVICE int place_in_map(int channel, int cell) const {
        return CHANNELS_LAST ? cell * channels + channel : channel * side * side + cell;
    }

    // Where it stands in the features and in what is fused, and how far from there another is.
    GRIDRT_DEVICE size_t place_of(int point, int channel, int cell) const {
        return static_cast<size_t>(blockIdx.x) * POINTS * map_size() + offset_of(point * channels + channel, cell);
    }
    GRIDRT_DEVICE int offset_of(int channel, int cell) const {
        return CHANNELS_LAST ? cell * POINTS * channels + channel : channel * side * side + cell;
    }

    GRIDRT_DEVICE void copy_rows(T* copy, const T* rows, int count, int length, int distance) const {
        const int packs = length / Pack<T>::SIZE;  // of a row
        GRIDRT_UNROLL(1)
        for (int i = thread; i < count * packs; i += TEAM) {
            const int row = count == 1 ? 0 : i / packs;
            cp_async(copy + i * Pack<T>::SIZE, rows + row * distance + (i - row * packs) * Pack<T>::SIZE);
        }
    }
};

template <typename T, bool CHANNELS_LAST, int SIDE>
GRIDRT_DEVICE void fuse_points(const Parameters<T>& parameters, unsigned char* memory) {
    using ThisStep = Step<T, CHANNELS_LAST, SIDE>;
    constexpr int ALL_STEPS = ORDERS * STEPS;
    Arriving<T> arriving = {};
    ThisStep(parameters, memory, 0).fetch();
    GRIDRT_UNROLL(1)
    for (int i = 0; i < ALL_STEPS; ++i) {
        const ThisStep step(parameters, memory, i);
        step.begin(arriving);
        cp_async_wait_all();
        __syncthreads();  // what was fetched is there, and what was delivered
        Strip sums;
        step.convolve_into(sums);
        step.prepare(arriving);
        __syncthreads();  // it has been read
        step.store(sums);
        if (!Memory<T>::IN_PLACE && i + 1 < ALL_STEPS) ThisStep(parameters, memory, i + 1).fetch();
        __syncthreads();  // what was spread is there
        step.add_to(arriving);
        step.deliver(arriving);
        if (Memory<T>::IN_PLACE && i + 1 < ALL_STEPS) {
            __syncthreads();  // it has been read
            ThisStep(parameters, memory, i + 1).fetch();
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
