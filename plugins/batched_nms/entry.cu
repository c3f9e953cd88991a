// The entry point: pointers to the inputs, int32 scalars, pointers to the outputs; all else is macros:
//   GRIDRT_IOU_THRESHOLD    at least 0
//   GRIDRT_SCORE_THRESHOLD  strict
//   GRIDRT_MAX_OUTPUT       rows of each image's outputs
//   GRIDRT_BUCKETS          that kept boxes are divided among; dynamic shared memory has rows * buckets boxes
//   GRIDRT_THREADS          of a block, and candidates of a window; a power of two from 64 to 1024
#include "batched_nms/kernel.cuh"

static_assert(GRIDRT_IOU_THRESHOLD >= 0, "boxes that lie apart must survive");
static_assert(GRIDRT_BUCKETS >= 1, "so many boxes to keep do not fit in shared memory");
static_assert(GRIDRT_BUCKETS <= gridrt::batched_nms::MOST_BUCKETS, "there is room for so many");
static_assert(GRIDRT_BUCKETS * GRIDRT_MAX_OUTPUT * sizeof(gridrt::batched_nms::Box) +
                      sizeof(gridrt::batched_nms::Memory<GRIDRT_THREADS>) <=
                  99 * 1024,
              "a block's shared memory on every GPU");
static_assert(GRIDRT_THREADS >= 64 && GRIDRT_THREADS <= 1024 && (GRIDRT_THREADS & (GRIDRT_THREADS - 1)) == 0,
              "whole warps, and halves of a sort");

extern "C" __global__ void __launch_bounds__(GRIDRT_THREADS, 1) gridrt_batched_nms(
    const gridrt::batched_nms::Box* boxes, const float* scores, const int* groups,
    int images, int rows, int columns,
    gridrt::batched_nms::Box* kept_boxes, float* kept_scores, int* kept_groups) {
    GRIDRT_SHARED_MEMORY(memory);
    const gridrt::batched_nms::Parameters parameters = {
        boxes, scores, groups, images, rows, columns,
        GRIDRT_IOU_THRESHOLD, GRIDRT_SCORE_THRESHOLD, GRIDRT_MAX_OUTPUT, GRIDRT_BUCKETS,
        kept_boxes, kept_scores, kept_groups};
    gridrt::batched_nms::select<GRIDRT_THREADS>(
        parameters, reinterpret_cast<gridrt::batched_nms::Box*>(memory));
}
