// What makes plugins of an op, for TensorRT's registry.
#pragma once

#include "library/plugin.h"

namespace gridrt {

template <typename Op>
class Creator final : public nvinfer1::IPluginCreatorV3One {
public:
    const char* getPluginName() const noexcept override { return Op::NAME; }
    const char* getPluginVersion() const noexcept override { return VERSION; }
    const char* getPluginNamespace() const noexcept override { return NAMESPACE; }

    const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override { return fields_.collection(); }

    // From the attributes of a node, and from what an engine has kept of them.
    nvinfer1::IPluginV3* createPlugin(const char*, const nvinfer1::PluginFieldCollection* fields,
                                      nvinfer1::TensorRTPhase) noexcept override {
        typename Op::Attributes attributes;
        const std::string missing = read(*fields, attributes);
        const std::string problem =
            missing.empty() ? Op::problem(attributes) : "the attribute " + missing + " is missing, or of another kind";
        if (problem.empty()) return new Plugin<Op>(attributes);
        log_error(Op::NAME, problem);
        return nullptr;
    }

private:
    typename Op::Attributes attributes_ = {};
    Fields<typename Op::Attributes> fields_{attributes_};
};

}  // namespace gridrt
