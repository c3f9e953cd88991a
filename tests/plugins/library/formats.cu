// Which types and layouts the library lets an op's tensors have.
// Compiled with -DGRIDRT_OP=<folder> -DGRIDRT_OP_HEADER="<folder>/plugin.cuh".
#include GRIDRT_OP_HEADER

#include "library/formats.h"

using gridrt::GRIDRT_OP::Op;

// Whether the tensor at `position` suits those before it; types and layouts are TensorRT's numbers, and each tensor has
// so many channels.
extern "C" bool suits(int position, const int* types, const int* layouts, const int* channels) {
    std::vector<nvinfer1::DynamicPluginTensorDesc> all(position + 1);
    for (int i = 0; i <= position; ++i) {
        all[i].desc.type = static_cast<nvinfer1::DataType>(types[i]);
        all[i].desc.format = static_cast<nvinfer1::TensorFormat>(layouts[i]);
        all[i].desc.dims = {4, {1, channels[i], 7, 7}};
    }
    return gridrt::formats_of<Op>({}).suit(position, all.data());
}
