// Grid fusion's arithmetic: which edge is worked on when, and the depth-wise convolution of four rows of a map.
//
// Points are numbered down the columns of the 3 x 3 grid, and neighbours differ in colour, as on a chessboard. So what
// arrives at the points of one colour comes from those of the other, and the work falls into two halves that need nothing
// of each other: the first order's sums at one colour, and the second order's at the other.
#pragma once

#include "gridrt/half.h"

namespace gridrt {
namespace grid_fusion {

constexpr int GRID_SIDE = 3;
constexpr int POINTS = GRID_SIDE * GRID_SIDE;
constexpr int MOST_OF_ONE_COLOUR = (POINTS + 1) / 2;
constexpr int ORDERS = 2;  // of fusion
constexpr int TEAMS = 2;   // that share a colour's 12 edges
constexpr int STEPS = 6;   // of a team in each order, an edge each

constexpr int MAX_SIDE = 7;  // of a map
constexpr int REACH = 2;     // cells, of the depth-wise convolution
constexpr int TAPS = 2 * REACH + 1;
constexpr int STRIP = 4;   // rows of a map that one thread convolves
constexpr int STRIPS = 2;  // of a map

// 0 for the corners and the middle, 1 for the others. A point is number `point / 2` of its colour.
GRIDRT_HOST_DEVICE constexpr int colour_of(int point) { return point % 2; }

GRIDRT_HOST_DEVICE constexpr bool are_neighbours(int point, int other) {
    const int columns = point / GRID_SIDE - other / GRID_SIDE;
    const int rows = point % GRID_SIDE - other % GRID_SIDE;
    return columns * columns + rows * rows == 1;
}

// Six edges of each colour arrive at the four points of the upper left, and six at the other five.
GRIDRT_HOST_DEVICE constexpr int team_of(int target) {
    return target / GRID_SIDE < 2 && target % GRID_SIDE < 2 ? 0 : 1;
}

// The edges of one team to targets of one colour, 5 bits each, the first step's lowest.
struct Schedule {
    unsigned int indices;  // in the weights: by target, then by source
    unsigned int sources;
    unsigned int targets;
};

GRIDRT_HOST_DEVICE constexpr Schedule schedule_of(int colour, int team) {
    Schedule schedule = {0, 0, 0};
    int index = 0;
    int shift = 0;
    for (int target = 0; target < POINTS; ++target) {
        for (int source = 0; source < POINTS; ++source) {
            if (!are_neighbours(source, target)) continue;
            if (colour_of(target) == colour && team_of(target) == team) {
                schedule.indices |= static_cast<unsigned int>(index) << shift;
                schedule.sources |= static_cast<unsigned int>(source) << shift;
                schedule.targets |= static_cast<unsigned int>(target) << shift;
                shift += 5;
            }
            ++index;
        }
    }
    return schedule;
}

// Chosen field by field: the compiler puts a table that is indexed by a variable into memory.
GRIDRT_HOST_DEVICE Schedule chosen_schedule(int colour, int team) {
    constexpr Schedule OF_COLOUR_0[TEAMS] = {schedule_of(0, 0), schedule_of(0, 1)};
    constexpr Schedule OF_COLOUR_1[TEAMS] = {schedule_of(1, 0), schedule_of(1, 1)};
    const bool is_0 = colour == 0;
    Schedule schedule = is_0 ? OF_COLOUR_0[0] : OF_COLOUR_1[0];
    if (team == 1) {
        schedule.indices = is_0 ? OF_COLOUR_0[1].indices : OF_COLOUR_1[1].indices;
        schedule.sources = is_0 ? OF_COLOUR_0[1].sources : OF_COLOUR_1[1].sources;
        schedule.targets = is_0 ? OF_COLOUR_0[1].targets : OF_COLOUR_1[1].targets;
    }
    return schedule;
}

struct Edge {
    int index;
    int source;
    int target;
    bool is_first;  // of its target
    bool is_last;
};

GRIDRT_HOST_DEVICE int field(unsigned int fields, int step) { return (fields >> (5 * step)) & 31u; }

// The edge that a team works on in one of its STEPS towards targets of a colour.
GRIDRT_HOST_DEVICE Edge edge_at(int colour, int team, int step) {
    const Schedule schedule = chosen_schedule(colour, team);
    const int target = field(schedule.targets, step);
    Edge edge;
    edge.index = field(schedule.indices, step);
    edge.source = field(schedule.sources, step);
    edge.target = target;
    edge.is_first = step == 0 || field(schedule.targets, step - 1) != target;
    edge.is_last = step == STEPS - 1 || field(schedule.targets, step + 1) != target;
    return edge;
}

// One channel of one point: S x S values, `step` apart.
template <typename T>
struct Plane {
    const T* values;
    int step;
};

using Strip = float[STRIP][MAX_SIDE];

// Adds a row of a plane to one of a strip that it is `dy` taps away from.
GRIDRT_HOST_DEVICE void add_row(const float (&values)[MAX_SIDE], const float (&weights)[TAPS * TAPS], int dy,
                                float (&sums)[MAX_SIDE]) {
    GRIDRT_UNROLL(MAX_SIDE)
    for (int x = 0; x < MAX_SIDE; ++x) {
        GRIDRT_UNROLL(TAPS)
        for (int dx = 0; dx < TAPS; ++dx) {
            const int from = x + dx - REACH;
            if (from >= 0 && from < MAX_SIDE) sums[x] += weights[dy * TAPS + dx] * values[from];
        }
    }
}

// Adds the rows of a plane, each read once, to the strip that begins at `first_row`. What the strip gets beyond the
// plane's side is of no use.
template <typename T>
GRIDRT_HOST_DEVICE void convolve(const Plane<T>& plane, int side, const float (&weights)[TAPS * TAPS], int first_row,
                                 Strip& sums) {
    GRIDRT_UNROLL(STRIP + 2 * REACH)
    for (int line = 0; line < STRIP + 2 * REACH; ++line) {
        const int row = first_row - REACH + line;
        if (row < 0 || row >= side) continue;
        float values[MAX_SIDE];
        GRIDRT_UNROLL(MAX_SIDE)
        for (int x = 0; x < MAX_SIDE; ++x) {
            values[x] = x < side ? to_float(plane.values[(row * side + x) * plane.step]) : 0.0f;
        }
        GRIDRT_UNROLL(TAPS)
        for (int dy = 0; dy < TAPS; ++dy) {
            if (line - dy >= 0 && line - dy < STRIP) add_row(values, weights, dy, sums[line - dy]);
        }
    }
}

}  // namespace grid_fusion
}  // namespace gridrt
