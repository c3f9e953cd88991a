// One kernel as a shared library. Compiled with -DENTRY="<path>" -DSYMBOL=<entry point> and the kernel's own macros.
#include "cuda_on_host.h"
// The kernel's source comes after what it runs on.
#include ENTRY

extern "C" __attribute__((visibility("default"))) int run_kernel(const unsigned int* grid, unsigned int threads,
                                                                 size_t shared_bytes, void** arguments,
                                                                 int backwards) {
    return cuda_on_host::launch(SYMBOL, {grid[0], grid[1], grid[2]}, threads, shared_bytes, arguments, backwards != 0);
}
