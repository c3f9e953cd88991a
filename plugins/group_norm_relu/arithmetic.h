// The sums and the result of GroupNorm, 16 bytes of channels at a time.
#pragma once

#include "gridrt/pack.h"

namespace gridrt {
namespace group_norm_relu {

// Of features with their bias.
template <typename T>
GRIDRT_HOST_DEVICE float sum_of(const Pack<T>& features, const Pack<T>& bias) {
    float values[Pack<T>::SIZE], biases[Pack<T>::SIZE];
    unpack(features, values);
    unpack(bias, biases);
    float sum = 0.0f;
    GRIDRT_UNROLL(Pack<T>::SIZE)
    for (int i = 0; i < Pack<T>::SIZE; ++i) sum += values[i] + biases[i];
    return sum;
}

// Of their squared distances from the mean.
template <typename T>
GRIDRT_HOST_DEVICE float squares_of(const Pack<T>& features, const Pack<T>& bias, float mean) {
    float values[Pack<T>::SIZE], biases[Pack<T>::SIZE];
    unpack(features, values);
    unpack(bias, biases);
    float sum = 0.0f;
    GRIDRT_UNROLL(Pack<T>::SIZE)
    for (int i = 0; i < Pack<T>::SIZE; ++i) {
        const float distance = values[i] + biases[i] - mean;
        sum += distance * distance;
    }
    return sum;
}

// max(0, (features + bias - mean) * scale * weight + shift); what is no number stays so.
template <typename T>
GRIDRT_HOST_DEVICE Pack<T> rectified_pack(const Pack<T>& features, const Pack<T>& bias, const Pack<T>& weight,
                                          const Pack<T>& shift, float mean, float scale) {
    float values[Pack<T>::SIZE], biases[Pack<T>::SIZE], weights[Pack<T>::SIZE], shifts[Pack<T>::SIZE];
    unpack(features, values);
    unpack(bias, biases);
    unpack(weight, weights);
    unpack(shift, shifts);
    GRIDRT_UNROLL(Pack<T>::SIZE)
    for (int i = 0; i < Pack<T>::SIZE; ++i) {
        const float normal = (values[i] + biases[i] - mean) * scale * weights[i] + shifts[i];
        values[i] = normal < 0.0f ? 0.0f : normal;
    }
    Pack<T> rectified;
    pack_into(rectified, values);
    return rectified;
}

}  // namespace group_norm_relu
}  // namespace gridrt
