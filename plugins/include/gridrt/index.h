// Counting, and reading 16 bytes at a time.
#pragma once

#include "gridrt/cuda.h"

namespace gridrt {

GRIDRT_HOST_DEVICE int smaller(int a, int b) { return a < b ? a : b; }
GRIDRT_HOST_DEVICE int larger(int a, int b) { return a > b ? a : b; }
GRIDRT_HOST_DEVICE int clamped(int value, int low, int high) { return smaller(larger(value, low), high); }
GRIDRT_HOST_DEVICE int ceil_div(int count, int size) { return (count + size - 1) / size; }

// As many values as one access of a thread moves: 4 floats or 8 halves.
template <typename T>
struct alignas(16) Pack {
    static constexpr int SIZE = 16 / sizeof(T);
    T values[SIZE];
};

// `address` must be a multiple of 16 bytes.
template <typename T>
GRIDRT_HOST_DEVICE Pack<T> load_pack(const T* address) {
    return *reinterpret_cast<const Pack<T>*>(address);
}

template <typename T>
GRIDRT_HOST_DEVICE void store_pack(T* address, const Pack<T>& pack) {
    *reinterpret_cast<Pack<T>*>(address) = pack;
}

}  // namespace gridrt
