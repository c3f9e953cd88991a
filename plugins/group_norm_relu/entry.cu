// The entry point: pointers to the inputs, int32 scalars, pointers to the outputs; all else is macros:
//   GRIDRT_HALF           1 for half precision, else 0
//   GRIDRT_CHANNELS_LAST  1: features are [K, H, W, C]
//   GRIDRT_GROUPS         of the channels, each a multiple of 16 bytes
//   GRIDRT_EPS            added to the variance
#include "group_norm_relu/kernel.cuh"

static_assert(GRIDRT_CHANNELS_LAST, "the channels of a group lie together");
static_assert(GRIDRT_GROUPS >= 1, "there is a group");

#if GRIDRT_HALF
using Feature = gridrt::half;
#else
using Feature = float;
#endif

extern "C" __global__ void __launch_bounds__(gridrt::group_norm_relu::THREADS) gridrt_group_norm_relu(
    const Feature* features, const Feature* bias, const Feature* weight, const Feature* shift,
    int roi_count, int channels, int height, int width,
    Feature* rectified) {
    GRIDRT_SHARED_MEMORY(memory);
    const gridrt::group_norm_relu::Parameters<Feature> parameters = {
        features, bias, weight, shift, roi_count, channels, height * width, GRIDRT_GROUPS,
        static_cast<float>(GRIDRT_EPS), rectified};
    gridrt::group_norm_relu::normalize<Feature>(parameters, memory);
}
