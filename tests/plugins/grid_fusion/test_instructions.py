"""The instructions that the kernel is made of do on the CPU what they are said to do on a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.plugins.buffer import Buffer
from tests.plugins.host_kernel import Compiler, HostLibrary

WARP = 32
# Loads a [16, 16] by hand, b [16, 8] by ldmatrix from shared memory, and gives their product [16, 8].
PRODUCT = """
extern "C" __global__ void sample(const gridrt::half* a, const gridrt::half* b, float* product) {
    using namespace gridrt::grid_fusion;
    GRIDRT_SHARED_MEMORY(memory);
    const int lane = threadIdx.x, group = lane / 4, pair = lane % 4 * 2;
    gridrt::half* copy = reinterpret_cast<gridrt::half*>(memory);
    for (int i = lane; i < 16 * 8; i += 32) copy[i] = b[i];
    __syncthreads();
    unsigned int left[4], right[2];
    const int rows[4] = {group, group + 8, group, group + 8}, columns[4] = {pair, pair, pair + 8, pair + 8};
    for (int i = 0; i < 4; ++i) left[i] = *reinterpret_cast<const unsigned int*>(a + rows[i] * 16 + columns[i]);
    ldmatrix_x2_trans(right, copy, lane % 16 * 8);
    float sums[4] = {1.0f, 1.0f, 1.0f, 1.0f};
    mma_m16n8k16(sums, left, right);
    for (int i = 0; i < 4; ++i) product[(group + i / 2 * 8) * 8 + pair + i % 2] = sums[i];
}
"""
# Copies 16 bytes per thread, to `SHIFT` bytes from where they belong.
COPY = """
extern "C" __global__ void sample(const int* in, int* out) {
    using namespace gridrt::grid_fusion;
    GRIDRT_SHARED_MEMORY(memory);
    cp_async(memory + 16 * threadIdx.x + SHIFT, in + 4 * threadIdx.x);
    WAIT;
    for (int i = 0; i < 4; ++i) {
        out[4 * threadIdx.x + i] = *reinterpret_cast<int*>(memory + 16 * threadIdx.x + SHIFT + 4 * i);
    }
}
"""


def library_of(text: str, folder: Path, compile_for_host: Compiler, *options: str) -> HostLibrary:
    source = folder / "sample.cu"
    source.write_text(f'#include "grid_fusion/instructions.cuh"\n{text}')
    return compile_for_host(source, "sample", options)


def buffer(values: npt.NDArray[np.generic]) -> Buffer:
    return Buffer(np.frombuffer(values.tobytes(), np.uint8))


def test_tensor_cores_multiply_matrices(tmp_path: Path, compile_for_host: Compiler) -> None:
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(shape).astype(np.float16) for shape in ((16, 16), (16, 8)))
    out = buffer(np.zeros((16, 8), np.float32))
    library_of(PRODUCT, tmp_path, compile_for_host).launch((1, 1, 1), WARP, b.nbytes, [buffer(a), buffer(b), out])
    expected = a.astype(np.float64) @ b.astype(np.float64) + 1
    np.testing.assert_allclose(out.content.view(np.float32).reshape(16, 8), expected, atol=1e-5)


def copied(library: HostLibrary) -> npt.NDArray[np.int32]:
    out = buffer(np.zeros(4 * WARP, np.int32))
    library.launch((1, 1, 1), WARP, 16 * WARP + 16, [buffer(np.arange(4 * WARP, dtype=np.int32)), out])
    return out.content.view(np.int32)


def test_a_copy_is_there_when_it_has_been_waited_for(tmp_path: Path, compile_for_host: Compiler) -> None:
    library = library_of(COPY, tmp_path, compile_for_host, "-DWAIT=cp_async_wait_all()", "-DSHIFT=0")
    np.testing.assert_array_equal(copied(library), np.arange(4 * WARP))


def test_a_copy_that_was_not_waited_for_shows(tmp_path: Path, compile_for_host: Compiler) -> None:
    library = library_of(COPY, tmp_path, compile_for_host, "-DWAIT=", "-DSHIFT=0")
    assert (copied(library) == -1).all()


def test_a_copy_to_where_a_gpu_could_not_shows(tmp_path: Path, compile_for_host: Compiler) -> None:
    library = library_of(COPY, tmp_path, compile_for_host, "-DWAIT=cp_async_wait_all()", "-DSHIFT=8")
    assert (copied(library) == -1).all()
