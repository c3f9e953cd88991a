// What the depth-wise convolution of an edge gives, in shared memory: the right-hand side of the point-wise product.
#pragma once

#include "gridrt/pack.h"
#include "grid_fusion/arithmetic.h"
#include "grid_fusion/instructions.cuh"

namespace gridrt {
namespace grid_fusion {

// Where a channel's map lies, and how a thread writes its strip of it.
template <typename T>
struct Spread;

// One channel after the other, without gaps.
template <>
struct Spread<float> {
    static GRIDRT_HOST_DEVICE int channel_size(int side) { return side * side; }

    static GRIDRT_DEVICE void store(float* spread, int side, int channel, int first_row, const Strip& sums) {
        float* strip = spread + channel * channel_size(side) + first_row * side;
        GRIDRT_UNROLL(STRIP)
        for (int row = 0; row < STRIP; ++row) {
            GRIDRT_UNROLL(MAX_SIDE)
            for (int x = 0; x < MAX_SIDE; ++x) {
                if (first_row + row < side && x < side) strip[row * side + x] = sums[row][x];
            }
        }
    }
};

// For tensor cores: a row of a map, filled up to 8 halves, is a row of an 8 x 8 matrix. Of 16 channels a lane of theirs
// multiplies number 2q, 2q + 1, 2q + 8 and 2q + 9. So that its weights are four neighbours in memory, 4q to 4q + 3, the
// channels stand in another order here; a sum has none.
template <>
struct Spread<half> {
    static constexpr int ROW = Pack<half>::SIZE;

    static GRIDRT_HOST_DEVICE int channel_size(int side) { return side * ROW; }

    static GRIDRT_DEVICE int place_of(int channel) {
        const int quad = channel / 4 % 4;
        const int pair = channel / 2 % 2;
        return channel / 16 * 16 + 8 * pair + 2 * quad + channel % 2;
    }

    static GRIDRT_DEVICE void store(half* spread, int side, int channel, int first_row, const Strip& sums) {
        half* strip = spread + place_of(channel) * channel_size(side) + first_row * ROW;
        GRIDRT_UNROLL(STRIP)
        for (int row = 0; row < STRIP; ++row) {
            if (first_row + row >= side) continue;
            float values[ROW] = {};
            GRIDRT_UNROLL(MAX_SIDE)
            for (int x = 0; x < MAX_SIDE; ++x) values[x] = sums[row][x];
            Pack<half> pack;
            pack_into(pack, values);
            st_shared_v4(strip + row * ROW, pack.words);
        }
    }
};

}  // namespace grid_fusion
}  // namespace gridrt
