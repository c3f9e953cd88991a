// What TensorRT calls in a library of plugins.
#include "library/library.h"

#include <NvInferRuntime.h>

#include <vector>

#include "library/log.h"

static_assert(NV_TENSORRT_MAJOR >= 10, "plugins of this kind came with TensorRT 10");

namespace gridrt {

namespace {

nvinfer1::ILoggerFinder* logger_finder = nullptr;

// Ops offer themselves while the library is being loaded, in whatever order.
std::vector<nvinfer1::IPluginCreatorInterface*>& creators() {
    static std::vector<nvinfer1::IPluginCreatorInterface*> all;
    return all;
}

}  // namespace

void offer(nvinfer1::IPluginCreatorInterface* creator) { creators().push_back(creator); }

void log_error(const std::string& op, const std::string& problem) {
    nvinfer1::ILogger* logger = logger_finder == nullptr ? nullptr : logger_finder->findLogger();
    if (logger != nullptr) logger->log(nvinfer1::ILogger::Severity::kERROR, ("gridrt::" + op + ": " + problem).c_str());
}

}  // namespace gridrt

extern "C" __attribute__((visibility("default"))) void setLoggerFinder(nvinfer1::ILoggerFinder* finder) {
    gridrt::logger_finder = finder;
}

extern "C" __attribute__((visibility("default"))) nvinfer1::IPluginCreatorInterface* const* getCreators(
    int32_t& count) {
    count = static_cast<int32_t>(gridrt::creators().size());
    return gridrt::creators().data();
}
