// IEEE half precision as storage: kernels read and write it, and count in float.
//
// Not __half, whose header NVRTC does not bring along; the bits are the same, so pointers to either may be exchanged.
#pragma once

#include "gridrt/cuda.h"

namespace gridrt {

struct half {
    unsigned short bits;
};

#if !defined(__CUDA_ARCH__)  // a GPU has instructions for it

namespace detail {

inline unsigned int bits_of(float value) {
    unsigned int bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float float_of(unsigned int bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// The exponents of half (5 bits, bias 15) and float (8 bits, bias 127) are 112 apart, the fractions 13 bits.
inline float widened(unsigned short half_bits) {
    const unsigned int sign = (half_bits & 0x8000u) << 16;
    const unsigned int magnitude = half_bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | (magnitude << 13));  // infinite, or no number
    // A half's magnitude as a float's bits is too small by 2^112; multiplying mends subnormal ones as well.
    const float scaled = float_of(magnitude << 13) * float_of((127u + 112u) << 23);
    return float_of(sign | bits_of(scaled));
}

// Round to the nearest half, ties to even.
inline unsigned short narrowed(float value) {
    const unsigned int sign = (bits_of(value) >> 16) & 0x8000u;
    const unsigned int magnitude = bits_of(value) & 0x7fffffffu;
    unsigned int rounded;
    if (magnitude > 0x7f800000u) {
        rounded = 0x7e00u;  // no number
    } else if (magnitude >= 0x477ff000u) {
        rounded = 0x7c00u;  // 65520 and more become infinite
    } else if (magnitude < 0x38800000u) {
        // Subnormal: adding 0.5 puts the last bit that half keeps (2^-24) at the last bit of the float.
        rounded = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    } else {
        rounded = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    return static_cast<unsigned short>(sign | rounded);
}

}  // namespace detail

#endif

GRIDRT_HOST_DEVICE float to_float(float value) { return value; }

GRIDRT_HOST_DEVICE float to_float(half value) {
#if defined(__CUDA_ARCH__)
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
#else
    return detail::widened(value.bits);
#endif
}

// rounded_to<half>(x) and rounded_to<float>(x): the nearest value of that type, ties to even.
template <typename T>
GRIDRT_HOST_DEVICE T rounded_to(float value);

template <>
GRIDRT_HOST_DEVICE float rounded_to<float>(float value) {
    return value;
}

template <>
GRIDRT_HOST_DEVICE half rounded_to<half>(float value) {
#if defined(__CUDA_ARCH__)
    half narrow;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(value));
    return narrow;
#else
    return half{detail::narrowed(value)};
#endif
}

}  // namespace gridrt
