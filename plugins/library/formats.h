// Which types and layouts the tensors of an op may have together.
#pragma once

#include <NvInferRuntime.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "library/op.h"

namespace gridrt {

// An input or output where formats are concerned.
struct Tensor {
    Element element;
    bool is_map;
};

// Features are of one type, feature maps of one layout.
class Formats {
public:
    Formats(std::vector<Tensor> tensors, bool half, bool channels_last)
        : tensors_(std::move(tensors)), half_(half), channels_last_(channels_last) {}

    // Whether tensor `position` suits those before it.
    bool suit(int position, const nvinfer1::DynamicPluginTensorDesc* all) const {
        const nvinfer1::PluginTensorDesc& tensor = all[position].desc;
        return type_suits(position, tensor.type, all) && layout_suits(position, tensor, all);
    }

    // The precision and layout of the tensors; they must suit.
    Variant variant(const nvinfer1::PluginTensorDesc* inputs) const {
        const int feature = first([](const Tensor& tensor) { return tensor.element == Element::FEATURE; });
        const int map = first([](const Tensor& tensor) { return tensor.is_map; });
        return {feature < size() && inputs[feature].type == nvinfer1::DataType::kHALF,
                map < size() && inputs[map].format != nvinfer1::TensorFormat::kLINEAR};
    }

private:
    int size() const { return static_cast<int>(tensors_.size()); }

    template <typename Predicate>
    int first(Predicate predicate) const {
        return static_cast<int>(std::find_if(tensors_.begin(), tensors_.end(), predicate) - tensors_.begin());
    }

    bool type_suits(int position, nvinfer1::DataType type, const nvinfer1::DynamicPluginTensorDesc* all) const {
        if (tensors_[position].element == Element::INT32) return type == nvinfer1::DataType::kINT32;
        if (tensors_[position].element == Element::FLOAT32) return type == nvinfer1::DataType::kFLOAT;
        const int leader = first([](const Tensor& tensor) { return tensor.element == Element::FEATURE; });
        if (position > leader) return type == all[leader].desc.type;
        return type == nvinfer1::DataType::kFLOAT || (half_ && type == nvinfer1::DataType::kHALF);
    }

    bool layout_suits(int position, const nvinfer1::PluginTensorDesc& tensor,
                      const nvinfer1::DynamicPluginTensorDesc* all) const {
        const bool linear = tensor.format == nvinfer1::TensorFormat::kLINEAR;
        if (!tensors_[position].is_map) return linear;
        const int leader = first([](const Tensor& other) { return other.is_map; });
        if (position > leader && tensor.format != all[leader].desc.format) return false;
        return linear || (channels_last_ && is_channels_last(tensor));
    }

    // Channels of the format for halves are padded to 16 bytes in memory, which the kernels do not know of.
    static bool is_channels_last(const nvinfer1::PluginTensorDesc& tensor) {
        const bool half = tensor.type == nvinfer1::DataType::kHALF;
        const auto channels = tensor.dims.d[1];
        return tensor.format == (half ? nvinfer1::TensorFormat::kHWC8 : nvinfer1::TensorFormat::kHWC) && channels > 0 &&
               channels % (half ? 8 : 4) == 0;
    }

    std::vector<Tensor> tensors_;
    bool half_;
    bool channels_last_;
};

template <typename Op>
Formats formats_of(const typename Op::Attributes& attributes) {
    std::vector<Tensor> tensors;
    for (const Input& input : Op::INPUTS) tensors.push_back({input.element, input.is_map});
    for (const Output& output : Op::outputs(attributes)) tensors.push_back({output.element, output.is_map});
    return Formats(std::move(tensors), Op::HALF, Op::CHANNELS_LAST);
}

}  // namespace gridrt
