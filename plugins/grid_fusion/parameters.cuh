// What the kernel is given, and how a block divides its shared memory.
#pragma once

#include "grid_fusion/spread.cuh"

namespace gridrt {
namespace grid_fusion {

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

// Field by field: the compiler puts structs that a variable chooses from into memory.
template <typename T>
GRIDRT_DEVICE Weights<T> weights_of(const Parameters<T>& parameters, int order) {
    const Weights<T>& first = parameters.first;
    const Weights<T>& second = parameters.second;
    return {order == 0 ? first.depthwise : second.depthwise,
            order == 0 ? first.depthwise_bias : second.depthwise_bias,
            order == 0 ? first.pointwise : second.pointwise,
            order == 0 ? first.pointwise_bias : second.pointwise_bias};
}

// kernel.py counts the bytes. The maps of a point lie here as in the features, without those of other points.
template <typename T>
struct Memory {
    // Floats leave no room for sources of their own; they are convolved in place.
    static constexpr bool IN_PLACE = sizeof(T) == 4;

    T* first;   // what the first order gives the points of a colour
    T* spread;  // the team's: depth-wise convolutions of the channels of its edge
    T* source;  // the team's: the features that its edge comes from
    T* taps;    // the team's: the depth-wise weights of its edge

    GRIDRT_DEVICE Memory(unsigned char* memory, int channels, int side, int team) {
        const int map_size = channels * side * side;
        const int spread_size = channels * Spread<T>::channel_size(side);
        first = reinterpret_cast<T*>(memory);
        T* spreads = first + MOST_OF_ONE_COLOUR * map_size;
        T* sources = IN_PLACE ? spreads : spreads + TEAMS * spread_size;
        T* taps_of_all = sources + TEAMS * map_size;
        spread = spreads + team * spread_size;
        source = sources + team * map_size;
        taps = taps_of_all + team * channels * TAPS * TAPS;
    }
};

}  // namespace grid_fusion
}  // namespace gridrt
