// Grid fusion's arithmetic: which edge is worked on when, and a depth-wise convolution of four rows of one map.
//
// Points are numbered down the columns of the 3 x 3 grid. On that chessboard neighbours are of different colours, so the
// sums that arrive at the points of one colour need no others: two halves, each with 12 edges in each order of fusion.
#pragma once

#include "gridrt/half.h"
#include "gridrt/index.h"

namespace gridrt {
namespace grid_fusion {

constexpr int GRID_SIDE = 3;
constexpr int POINTS = GRID_SIDE * GRID_SIDE;
constexpr int ORDERS = 2;  // of fusion
constexpr int TEAMS = 2;   // that share a colour's edges
constexpr int STEPS = 6;   // edges of one colour for one team

constexpr int MAX_SIDE = 7;  // of a map
constexpr int REACH = 2;     // cells, of the depth-wise convolution
constexpr int TAPS = 2 * REACH + 1;
constexpr int STRIP = 4;  // rows of a map that one thread convolves; two strips hold a map

struct Edge {
    int index;  // in the weights: by target, then by source
    int source;
    int target;
    bool is_first;  // of its target
    bool is_last;
};

// The edges of one colour of targets for one team, in order; 5 bits each, the first step's lowest.
struct Schedule {
    unsigned int indices;
    unsigned int sources;
    unsigned int targets;
};

// 0 for the corners and the middle, 1 for the others. A point stands in place `point / 2` among those of its colour.
GRIDRT_HOST_DEVICE constexpr int colour_of(int point) { return point % 2; }
constexpr int MOST_OF_ONE_COLOUR = (POINTS + 1) / 2;

GRIDRT_HOST_DEVICE constexpr bool are_neighbours(int point, int other) {
    const int columns = point / GRID_SIDE - other / GRID_SIDE;
    const int rows = point % GRID_SIDE - other % GRID_SIDE;
    return columns * columns + rows * rows == 1;
}

// Six edges of each colour arrive at the four points of the upper left, and six at the other five.
GRIDRT_HOST_DEVICE constexpr int team_of(int target) { return target / GRID_SIDE < 2 && target % GRID_SIDE < 2 ? 0 : 1; }

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

GRIDRT_HOST_DEVICE int field(unsigned int fields, int step) { return (fields >> (5 * step)) & 31u; }

GRIDRT_HOST_DEVICE unsigned int chosen(int colour, int team, unsigned int a, unsigned int b, unsigned int c, unsigned int d) {
    return colour == 0 ? (team == 0 ? a : b) : (team == 0 ? c : d);
}

// The edge that a team works on in one of its STEPS. A table in registers: one in memory would be as slow as a miss.
GRIDRT_HOST_DEVICE Edge edge_at(int colour, int team, int step) {
    constexpr Schedule A = schedule_of(0, 0), B = schedule_of(0, 1), C = schedule_of(1, 0), D = schedule_of(1, 1);
    const unsigned int indices = chosen(colour, team, A.indices, B.indices, C.indices, D.indices);
    const unsigned int sources = chosen(colour, team, A.sources, B.sources, C.sources, D.sources);
    const unsigned int targets = chosen(colour, team, A.targets, B.targets, C.targets, D.targets);
    const int target = field(targets, step);
    Edge edge;
    edge.index = field(indices, step);
    edge.source = field(sources, step);
    edge.target = target;
    edge.is_first = step == 0 || field(targets, step - 1) != target;
    edge.is_last = step == STEPS - 1 || field(targets, step + 1) != target;
    return edge;
}

// One channel of one point: S x S values, `step` apart.
template <typename T>
struct Plane {
    const T* values;
    int step;
};

using Strip = float[STRIP][MAX_SIDE];

// Adds the rows of a plane around `first_row`, weighted, to the strip's sums. Those beyond the map's side are of no use.
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
            const int strip_row = line - dy;
            if (strip_row < 0 || strip_row >= STRIP) continue;
            GRIDRT_UNROLL(MAX_SIDE)
            for (int x = 0; x < MAX_SIDE; ++x) {
                GRIDRT_UNROLL(TAPS)
                for (int dx = 0; dx < TAPS; ++dx) {
                    const int from = x + dx - REACH;
                    if (from < 0 || from >= MAX_SIDE) continue;
                    sums[strip_row][x] += weights[dy * TAPS + dx] * values[from];
                }
            }
        }
    }
}

}  // namespace grid_fusion
}  // namespace gridrt
