// A node's attributes between an op's struct and TensorRT's fields.
#pragma once

#include <NvInferRuntime.h>

#include <cstring>
#include <string>
#include <vector>

namespace gridrt {

// What TensorRT calls a C++ type, and how many of its values there are.
struct FieldKind {
    nvinfer1::PluginFieldType type;
    int count;
};

constexpr FieldKind kind_of(const int&) { return {nvinfer1::PluginFieldType::kINT32, 1}; }
constexpr FieldKind kind_of(const float&) { return {nvinfer1::PluginFieldType::kFLOAT32, 1}; }
template <int COUNT>
constexpr FieldKind kind_of(const int (&)[COUNT]) {
    return {nvinfer1::PluginFieldType::kINT32, COUNT};
}

// The attributes as fields, whose values stay where they are.
template <typename Attributes>
class Fields {
public:
    explicit Fields(Attributes& attributes) {
        attributes.visit([this](const char* name, auto& value) {
            const FieldKind kind = kind_of(value);
            fields_.emplace_back(name, &value, kind.type, kind.count);
        });
        collection_ = {static_cast<int32_t>(fields_.size()), fields_.data()};
    }
    Fields(const Fields&) = delete;

    const nvinfer1::PluginFieldCollection* collection() const { return &collection_; }

private:
    std::vector<nvinfer1::PluginField> fields_;
    nvinfer1::PluginFieldCollection collection_;
};

inline const nvinfer1::PluginField* field_of(const nvinfer1::PluginFieldCollection& fields, const char* name,
                                             const FieldKind& kind) {
    for (int i = 0; i < fields.nbFields; ++i) {
        const nvinfer1::PluginField& field = fields.fields[i];
        const bool fits = field.type == kind.type && field.length == kind.count && field.data != nullptr;
        if (std::strcmp(field.name, name) == 0) return fits ? &field : nullptr;
    }
    return nullptr;
}

// Take all attributes from the fields; the name of the first that is missing or of another kind, or nothing.
template <typename Attributes>
std::string read(const nvinfer1::PluginFieldCollection& fields, Attributes& attributes) {
    std::string missing;
    attributes.visit([&](const char* name, auto& value) {
        const nvinfer1::PluginField* field = field_of(fields, name, kind_of(value));
        if (field != nullptr) {
            std::memcpy(&value, field->data, sizeof value);
        } else if (missing.empty()) {
            missing = name;
        }
    });
    return missing;
}

}  // namespace gridrt
