// Tensor cores and asynchronous copies on a CPU, after the PTX manual: which lane holds which value of which matrix.
//
// A copy is made when it is waited for, so that a wait that is missing shows. An address that a GPU refuses gives NaNs.
#pragma once

#include "gridrt/half.h"

namespace cuda_on_host {

struct Copy {
    void* to;
    const void* from;
};

inline std::vector<Copy> copies[1024];  // that are under way, by thread

inline bool is_aligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; }

inline void cp_async(void* shared, const void* global) { copies[threadIdx.x].push_back({shared, global}); }

inline void cp_async_wait_all() {
    for (const Copy& copy : copies[threadIdx.x]) {
        if (is_aligned(copy.to) && is_aligned(copy.from)) {
            memcpy(copy.to, copy.from, 16);
        } else {
            memset(copy.to, 0xff, 16);
        }
    }
    copies[threadIdx.x].clear();
}

// Lane 8 m + r names row r of matrix m. Each lane gets column lane / 4 of rows 2 (lane % 4) and the next.
inline void ldmatrix_x2_trans(unsigned int (&matrices)[2], const void* row) {
    const unsigned int lane = threadIdx.x % 32;
    exchange(row, [&](auto shown) {
        for (unsigned int matrix = 0; matrix < 2; ++matrix) {
            unsigned short pair[2] = {0xffff, 0xffff};
            for (unsigned int i = 0; i < 2; ++i) {
                const void* address = shown(8 * matrix + lane % 4 * 2 + i);
                if (is_aligned(address)) memcpy(pair + i, static_cast<const unsigned short*>(address) + lane / 4, 2);
            }
            memcpy(matrices + matrix, pair, 4);
        }
        return 0;
    });
}

// The half of a register: the first is the lower.
inline float half_of(unsigned int pair, unsigned int which) {
    return gridrt::to_float(gridrt::half{static_cast<unsigned short>(pair >> (16 * which))});
}

// sums [16, 8] += a [16, 16] * b [16, 8]. With g = lane / 4 and q = lane % 4 a lane holds
// of a: rows g, g + 8, g, g + 8 in columns 2q, 2q + 1, and those + 8 in the last two registers;
// of b: column g in rows 2q, 2q + 1, and those + 8;  of sums: columns 2q, 2q + 1 of row g, then of row g + 8.
inline void mma_m16n8k16(float (&sums)[4], const unsigned int (&a)[4], const unsigned int (&b)[2]) {
    const unsigned int lane = threadIdx.x % 32;
    float left[4][16];   // for each sum, the row of a
    float right[4][16];  // and the column of b
    const auto gather = [&](unsigned int depth_half) {
        exchange(uint64_t{a[2 * depth_half]} | uint64_t{a[2 * depth_half + 1]} << 32, [&](auto shown) {
            for (unsigned int i = 0; i < 4; ++i) {
                for (unsigned int k = 0; k < 8; ++k) {
                    const uint64_t rows = shown(lane / 4 * 4 + k / 2);
                    left[i][8 * depth_half + k] = half_of(static_cast<unsigned int>(rows >> (32 * (i / 2))), k % 2);
                }
            }
            return 0;
        });
    };
    gather(0);
    gather(1);
    exchange(uint64_t{b[0]} | uint64_t{b[1]} << 32, [&](auto shown) {
        for (unsigned int i = 0; i < 4; ++i) {
            for (unsigned int k = 0; k < 16; ++k) {
                const uint64_t column = shown((lane % 4 * 2 + i % 2) * 4 + k % 8 / 2);
                right[i][k] = half_of(static_cast<unsigned int>(column >> (32 * (k / 8))), k % 2);
            }
        }
        return 0;
    });
    for (unsigned int i = 0; i < 4; ++i) {
        for (unsigned int k = 0; k < 16; ++k) sums[i] += left[i][k] * right[i][k];
    }
}

}  // namespace cuda_on_host
