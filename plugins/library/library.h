// The ops that the library has been built with.
#pragma once

#include <NvInferRuntime.h>

namespace gridrt {

// Make the registry offer an op; before the library is asked for its creators.
void offer(nvinfer1::IPluginCreatorInterface* creator);

}  // namespace gridrt
