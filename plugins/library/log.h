// Words to TensorRT's log.
#pragma once

#include <string>

namespace gridrt {

void log_error(const std::string& op, const std::string& problem);

}  // namespace gridrt
