// One op of the library on the CPU: what it states, and its kernels launched as it launches them.
// Compiled with -DGRIDRT_OP=<folder> -DGRIDRT_OP_HEADER="<folder>/plugin.cuh".
#include "cuda_on_host.h"
// The op comes after what it runs on.
#include GRIDRT_OP_HEADER

#include <sstream>

#define GRIDRT_EXPORT extern "C" __attribute__((visibility("default")))

using gridrt::GRIDRT_OP::Op;

namespace gridrt {

template <typename Parameters>
int start(void (*kernel)(Parameters), const Launch& launch, const Parameters& parameters, Stream) {
    void* arguments[] = {const_cast<Parameters*>(&parameters)};
    const dim3 grid = {static_cast<unsigned int>(launch.grid[0]), static_cast<unsigned int>(launch.grid[1]),
                       static_cast<unsigned int>(launch.grid[2])};
    return cuda_on_host::launch(kernel, grid, launch.threads, launch.shared_memory, arguments, false);
}

namespace {

// Takes values from a list, in the order of the attributes.
struct Reader {
    const double* next;

    template <typename Number>
    void read(Number& value) {
        value = static_cast<Number>(*next++);
    }
    template <int COUNT>
    void read(int (&values)[COUNT]) {
        for (int& value : values) value = static_cast<int>(*next++);
    }
};

Op::Attributes attributes_of(const double* values) {
    Op::Attributes attributes;
    Reader reader = {values};
    attributes.visit([&](const char*, auto& value) { reader.read(value); });
    return attributes;
}

inline const char* kind_of(const int&) { return "int"; }
inline const char* kind_of(const float&) { return "float"; }
template <int COUNT>
const char* kind_of(const int (&)[COUNT]) {
    return "ints";
}

const char* name_of(Element element) {
    return element == Element::FEATURE ? "feature" : element == Element::FLOAT32 ? "float32" : "int32";
}

// Everything that the op states, in words and numbers, a line for each thing.
std::string description(Op::Attributes attributes, const Shape* shapes, const Variant& variant) {
    std::ostringstream text;
    text << Op::NAME << "\nhalf " << Op::HALF << "\nchannels last " << Op::CHANNELS_LAST;
    for (const Input& input : Op::INPUTS) {
        text << "\ninput " << name_of(input.element) << " map " << input.is_map << " rank " << input.rank;
    }
    for (const Output& output : Op::outputs(attributes)) {
        text << "\noutput " << name_of(output.element) << " map " << output.is_map << " shape";
        for (const Dimension& size : output.shape) {
            text << " " << (size.input < 0 ? size.number : shapes[size.input][size.number]);
        }
    }
    attributes.visit([&](const char* name, auto& value) { text << "\nattribute " << name << " " << kind_of(value); });
    const Launch launch = Op::launch(attributes, variant, shapes);
    text << "\ngrid " << launch.grid[0] << " " << launch.grid[1] << " " << launch.grid[2];
    text << "\nthreads " << launch.threads << "\nshared memory " << launch.shared_memory;
    return text.str();
}

}  // namespace
}  // namespace gridrt

GRIDRT_EXPORT const char* describe(const double* values, const gridrt::Shape* shapes, int half, int channels_last) {
    static std::string text;
    text = gridrt::description(gridrt::attributes_of(values), shapes, {half != 0, channels_last != 0});
    return text.c_str();
}

GRIDRT_EXPORT const char* problem(const double* values) { return Op::problem(gridrt::attributes_of(values)); }

GRIDRT_EXPORT const char* shape_problem(const gridrt::Shape* shapes) { return Op::shape_problem(shapes); }

GRIDRT_EXPORT int run(const double* values, const gridrt::Shape* shapes, int half, int channels_last,
                      const void* const* inputs, void* const* outputs) {
    return Op::run(gridrt::attributes_of(values), {{half != 0, channels_last != 0}, shapes, inputs, outputs, nullptr});
}
