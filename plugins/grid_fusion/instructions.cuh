// Instructions of a GPU that CUDA C++ has no function for, by their names in PTX.
//
// Those that threads have in common, whoever runs a kernel on a host brings along, as the barriers.
#pragma once

#include "gridrt/half.h"

namespace gridrt {
namespace grid_fusion {

#if defined(__CUDACC__)

// The same number, of which the compiler knows nothing. What follows from it is worked out anew where it is needed;
// otherwise it would be kept in registers throughout a loop that has better use for them.
GRIDRT_DEVICE int opaque(int number) {
    asm volatile("" : "+r"(number));
    return number;
}

GRIDRT_DEVICE unsigned int shared_address(const void* address) {
    unsigned int shared;
    asm("{ .reg .u64 wide; cvta.to.shared.u64 wide, %1; cvt.u32.u64 %0, wide; }" : "=r"(shared) : "l"(address));
    return shared;
}

// Begins to copy 16 bytes from global to shared memory; they are there after `cp_async_wait_all`, for this thread.
GRIDRT_DEVICE void cp_async(void* shared, const void* global) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(shared_address(shared)), "l"(global) : "memory");
}

GRIDRT_DEVICE void cp_async_wait_all() { asm volatile("cp.async.wait_all;" : : : "memory"); }

// 8 bytes of global memory that no one writes.
GRIDRT_DEVICE void ld_global_v2(const void* address, unsigned int& first, unsigned int& second) {
    asm("ld.global.nc.v2.u32 {%0, %1}, [%2];" : "=r"(first), "=r"(second) : "l"(address));
}

// 16 bytes to shared memory.
GRIDRT_DEVICE void st_shared_v4(void* address, const unsigned int (&words)[4]) {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};"
                 :
                 : "r"(shared_address(address)), "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
                 : "memory");
}

// Two 8 x 8 matrices of halves, transposed: a lane names a row, of the first in lanes 0 to 7, of the second in 8 to 15.
GRIDRT_DEVICE void ldmatrix_x2_trans(unsigned int (&matrices)[2], const half* row, int offset) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(matrices[0]), "=r"(matrices[1])
                 : "r"(shared_address(row) + offset * static_cast<int>(sizeof(half)))
                 : "memory");
}

// sums [16, 8] += a [16, 16] * b [16, 8], spread over a warp.
GRIDRT_DEVICE void mma_m16n8k16(float (&sums)[4], const unsigned int (&a)[4], const unsigned int (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#else

using cuda_on_host::cp_async;
using cuda_on_host::cp_async_wait_all;
using cuda_on_host::mma_m16n8k16;

GRIDRT_DEVICE int opaque(int number) { return number; }

GRIDRT_DEVICE void ld_global_v2(const void* address, unsigned int& first, unsigned int& second) {
    first = static_cast<const unsigned int*>(address)[0];
    second = static_cast<const unsigned int*>(address)[1];
}

GRIDRT_DEVICE void st_shared_v4(void* address, const unsigned int (&words)[4]) {
    __builtin_memcpy(address, words, sizeof words);
}

GRIDRT_DEVICE void ldmatrix_x2_trans(unsigned int (&matrices)[2], const half* row, int offset) {
    cuda_on_host::ldmatrix_x2_trans(matrices, row + offset);
}

#endif

}  // namespace grid_fusion
}  // namespace gridrt
