// Enough of CUDA C++ for g++ to run a kernel: the threads of a block are fibres that take turns at barriers.
//
// It is included before a kernel's source. Blocks run one after another, and so do the warps of a block, and the threads
// of a warp, each up to the next barrier that stops it; in their order, or all in reverse. A barrier that is missing or
// too weak shows as another result in one of the two.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

// <functional> and <memory> would take half of the time that a kernel takes to compile.
#include <cstdint>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static  // blocks run one at a time
#define __launch_bounds__(...)
#define GRIDRT_DEVICE inline
#define GRIDRT_SHARED_MEMORY(name) unsigned char* const name = cuda_on_host::block.shared_memory

struct dim3 {
    unsigned int x, y, z;
};

inline dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace cuda_on_host {

enum class State { READY, AT_WARP_BARRIER, AT_BLOCK_BARRIER, DONE };

struct Fibre {
    static constexpr size_t STACK = 256 * 1024;
    char* stack;
    ucontext_t start;
    jmp_buf resume;
    bool started;
    State state;
};

struct Block {
    unsigned char* shared_memory = nullptr;
    std::vector<Fibre> fibres;
    char* stacks = nullptr;  // of all fibres
    Fibre* current = nullptr;
    ucontext_t scheduler_start;
    jmp_buf scheduler;
    void (*kernel)(void* call);
    void* call;
    uint64_t exchanged[1024];  // what threads show each other, by thread
};

inline Block block;

inline void make_fibres(size_t threads) {
    if (block.fibres.size() == threads) return;
    delete[] block.stacks;
    block.stacks = new char[threads * Fibre::STACK];
    block.fibres = std::vector<Fibre>(threads);
    for (size_t i = 0; i < threads; ++i) block.fibres[i].stack = block.stacks + i * Fibre::STACK;
}

inline void run_kernel() {
    block.kernel(block.call);
    block.current->state = State::DONE;
    _longjmp(block.scheduler, 1);
}

// Go on with a fibre until it waits or ends.
inline void resume(Fibre& fibre, unsigned int thread) {
    block.current = &fibre;
    threadIdx = {thread, 0, 0};
    if (_setjmp(block.scheduler) != 0) return;
    if (fibre.started) _longjmp(fibre.resume, 1);
    fibre.started = true;
    getcontext(&fibre.start);
    fibre.start.uc_stack.ss_sp = fibre.stack;
    fibre.start.uc_stack.ss_size = Fibre::STACK;
    fibre.start.uc_link = nullptr;
    makecontext(&fibre.start, run_kernel, 0);
    swapcontext(&block.scheduler_start, &fibre.start);
}

inline void wait(State barrier) {
    block.current->state = barrier;
    if (_setjmp(block.current->resume) == 0) _longjmp(block.scheduler, 1);
}

// Free the threads [first, end) if all that still run wait at this barrier; tells whether any did.
inline bool release(State barrier, size_t first, size_t end) {
    bool waiting = false;
    for (size_t i = first; i < end; ++i) {
        if (block.fibres[i].state == State::DONE) continue;
        if (block.fibres[i].state != barrier) return false;
        waiting = true;
    }
    for (size_t i = first; waiting && i < end; ++i) {
        if (block.fibres[i].state == barrier) block.fibres[i].state = State::READY;
    }
    return waiting;
}

// Let the threads [first, end) of a warp go on until they are done, or wait for the other warps.
inline void run_warp(size_t first, size_t end, bool backwards) {
    do {
        for (size_t i = 0; i < end - first; ++i) {
            const size_t thread = backwards ? end - 1 - i : first + i;
            if (block.fibres[thread].state == State::READY) resume(block.fibres[thread], thread);
        }
    } while (release(State::AT_WARP_BARRIER, first, end));
}

// Run one block, each warp as far as it gets; false if its threads wait for each other for ever.
inline bool run_block(bool backwards) {
    const size_t threads = block.fibres.size();
    const size_t warps = (threads + 31) / 32;
    for (Fibre& fibre : block.fibres) {
        fibre.started = false;
        fibre.state = State::READY;
    }
    do {
        for (size_t i = 0; i < warps; ++i) {
            const size_t warp = backwards ? warps - 1 - i : i;
            run_warp(32 * warp, 32 * warp + 32 < threads ? 32 * warp + 32 : threads, backwards);
        }
    } while (release(State::AT_BLOCK_BARRIER, 0, threads));
    for (const Fibre& fibre : block.fibres) {
        if (fibre.state != State::DONE) return false;
    }
    return true;
}

enum Result { FINISHED = 0, DEADLOCK = 1, SHARED_MEMORY_OVERRUN = 2, FOREIGN_MEMORY = 3 };

inline sigjmp_buf fault;

// While it lives, touching memory that may not be touched ends the launch, not the process.
struct FaultHandler {
    struct sigaction former;

    FaultHandler() {
        struct sigaction handler = {};
        handler.sa_handler = [](int) { siglongjmp(fault, 1); };
        sigaction(SIGSEGV, &handler, &former);
    }
    ~FaultHandler() { sigaction(SIGSEGV, &former, nullptr); }
};

// As cuLaunchKernel: `arguments` holds a pointer to each. Shared memory starts as NaNs, and has a guard behind it.
template <typename... Parameters, size_t... I>
int launch(void (*kernel)(Parameters...), dim3 grid, unsigned int threads, size_t shared_bytes, void** arguments,
           bool backwards, std::index_sequence<I...>) {
    constexpr size_t GUARD = 256;
    std::vector<uint64_t> shared((shared_bytes + GUARD) / 8 + 2);
    auto* memory = reinterpret_cast<unsigned char*>(shared.data());
    memory += (16 - reinterpret_cast<uintptr_t>(memory) % 16) % 16;
    block.shared_memory = memory;
    make_fibres(threads);
    auto call = [&] { kernel(*static_cast<Parameters*>(arguments[I])...); };
    block.kernel = [](void* made) { (*static_cast<decltype(call)*>(made))(); };
    block.call = &call;
    gridDim = grid;
    blockDim = {threads, 1, 1};
    const FaultHandler handler;
    if (sigsetjmp(fault, 1) != 0) return FOREIGN_MEMORY;
    for (unsigned int z = 0; z < grid.z; ++z) {
        for (unsigned int y = 0; y < grid.y; ++y) {
            for (unsigned int x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                memset(memory, 0xff, shared_bytes + GUARD - 16);
                if (!run_block(backwards)) return DEADLOCK;
                for (size_t i = 0; i < GUARD - 16; ++i) {
                    if (memory[shared_bytes + i] != 0xff) return SHARED_MEMORY_OVERRUN;
                }
            }
        }
    }
    return FINISHED;
}

template <typename... Parameters>
int launch(void (*kernel)(Parameters...), dim3 grid, unsigned int threads, size_t shared_bytes, void** arguments,
           bool backwards) {
    return launch(kernel, grid, threads, shared_bytes, arguments, backwards, std::index_sequence_for<Parameters...>{});
}

// All threads of a warp show a value; `read` makes the result from what the 32 show.
template <typename T, typename Read>
auto exchange(T value, Read read) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "too large to exchange");
    uint64_t* shown = block.exchanged + threadIdx.x / 32 * 32;
    memcpy(shown + threadIdx.x % 32, &value, sizeof value);
    wait(State::AT_WARP_BARRIER);
    const auto result = read([shown](unsigned int lane) {
        T other;
        memcpy(&other, shown + lane % 32, sizeof other);
        return other;
    });
    wait(State::AT_WARP_BARRIER);
    return result;
}

}  // namespace cuda_on_host

