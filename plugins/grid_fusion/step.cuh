// What a thread does in one step of its team: an edge, from its source to the sums at its target.
#pragma once

#include "grid_fusion/parameters.cuh"
#include "grid_fusion/pointwise.cuh"

namespace gridrt {
namespace grid_fusion {

constexpr int TEAM = MAX_CHANNELS / CHANNELS_OF_WARP * WARP;  // threads
constexpr int THREADS = TEAMS * TEAM;                         // of a block
static_assert(TEAM >= STRIPS * MAX_CHANNELS, "a thread for each strip");

// SIDE is that of the maps if the compiler knows it, else 0.
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

    // Opaque, so that the compiler works nothing out for all steps at once: registers are for sums.
    GRIDRT_DEVICE Step(const Parameters<T>& parameters, unsigned char* memory, int step)
        : parameters(parameters),
          channels(opaque(parameters.channels)),
          side(SIDE > 0 ? SIDE : opaque(parameters.side)),
          thread(opaque(threadIdx.x) % TEAM),
          team(opaque(threadIdx.x) / TEAM),
          order(step / STEPS),
          edge(edge_at(colour_of(blockIdx.y + step / STEPS), team, step % STEPS)),
          memory(memory, channels, side, team) {}

    // Begins to copy what the step reads in shared memory: depth-wise weights, and in the first order features.
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

    // Depth-wise convolution of the thread's strip.
    GRIDRT_DEVICE void convolve_into(Strip& sums) const {
        if (!has_strip()) return;
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
        const T* map = order == 0 ? memory.source : memory.first + edge.source / 2 * map_size();
        const Plane<T> plane = {map + place_in_map(channel(), 0), CHANNELS_LAST ? channels : 1};
        convolve(plane, side, weights, first_row(), sums);
    }

    GRIDRT_DEVICE void store(const Strip& sums) const {
        if (has_strip()) Spread<T>::store(memory.spread, side, channel(), first_row(), sums);
    }

    // The sums at a target begin with its own features.
    GRIDRT_DEVICE void begin(Arriving<T>& arriving) const {
        if (!edge.is_first || !has_sums()) return;
        const T* own = parameters.features + place_of(edge.target, first_sum(), arriving.first_cell());
        arriving.for_each(side, [=](int channel, int cell, float& sum) { sum = to_float(own[offset(channel, cell)]); });
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
        const int cell = arriving.first_cell();
        if (order == 0) {
            T* to = memory.first + edge.target / 2 * map_size() + place_in_map(first_sum(), cell);
            arriving.for_each(side, [=](int channel, int cell, float sum) {
                to[place_in_map(channel, cell)] = rounded_to<T>(sum);
            });
        } else {
            T* to = parameters.fused + place_of(edge.target, first_sum(), cell);
            arriving.for_each(side, [=](int channel, int cell, float sum) {
                to[offset(channel, cell)] = rounded_to<T>(sum);
            });
        }
    }

  private:
    GRIDRT_DEVICE int map_size() const { return channels * side * side; }

    // The upper strip has more to do than the lower. In the other team they are the other way round, so that each of a
    // multiprocessor's four parts gets warps of both.
    GRIDRT_DEVICE bool has_strip() const { return thread < STRIPS * channels; }
    GRIDRT_DEVICE int channel() const { return thread % channels; }
    GRIDRT_DEVICE int first_row() const { return (thread / channels + team) % STRIPS * STRIP; }

    // Of the warp, and of the lane.
    GRIDRT_DEVICE bool has_sums() const { return first_channel() < channels; }
    GRIDRT_DEVICE int first_channel() const { return thread / WARP * CHANNELS_OF_WARP; }
    GRIDRT_DEVICE int first_sum() const { return first_channel() + Arriving<T>::first_channel(); }

    // Where a value stands in a point's map by itself,
    GRIDRT_DEVICE int place_in_map(int channel, int cell) const {
        return CHANNELS_LAST ? cell * channels + channel : channel * side * side + cell;
    }
    // how far from the first of a RoI in the features and in what is fused,
    GRIDRT_DEVICE int offset(int channel, int cell) const {
        return CHANNELS_LAST ? cell * POINTS * channels + channel : channel * side * side + cell;
    }
    // and where there.
    GRIDRT_DEVICE size_t place_of(int point, int channel, int cell) const {
        return static_cast<size_t>(blockIdx.x) * POINTS * map_size() + offset(point * channels + channel, cell);
    }

    // The team begins to copy rows of so many values, a distance apart; the copy has no gaps.
    GRIDRT_DEVICE void copy_rows(T* copy, const T* rows, int count, int length, int distance) const {
        const int packs = length / Pack<T>::SIZE;  // of a row
        GRIDRT_UNROLL(1)
        for (int i = thread; i < count * packs; i += TEAM) {
            const int row = count == 1 ? 0 : i / packs;
            cp_async(copy + i * Pack<T>::SIZE, rows + row * distance + (i - row * packs) * Pack<T>::SIZE);
        }
    }
};

}  // namespace grid_fusion
}  // namespace gridrt
