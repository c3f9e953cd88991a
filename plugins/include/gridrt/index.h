// Counting.
#pragma once

#include "gridrt/cuda.h"

namespace gridrt {

GRIDRT_HOST_DEVICE int smaller(int a, int b) { return a < b ? a : b; }
GRIDRT_HOST_DEVICE int larger(int a, int b) { return a > b ? a : b; }
GRIDRT_HOST_DEVICE int clamped(int value, int low, int high) { return smaller(larger(value, low), high); }
GRIDRT_HOST_DEVICE int ceil_div(int count, int size) { return (count + size - 1) / size; }

}  // namespace gridrt
