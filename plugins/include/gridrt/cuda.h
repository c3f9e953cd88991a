// What lets one text be compiled by nvcc, by NVRTC (which has no host headers) and by a plain C++ compiler.
#pragma once

#if defined(__CUDACC__)
#define GRIDRT_HOST_DEVICE __host__ __device__ __forceinline__
#define GRIDRT_DEVICE __device__ __forceinline__
// A block's dynamic shared memory, aligned for 16-byte accesses.
#define GRIDRT_SHARED_MEMORY(name) extern __shared__ __align__(16) unsigned char name[]
#define GRIDRT_PRAGMA(text) _Pragma(#text)
#define GRIDRT_UNROLL(times) GRIDRT_PRAGMA(unroll times)
#else
#include <math.h>  // CUDA has floorf and its kin without a header

#define GRIDRT_HOST_DEVICE inline
#define GRIDRT_UNROLL(times)
#endif
