// One op of the library, compiled once for each with -DGRIDRT_OP=<folder> -DGRIDRT_OP_HEADER="<folder>/plugin.cuh".
#include GRIDRT_OP_HEADER

#include "library/creator.h"
#include "library/library.h"

namespace gridrt {

template <typename Parameters>
int start(void (*kernel)(Parameters), const Launch& launch, const Parameters& parameters, Stream stream) {
    const void* function = reinterpret_cast<const void*>(kernel);
    // What a block takes beyond 48 KB, static memory included, has to be asked for.
    const int error =
        cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, launch.shared_memory);
    if (error != 0) return error;
    void* arguments[] = {const_cast<Parameters*>(&parameters)};
    const dim3 grid(launch.grid[0], launch.grid[1], launch.grid[2]);
    return cudaLaunchKernel(function, grid, dim3(launch.threads), arguments, launch.shared_memory, stream);
}

namespace {

Creator<GRIDRT_OP::Op> creator;
const bool offered = (offer(&creator), true);

}  // namespace
}  // namespace gridrt