inline void __syncthreads() { cuda_on_host::wait(cuda_on_host::State::AT_BLOCK_BARRIER); }
inline void __syncwarp(unsigned int = 0xffffffffu) { cuda_on_host::wait(cuda_on_host::State::AT_WARP_BARRIER); }

template <typename T>
T __shfl_sync(unsigned int, T value, int lane) {
    return cuda_on_host::exchange(value, [=](auto shown) { return shown(lane); });
}

template <typename T>
T __shfl_xor_sync(unsigned int, T value, int mask) {
    const unsigned int lane = threadIdx.x % 32;
    return cuda_on_host::exchange(value, [=](auto shown) { return shown(lane ^ mask); });
}

inline unsigned int __ballot_sync(unsigned int, bool vote) {
    return cuda_on_host::exchange(vote, [](auto shown) {
        unsigned int votes = 0;
        for (unsigned int lane = 0; lane < 32; ++lane) votes |= static_cast<unsigned int>(shown(lane)) << lane;
        return votes;
    });
}

template <typename T>
T __shfl_up_sync(unsigned int, T value, unsigned int lanes) {
    const unsigned int lane = threadIdx.x % 32;
    return cuda_on_host::exchange(value, [=](auto shown) { return shown(lane < lanes ? lane : lane - lanes); });
}

template <typename T>
unsigned int __match_any_sync(unsigned int, T value) {
    return cuda_on_host::exchange(value, [=](auto shown) {
        unsigned int same = 0;
        for (unsigned int lane = 0; lane < 32; ++lane) same |= static_cast<unsigned int>(shown(lane) == value) << lane;
        return same;
    });
}

template <typename T>
T __reduce_add_sync(unsigned int, T value) {
    return cuda_on_host::exchange(value, [](auto shown) {
        T total = 0;
        for (unsigned int lane = 0; lane < 32; ++lane) total += shown(lane);
        return total;
    });
}

template <typename T>
T __reduce_max_sync(unsigned int, T value) {
    return cuda_on_host::exchange(value, [=](auto shown) {
        T most = value;
        for (unsigned int lane = 0; lane < 32; ++lane) most = shown(lane) > most ? shown(lane) : most;
        return most;
    });
}

inline int __popc(unsigned int bits) { return __builtin_popcount(bits); }
inline int __clzll(long long bits) { return bits == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(bits)); }

// Threads take turns only at barriers, so nothing comes between reading and writing.
template <typename T>
T atomicAdd(T* address, T value) {
    const T old = *address;
    *address = old + value;
    return old;
}

template <typename T>
T atomicMax(T* address, T value) {
    const T old = *address;
    *address = value > old ? value : old;
    return old;
}

#include "tensor_cores_on_host.h"
