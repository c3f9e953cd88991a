// Any op as a plugin of TensorRT 10 and later.
#pragma once

#include <NvInferRuntime.h>
#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "library/attributes.h"
#include "library/formats.h"
#include "library/log.h"
#include "library/op.h"

namespace gridrt {

constexpr const char* VERSION = "1";
constexpr const char* NAMESPACE = "gridrt";

template <typename Op>
class Plugin final : public nvinfer1::IPluginV3,
                     public nvinfer1::IPluginV3OneCore,
                     public nvinfer1::IPluginV3OneBuild,
                     public nvinfer1::IPluginV3OneRuntime {
public:
    using Attributes = typename Op::Attributes;

    explicit Plugin(const Attributes& attributes)
        : attributes_(attributes),
          fields_(attributes_),
          outputs_(Op::outputs(attributes)),
          formats_(formats_of<Op>(attributes)) {}

    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override {
        switch (type) {
            case nvinfer1::PluginCapabilityType::kCORE: return static_cast<nvinfer1::IPluginV3OneCore*>(this);
            case nvinfer1::PluginCapabilityType::kBUILD: return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
            case nvinfer1::PluginCapabilityType::kRUNTIME: return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
        }
        return nullptr;
    }

    Plugin* clone() noexcept override { return new Plugin(attributes_); }

    // Core

    const char* getPluginName() const noexcept override { return Op::NAME; }
    const char* getPluginVersion() const noexcept override { return VERSION; }
    const char* getPluginNamespace() const noexcept override { return NAMESPACE; }

    // Build

    int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs_.size()); }

    int32_t getOutputDataTypes(nvinfer1::DataType* types, int32_t, const nvinfer1::DataType* inputs,
                               int32_t) const noexcept override {
        for (size_t i = 0; i < outputs_.size(); ++i) types[i] = type_of(outputs_[i].element, inputs);
        return 0;
    }

    int32_t getOutputShapes(const nvinfer1::DimsExprs* inputs, int32_t count, const nvinfer1::DimsExprs*, int32_t,
                            nvinfer1::DimsExprs* outputs, int32_t, nvinfer1::IExprBuilder& builder) noexcept override {
        if (!are_the_inputs(inputs, count)) return -1;
        for (size_t i = 0; i < outputs_.size(); ++i) {
            const std::vector<Dimension>& shape = outputs_[i].shape;
            outputs[i].nbDims = static_cast<int32_t>(shape.size());
            for (size_t axis = 0; axis < shape.size(); ++axis) {
                const Dimension& size = shape[axis];
                outputs[i].d[axis] = size.input < 0 ? builder.constant(size.number) : inputs[size.input].d[size.number];
            }
        }
        return 0;
    }

    bool supportsFormatCombination(int32_t position, const nvinfer1::DynamicPluginTensorDesc* all, int32_t,
                                   int32_t) noexcept override {
        return formats_.suit(position, all);
    }

    int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* inputs, int32_t,
                            const nvinfer1::DynamicPluginTensorDesc*, int32_t) noexcept override {
        Shape shapes[INPUTS];
        for (int i = 0; i < INPUTS; ++i) shapes[i] = shape_of(inputs[i].desc.dims);
        const std::string problem = Op::shape_problem(shapes);
        if (!problem.empty()) log_error(Op::NAME, problem);
        return problem.empty() ? 0 : -1;
    }

    // Runtime

    int32_t onShapeChange(const nvinfer1::PluginTensorDesc*, int32_t, const nvinfer1::PluginTensorDesc*,
                          int32_t) noexcept override {
        return 0;
    }

    int32_t enqueue(const nvinfer1::PluginTensorDesc* described, const nvinfer1::PluginTensorDesc*,
                    const void* const* inputs, void* const* outputs, void*, cudaStream_t stream) noexcept override {
        Shape shapes[INPUTS];
        for (int i = 0; i < INPUTS; ++i) shapes[i] = shape_of(described[i].dims);
        const int error = Op::run(attributes_, {formats_.variant(described), shapes, inputs, outputs, stream});
        if (error != 0) log_error(Op::NAME, cudaGetErrorString(static_cast<cudaError_t>(error)));
        return error;
    }

    Plugin* attachToContext(nvinfer1::IPluginResourceContext*) noexcept override { return clone(); }

    const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override { return fields_.collection(); }

private:
    static constexpr int INPUTS = sizeof Op::INPUTS / sizeof Op::INPUTS[0];

    static Shape shape_of(const nvinfer1::Dims& dims) {
        Shape shape = {};
        for (int axis = 0; axis < dims.nbDims; ++axis) shape.dims[axis] = static_cast<int>(dims.d[axis]);
        return shape;
    }

    static nvinfer1::DataType type_of(Element element, const nvinfer1::DataType* inputs) {
        if (element == Element::INT32) return nvinfer1::DataType::kINT32;
        if (element == Element::FLOAT32) return nvinfer1::DataType::kFLOAT;
        int feature = 0;
        while (Op::INPUTS[feature].element != Element::FEATURE) ++feature;
        return inputs[feature];
    }

    static bool are_the_inputs(const nvinfer1::DimsExprs* inputs, int count) {
        bool same = count == INPUTS;
        for (int i = 0; same && i < count; ++i) same = inputs[i].nbDims == Op::INPUTS[i].rank;
        if (!same) log_error(Op::NAME, "the number of inputs, or of their dimensions, is another than the op's");
        return same;
    }

    Attributes attributes_;
    Fields<Attributes> fields_;
    std::vector<Output> outputs_;
    Formats formats_;
};

}  // namespace gridrt
