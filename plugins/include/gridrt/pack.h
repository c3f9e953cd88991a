// 16 bytes of features, which a thread reads or writes at once: 4 floats or 8 halves.
#pragma once

#include "gridrt/half.h"

namespace gridrt {

template <typename T>
struct alignas(16) Pack {
    static constexpr int SIZE = 16 / sizeof(T);
    unsigned int words[4];
};

// `address` is in global memory, a multiple of 16 bytes.
template <typename T>
GRIDRT_HOST_DEVICE Pack<T> load_pack(const T* address) {
    return *reinterpret_cast<const Pack<T>*>(address);
}

template <typename T>
GRIDRT_HOST_DEVICE void store_pack(T* address, const Pack<T>& pack) {
#if defined(__CUDA_ARCH__)
    // Said outright: the compiler makes four instructions of a struct's copy.
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(address), "r"(pack.words[0]), "r"(pack.words[1]), "r"(pack.words[2]), "r"(pack.words[3])
                 : "memory");
#else
    *reinterpret_cast<Pack<T>*>(address) = pack;
#endif
}

#if defined(__CUDA_ARCH__)

GRIDRT_DEVICE void unpack(const Pack<float>& pack, float (&values)[4]) {
    GRIDRT_UNROLL(4)
    for (int i = 0; i < 4; ++i) values[i] = __uint_as_float(pack.words[i]);
}

GRIDRT_DEVICE void unpack(const Pack<half>& pack, float (&values)[8]) {
    GRIDRT_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
        asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high; }"
            : "=f"(values[2 * i]), "=f"(values[2 * i + 1])
            : "r"(pack.words[i]));
    }
}

GRIDRT_DEVICE void pack_into(Pack<float>& pack, const float (&values)[4]) {
    GRIDRT_UNROLL(4)
    for (int i = 0; i < 4; ++i) pack.words[i] = __float_as_uint(values[i]);
}

GRIDRT_DEVICE void pack_into(Pack<half>& pack, const float (&values)[8]) {
    GRIDRT_UNROLL(4)
    for (int i = 0; i < 4; ++i) {
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pack.words[i]) : "f"(values[2 * i + 1]), "f"(values[2 * i]));
    }
}

#else

// The values of a pack in float.
template <typename T>
inline void unpack(const Pack<T>& pack, float (&values)[Pack<T>::SIZE]) {
    T stored[Pack<T>::SIZE];
    __builtin_memcpy(stored, pack.words, sizeof stored);
    for (int i = 0; i < Pack<T>::SIZE; ++i) values[i] = to_float(stored[i]);
}

// A pack of these values, rounded.
template <typename T>
inline void pack_into(Pack<T>& pack, const float (&values)[Pack<T>::SIZE]) {
    T stored[Pack<T>::SIZE];
    for (int i = 0; i < Pack<T>::SIZE; ++i) stored[i] = rounded_to<T>(values[i]);
    __builtin_memcpy(pack.words, stored, sizeof stored);
}

#endif

}  // namespace gridrt
