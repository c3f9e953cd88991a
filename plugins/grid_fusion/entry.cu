// The entry point: pointers to the inputs, int32 scalars, a pointer to the output; the rest is macros:
//   GRIDRT_HALF           1 for features and weights in half precision, else 0
//   GRIDRT_CHANNELS_LAST  1 for features [K, S, S, P * C], else 0
#include "grid_fusion/kernel.cuh"

namespace {

#if GRIDRT_HALF
using Feature = gridrt::half;
#else
using Feature = float;
#endif

}  // namespace

extern "C" __global__ void __launch_bounds__(gridrt::grid_fusion::THREADS, gridrt::grid_fusion::BLOCKS)
gridrt_grid_fusion(
    const Feature* features,
    const Feature* first_depthwise, const Feature* first_depthwise_bias,
    const Feature* first_pointwise, const Feature* first_pointwise_bias,
    const Feature* second_depthwise, const Feature* second_depthwise_bias,
    const Feature* second_pointwise, const Feature* second_pointwise_bias,
    int rois, int channels, int side,
    Feature* fused) {
    GRIDRT_SHARED_MEMORY(memory);
    const gridrt::grid_fusion::Parameters<Feature> parameters = {
        features,
        {first_depthwise, first_depthwise_bias, first_pointwise, first_pointwise_bias},
        {second_depthwise, second_depthwise_bias, second_pointwise, second_pointwise_bias},
        rois, channels, side, fused};
    gridrt::grid_fusion::fuse<Feature, GRIDRT_CHANNELS_LAST != 0>(parameters, memory);
}
