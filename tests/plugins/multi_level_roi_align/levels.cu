#include "multi_level_roi_align/arithmetic.h"

extern "C" __global__ void levels(const float* boxes, int count, int* out) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const float* box = boxes + 4 * i;
        out[i] = gridrt::roi_align::level_of(box[0], box[1], box[2], box[3]);
    }
}
