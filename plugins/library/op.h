// What the library knows of an op, in words that are not TensorRT's: without it, and on a CPU, a test can ask and run it.
//
// An op states in `<folder>/plugin.cuh`, as `gridrt::<folder>::Op`:
//   NAME, INPUTS           as in its contract.py
//   HALF, CHANNELS_LAST    whether there is a kernel for features in half precision, and for the other layout
//   Attributes             a struct of numbers; visit(visitor) shows the visitor each with its name
//   outputs(attributes)
//   launch(attributes, variant, shapes)  as in its kernel.py
//   run(attributes, call)
//   problem(attributes), shape_problem(shapes)  a sentence on what no kernel takes, or nothing; rows may be unknown, -1
#pragma once

#include <string>
#include <vector>

#include "gridrt/half.h"
#include "gridrt/index.h"

struct CUstream_st;  // CUDA's, so that its headers are not needed

namespace gridrt {

using Stream = CUstream_st*;

enum class Element { FEATURE, FLOAT32, INT32 };  // FEATURE: of the precision that the op runs in

struct Input {
    Element element;
    int rank;
    bool is_map = false;  // a feature map [N, C, H, W], which may have its channels last
};

// A dimension of an output: that of an input along an axis, or a number if `input` is negative.
struct Dimension {
    int input;
    int number;  // the axis, if it is an input's
};

constexpr Dimension of_input(int input, int axis) { return {input, axis}; }
constexpr Dimension always(int number) { return {-1, number}; }

struct Output {
    Element element;
    std::vector<Dimension> shape;
    bool is_map = false;
};

// What one compiled kernel is made for.
struct Variant {
    bool half;
    bool channels_last;
};

struct Shape {
    int dims[4];  // of a feature map: N, C, H, W, whatever its layout

    int operator[](int axis) const { return dims[axis]; }
};

struct Launch {
    int grid[3];
    int threads;        // of a block, along x
    int shared_memory;  // dynamic bytes of a block
};

struct Call {
    Variant variant;
    const Shape* shapes;  // of the inputs
    const void* const* inputs;
    void* const* outputs;
    Stream stream;

    template <typename T>
    const T* input(int index) const {
        return static_cast<const T*>(inputs[index]);
    }

    template <typename T>
    T* output(int index) const {
        return static_cast<T*>(outputs[index]);
    }
};

// Launch a kernel; 0, or the number of CUDA's error.
template <typename Parameters>
int start(void (*kernel)(Parameters), const Launch& launch, const Parameters& parameters, Stream stream);

}  // namespace gridrt
