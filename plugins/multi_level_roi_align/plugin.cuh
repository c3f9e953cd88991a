// `gridrt::MultiLevelRoiAlign` for the library of TensorRT plugins; see library/op.h.
#pragma once

#include "library/op.h"
#include "multi_level_roi_align/kernel.cuh"

namespace gridrt {
namespace multi_level_roi_align {

using namespace roi_align;

template <typename T, bool CHANNELS_LAST, int GROUP>
__global__ void __launch_bounds__(THREADS, BLOCKS) pool_kernel(Parameters<T> parameters) {
    GRIDRT_SHARED_MEMORY(memory);
    pool<T, CHANNELS_LAST, GROUP>(parameters, memory);
}

struct Op {
    static constexpr const char* NAME = "MultiLevelRoiAlign";
    static constexpr bool HALF = true;
    static constexpr bool CHANNELS_LAST = true;
    static constexpr Input MAP = {Element::FEATURE, 4, true};
    static constexpr Input INPUTS[] = {MAP, MAP, MAP, MAP, {Element::FLOAT32, 2}};
    static constexpr int ROIS = LEVELS;

    struct Attributes {
        int output_size;
        int strides[LEVELS];

        template <typename Visitor>
        void visit(Visitor visitor) {
            visitor("output_size", output_size);
            visitor("strides", strides);
        }
    };

    static const char* problem(const Attributes& attributes) {
        const bool fits = attributes.output_size >= 1 && attributes.output_size <= WARP;
        return fits ? "" : "output_size must be from 1 to 32";
    }

    static const char* shape_problem(const Shape*) { return ""; }

    static std::vector<Output> outputs(const Attributes& attributes) {
        const Dimension side = always(attributes.output_size);
        return {{Element::FEATURE, {of_input(ROIS, 0), of_input(0, 1), side, side}, true}};
    }

    static Launch launch(const Attributes& attributes, const Variant&, const Shape* shapes) {
        int height = 0;
        int width = 0;
        for (int level = 0; level < LEVELS; ++level) {
            height = larger(height, shapes[level][2]);
            width = larger(width, shapes[level][3]);
        }
        const int bins = attributes.output_size;
        const int words = 4 * bins + slots_of(bins, height) + slots_of(bins, width);  // as axis_table takes them
        const int row_groups = ceil_div(bins, rows_of(bins));
        return {{larger(shapes[ROIS][0], 1), ceil_div(shapes[0][1], CHANNELS), row_groups}, THREADS, 4 * words};
    }

    static int run(const Attributes& attributes, const Call& call) {
        if (call.variant.half) return run_with<half>(attributes, call);
        return run_with<float>(attributes, call);
    }

private:
    template <typename T>
    static int run_with(const Attributes& attributes, const Call& call) {
        Parameters<T> parameters = {};
        for (int level = 0; level < LEVELS; ++level) {
            const Shape& shape = call.shapes[level];
            parameters.levels[level] = {call.input<T>(level), shape[2], shape[3], attributes.strides[level]};
        }
        parameters.rois = call.input<float>(ROIS);
        parameters.roi_count = call.shapes[ROIS][0];
        parameters.channels = call.shapes[0][1];
        parameters.bins = attributes.output_size;
        parameters.pooled = call.output<T>(0);
        const bool last = call.variant.channels_last;
        const auto kernel = last ? kernel_of<T, true>(parameters.bins) : kernel_of<T, false>(parameters.bins);
        return start(kernel, launch(attributes, call.variant, call.shapes), parameters, call.stream);
    }

    template <typename T, bool CHANNELS_LAST>
    static auto kernel_of(int bins) {
        if (group_of(bins) == 4) return pool_kernel<T, CHANNELS_LAST, 4>;
        if (group_of(bins) == 2) return pool_kernel<T, CHANNELS_LAST, 2>;
        return pool_kernel<T, CHANNELS_LAST, 1>;
    }
};

}  // namespace multi_level_roi_align
}  // namespace gridrt
