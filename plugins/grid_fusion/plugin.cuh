// `gridrt::GridFusion` for the library of TensorRT plugins; see library/op.h.
#pragma once

#include "grid_fusion/kernel.cuh"
#include "library/op.h"

namespace gridrt {
namespace grid_fusion {

template <typename T, bool CHANNELS_LAST>
__global__ void __launch_bounds__(THREADS, BLOCKS) fuse_kernel(Parameters<T> parameters) {
    GRIDRT_SHARED_MEMORY(memory);
    fuse<T, CHANNELS_LAST>(parameters, memory);
}

struct Op {
    static constexpr const char* NAME = "GridFusion";
    static constexpr bool HALF = true;
    static constexpr bool CHANNELS_LAST = true;
    static constexpr Input CONVOLUTION = {Element::FEATURE, 4};
    static constexpr Input BIAS = {Element::FEATURE, 1};
    static constexpr Input INPUTS[] = {{Element::FEATURE, 4, true},
                                       CONVOLUTION, BIAS, CONVOLUTION, BIAS,   // first order
                                       CONVOLUTION, BIAS, CONVOLUTION, BIAS};  // second order

    struct Attributes {
        template <typename Visitor>
        void visit(Visitor) {}
    };

    static const char* problem(const Attributes&) { return ""; }

    static const char* shape_problem(const Shape* shapes) {
        const Shape& features = shapes[0];
        const int channels = features[1] / POINTS;
        const bool channels_fit =
            features[1] == channels * POINTS && channels > 0 && channels % 16 == 0 && channels <= MAX_CHANNELS;
        const bool side_fits = features[2] == features[3] && features[2] > 0 && features[2] <= MAX_SIDE;
        return channels_fit && side_fits ? "" : "features must have 16, 32, 48 or 64 channels for each point, "
                                                "and be squares of 1 to 7 cells a side";
    }

    static std::vector<Output> outputs(const Attributes&) {
        return {{Element::FEATURE, {of_input(0, 0), of_input(0, 1), of_input(0, 2), of_input(0, 3)}, true}};
    }

    static Launch launch(const Attributes&, const Variant& variant, const Shape* shapes) {
        const int memory = variant.half ? memory_of<half>(shapes[0]) : memory_of<float>(shapes[0]);
        return {{larger(shapes[0][0], 1), 2, 1}, THREADS, memory};
    }

    static int run(const Attributes& attributes, const Call& call) {
        if (call.variant.half) return run_with<half>(attributes, call);
        return run_with<float>(attributes, call);
    }

private:
    // Bytes of a block; Memory divides them.
    template <typename T>
    static int memory_of(const Shape& features) {
        const int channels = features[1] / POINTS;
        const int map = channels * features[2] * features[2];
        const int sources = Memory<T>::IN_PLACE ? 0 : map;
        const int of_team = channels * Spread<T>::channel_size(features[2]) + sources + channels * TAPS * TAPS;
        return static_cast<int>(sizeof(T)) * (MOST_OF_ONE_COLOUR * map + TEAMS * of_team);
    }

    template <typename T>
    static Weights<T> weights_of_order(const Call& call, int order) {
        const int first = 1 + 4 * order;
        return {call.input<T>(first), call.input<T>(first + 1), call.input<T>(first + 2), call.input<T>(first + 3)};
    }

    template <typename T>
    static int run_with(const Attributes& attributes, const Call& call) {
        const Shape& features = call.shapes[0];
        const Parameters<T> parameters = {
            call.input<T>(0), weights_of_order<T>(call, 0), weights_of_order<T>(call, 1),
            features[0], features[1] / POINTS, features[2], call.output<T>(0)};
        const auto kernel = call.variant.channels_last ? fuse_kernel<T, true> : fuse_kernel<T, false>;
        return start(kernel, launch(attributes, call.variant, call.shapes), parameters, call.stream);
    }
};

}  // namespace grid_fusion
}  // namespace gridrt
