// Sums and products that are rounded on their own.
//
// nvcc fuses a * b + c into one rounding. Where a rounding decides something (how many samples, inside or outside),
// the definition's two are kept by these.
#pragma once

#include "gridrt/cuda.h"

namespace gridrt {

GRIDRT_HOST_DEVICE float sum(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

GRIDRT_HOST_DEVICE float product(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

GRIDRT_HOST_DEVICE float quotient(float a, float b) {
#if defined(__CUDA_ARCH__)
    return __fdiv_rn(a, b);
#else
    return a / b;
#endif
}

}  // namespace gridrt
