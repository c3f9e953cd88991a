// The entry point: pointers to the inputs, int32 scalars, pointers to the outputs; all else is macros:
//   GRIDRT_HALF           1 for features in half precision, else 0
//   GRIDRT_CHANNELS_LAST  1 for feature maps [N, H, W, C], else 0
//   GRIDRT_OUTPUT_SIZE    bins per side, at most 32
//   GRIDRT_STRIDE_P2      pixels per cell of the finest level; likewise _P3, _P4, _P5
#include "multi_level_roi_align/kernel.cuh"

namespace {

#if GRIDRT_HALF
using Feature = gridrt::half;
#else
using Feature = float;
#endif

constexpr int BINS = GRIDRT_OUTPUT_SIZE;
constexpr int GROUP = gridrt::roi_align::group_of(BINS);
static_assert(BINS >= 1 && GROUP * BINS <= gridrt::roi_align::WARP, "at most 32 bins per side");

}  // namespace

extern "C" __global__ void __launch_bounds__(gridrt::roi_align::THREADS, gridrt::roi_align::BLOCKS) gridrt_multi_level_roi_align(
    const Feature* p2, const Feature* p3, const Feature* p4, const Feature* p5, const float* rois,
    int roi_count, int channels,
    int height2, int width2, int height3, int width3, int height4, int width4, int height5, int width5,
    Feature* pooled) {
    GRIDRT_SHARED_MEMORY(memory);
    const gridrt::roi_align::Parameters<Feature> parameters = {
        {{p2, height2, width2, GRIDRT_STRIDE_P2},
         {p3, height3, width3, GRIDRT_STRIDE_P3},
         {p4, height4, width4, GRIDRT_STRIDE_P4},
         {p5, height5, width5, GRIDRT_STRIDE_P5}},
        rois, roi_count, channels, BINS, pooled};
    gridrt::roi_align::pool<Feature, GRIDRT_CHANNELS_LAST != 0, GROUP>(parameters, memory);
}
