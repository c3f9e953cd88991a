"""What kernels are tested with is tested itself: barriers, exchanges, and that it notices what a GPU might not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.plugins.buffer import Buffer
from tests.plugins.host_kernel import Compiler, HostLibrary

THREADS = 64
# Each thread gives its number to the others through shared memory, and reads that of the last thread but itself.
REVERSAL = """
extern "C" __global__ void sample(int* out) {
    GRIDRT_SHARED_MEMORY(memory);
    int* numbers = reinterpret_cast<int*>(memory);
    numbers[threadIdx.x] = threadIdx.x + 100 * blockIdx.x;
    BARRIER;
    out[blockIdx.x * blockDim.x + threadIdx.x] = numbers[blockDim.x - 1 - threadIdx.x];
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all sources, so that each is compiled once."""
    return tmp_path_factory.mktemp("sources")


def compile_text(text: str, folder: Path, compile_for_host: Compiler, *options: str) -> HostLibrary:
    source = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.cu"
    source.write_text(f'#include "gridrt/cuda.h"\n{text}')
    return compile_for_host(source, "sample", options)


def run(library: HostLibrary, blocks: int, shared_memory: int, *, backwards: bool = False) -> npt.NDArray[np.int32]:
    out = Buffer(np.zeros(blocks * THREADS * 4, np.uint8))
    library.launch((blocks, 1, 1), THREADS, shared_memory, [out], backwards=backwards)
    return out.content.view(np.int32).reshape(blocks, THREADS)


@pytest.mark.parametrize("backwards", [False, True])
def test_threads_meet_at_a_barrier(folder: Path, compile_for_host: Compiler, *, backwards: bool) -> None:
    library = compile_text(REVERSAL, folder, compile_for_host, "-DBARRIER=__syncthreads()")
    expected = [100 * block + np.arange(THREADS)[::-1] for block in range(3)]
    np.testing.assert_array_equal(run(library, 3, 4 * THREADS, backwards=backwards), expected)


@pytest.mark.parametrize("barrier", ["", "__syncwarp()"])
def test_a_barrier_that_is_missing_or_too_weak_shows(folder: Path, compile_for_host: Compiler, barrier: str) -> None:
    library = compile_text(REVERSAL, folder, compile_for_host, f"-DBARRIER={barrier}")
    expected = np.arange(THREADS)[::-1]
    assert not all((run(library, 1, 4 * THREADS, backwards=order)[0] == expected).all() for order in (False, True))


def test_threads_that_wait_for_each_other_for_ever_are_reported(folder: Path, compile_for_host: Compiler) -> None:
    barrier = "if (threadIdx.x == 0) __syncwarp(); else __syncthreads()"
    library = compile_text(REVERSAL, folder, compile_for_host, f"-DBARRIER={barrier}")
    with pytest.raises(AssertionError, match="wait for each other"):
        run(library, 1, 4 * THREADS)


def test_writing_beyond_the_shared_memory_is_reported(folder: Path, compile_for_host: Compiler) -> None:
    library = compile_text(REVERSAL, folder, compile_for_host, "-DBARRIER=__syncthreads()")
    with pytest.raises(AssertionError, match="shared memory"):
        run(library, 1, 4 * THREADS - 4)


@pytest.mark.parametrize("missing", [4, 16, 64])
def test_writing_beyond_a_tensor_is_reported(folder: Path, compile_for_host: Compiler, missing: int) -> None:
    library = compile_text(REVERSAL, folder, compile_for_host, "-DBARRIER=__syncthreads()")
    too_small = Buffer(np.zeros(4 * THREADS - missing, np.uint8))
    with pytest.raises(AssertionError, match=r"behind|no tensor"):
        library.launch((1, 1, 1), THREADS, 4 * THREADS, [too_small])


READING = """
extern "C" __global__ void sample(const int* in, int place, int* out) {
    out[threadIdx.x] = in[place];
}
"""


def test_reading_behind_a_tensor_is_reported(folder: Path, compile_for_host: Compiler) -> None:
    library = compile_text(READING, folder, compile_for_host)
    tensor, out = Buffer(np.ones(64, np.uint8)), Buffer(np.zeros(4 * THREADS, np.uint8))
    library.launch((1, 1, 1), THREADS, 0, [tensor, 15, out])
    assert set(out.content.tolist()) == {1}
    with pytest.raises(AssertionError, match="belongs to no tensor"):
        library.launch((1, 1, 1), THREADS, 0, [tensor, 16, out])


def test_reading_before_a_tensor_gives_no_number(folder: Path, compile_for_host: Compiler) -> None:
    library = compile_text(READING, folder, compile_for_host)
    tensor, out = Buffer(np.ones(64, np.uint8)), Buffer(np.zeros(4 * THREADS, np.uint8))
    library.launch((1, 1, 1), THREADS, 0, [tensor, -1, out])
    assert np.isnan(out.content.view(np.float32)).all()


EXCHANGES = {
    "__shfl_sync(0xffffffffu, number, 3)": [3] * 32 + [35] * 32,
    "__shfl_xor_sync(0xffffffffu, number, 1)": [thread ^ 1 for thread in range(64)],
    "static_cast<int>(__ballot_sync(0xffffffffu, number % 8 == 0))": [0x01010101] * 64,
}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_lanes_of_a_warp_exchange_values(folder: Path, compile_for_host: Compiler, exchange: str) -> None:
    text = f"""
    extern "C" __global__ void sample(int* out) {{
        const int number = threadIdx.x;
        out[number] = {exchange};
    }}
    """
    library = compile_text(text, folder, compile_for_host)
    assert run(library, 1, 0)[0].tolist() == EXCHANGES[exchange]
