// `gridrt::BatchedNms` for the library of TensorRT plugins; see library/op.h.
#pragma once

#include "batched_nms/kernel.cuh"
#include "library/op.h"

namespace gridrt {
namespace batched_nms {

constexpr int THREADS = 1024;
constexpr int KEPT = 80 * 1024;  // bytes that kept boxes may take

__global__ void __launch_bounds__(THREADS, 1) select_kernel(Parameters parameters) {
    GRIDRT_SHARED_MEMORY(memory);
    select<THREADS>(parameters, reinterpret_cast<Box*>(memory));
}

struct Op {
    static constexpr const char* NAME = "BatchedNms";
    static constexpr bool HALF = false;
    static constexpr bool CHANNELS_LAST = false;
    static constexpr Input INPUTS[] = {{Element::FLOAT32, 3}, {Element::FLOAT32, 3}, {Element::INT32, 1}};

    struct Attributes {
        float iou_threshold;
        float score_threshold;
        int max_output;

        template <typename Visitor>
        void visit(Visitor visitor) {
            visitor("iou_threshold", iou_threshold);
            visitor("score_threshold", score_threshold);
            visitor("max_output", max_output);
        }
    };

    static const char* problem(const Attributes& attributes) {
        if (!(attributes.iou_threshold >= 0)) return "iou_threshold must be at least 0";
        const bool fits = attributes.max_output >= 1 && buckets_of(attributes) >= 1;
        return fits ? "" : "max_output must be from 1 to 5120";
    }

    static const char* shape_problem(const Shape*) { return ""; }

    static std::vector<Output> outputs(const Attributes& attributes) {
        const Dimension images = of_input(0, 0);
        const Dimension rows = always(attributes.max_output);
        return {{Element::FLOAT32, {images, rows, always(4)}},
                {Element::FLOAT32, {images, rows}},
                {Element::INT32, {images, rows}}};
    }

    static Launch launch(const Attributes& attributes, const Variant&, const Shape* shapes) {
        const int kept = attributes.max_output * buckets_of(attributes) * static_cast<int>(sizeof(Box));
        return {{larger(shapes[0][0], 1), 1, 1}, THREADS, kept};
    }

    static int run(const Attributes& attributes, const Call& call) {
        const Parameters parameters = {
            call.input<Box>(0), call.input<float>(1), call.input<int>(2),
            call.shapes[0][0], call.shapes[0][1], call.shapes[1][2],
            attributes.iou_threshold, attributes.score_threshold, attributes.max_output, buckets_of(attributes),
            call.output<Box>(0), call.output<float>(1), call.output<int>(2)};
        return start(select_kernel, launch(attributes, call.variant, call.shapes), parameters, call.stream);
    }

private:
    static int buckets_of(const Attributes& attributes) {
        return smaller(KEPT / (static_cast<int>(sizeof(Box)) * attributes.max_output), MOST_BUCKETS);
    }
};

}  // namespace batched_nms
}  // namespace gridrt
