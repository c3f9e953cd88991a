#include "gridrt/pack.h"

using gridrt::half;

extern "C" __global__ void widen(const half* in, int count, float* out) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = gridrt::to_float(in[i]);
}

extern "C" __global__ void narrow(const float* in, int count, half* out) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = gridrt::rounded_to<half>(in[i]);
}

// Doubles packs of values; `count` is a multiple of a pack's size.
template <typename T>
GRIDRT_DEVICE void doubled(const T* in, int count, T* out) {
    constexpr int SIZE = gridrt::Pack<T>::SIZE;
    for (int i = threadIdx.x * SIZE; i < count; i += blockDim.x * SIZE) {
        float values[SIZE];
        gridrt::Pack<T> pack = gridrt::load_pack(in + i);
        gridrt::unpack(pack, values);
        for (float& value : values) value *= 2.0f;
        gridrt::pack_into(pack, values);
        gridrt::store_pack(out + i, pack);
    }
}

extern "C" __global__ void double_floats(const float* in, int count, float* out) { doubled(in, count, out); }

extern "C" __global__ void double_halves(const half* in, int count, half* out) { doubled(in, count, out); }
