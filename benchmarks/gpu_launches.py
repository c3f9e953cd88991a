"""Every variant of a kernel, launched once at each edge of what it takes: a small program for compute-sanitizer.

    compute-sanitizer --tool memcheck python -m benchmarks.gpu_launches OP

It imports no PyTorch, which would make thousands of launches of its own: memory is the driver's, each tensor an
allocation of exactly its size, so that a step beyond its end is seen. Results are not looked at; tests/gpu does that.
It has not run on a GPU yet.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.gpu_edge import Array, Edge
from gridrt.errors import GridRTError
from gridrt.plugins.adapters.cuda_kernel import CudaKernel, cuda_core
from gridrt.plugins.contract import ElementType
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import ALL_KERNELS

KERNELS_BY_NAME: Mapping[str, Kernel] = {kernel.contract.name: kernel for kernel in ALL_KERNELS}


def edges_of(kernel: Kernel) -> Iterator[Edge]:
    """From `edges.py` of the op's folder; always the same."""
    edges = importlib.import_module(f"benchmarks.ops.{kernel.contract.folder.name}.edges").edges
    found: Iterator[Edge] = edges(np.random.default_rng(0))
    return found


def laid_out(kernel: Kernel, variant: Variant, edge: Edge) -> list[Array]:
    """The inputs in order, in the types and layouts that a variant takes."""
    arrays = []
    for spec in kernel.contract.input_tensors:
        array = edge.inputs[spec.name].astype(_dtype(spec.dtype, variant))
        is_channels_last = spec.is_map and variant.channels_last
        arrays.append(np.ascontiguousarray(array.transpose(0, 2, 3, 1) if is_channels_last else array))
    return arrays


def output_bytes(kernel: Kernel, variant: Variant, edge: Edge) -> list[int]:
    """The size of each output."""
    sizes = []
    for spec in kernel.contract.output_tensors:
        shape = [size.value(edge.shapes) for size in spec.shape(edge.attributes)]
        sizes.append(int(np.prod(shape)) * np.dtype(_dtype(spec.dtype, variant)).itemsize)
    return sizes


def _dtype(element: ElementType, variant: Variant) -> str:
    return variant.feature_type if element == "feature" else element


class Driver:
    """The first GPU, by CUDA's driver."""

    def __init__(self) -> None:
        from cuda.bindings import driver

        device = cuda_core().Device(0)
        device.set_current()
        self._driver = driver
        self._stream = device.create_stream()  # kept: its handle dies with it
        self.stream = int(self._stream.handle)

    def memory(self, size: int) -> int:
        """Allocate `size` bytes, at least one, and give the address."""
        return int(self._done(self._driver.cuMemAlloc(max(size, 1))))

    def copied(self, array: Array) -> int:
        """Copy an array, and give the address."""
        address = self.memory(array.nbytes)
        if array.nbytes:
            self._done(self._driver.cuMemcpyHtoD(address, array.ctypes.data, array.nbytes))
        return address

    def finish(self, addresses: Sequence[int]) -> None:
        """Wait for all launches, and free memory."""
        self._done(self._driver.cuCtxSynchronize())
        for address in addresses:
            self._done(self._driver.cuMemFree(address))

    def _done(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - what a function of the driver gives, if anything
        status, *results = answer
        if status != self._driver.CUresult.CUDA_SUCCESS:
            raise GridRTError("a call of CUDA's driver failed", place="CUDA", value=status)
        return results[0] if results else None


def launch_all(kernel: Kernel, driver: Driver) -> int:
    """Launch every variant at every edge, one after another, and count the launches."""
    launches = 0
    for variant in kernel.variants:
        for edge in edges_of(kernel):
            inputs = [driver.copied(array) for array in laid_out(kernel, variant, edge)]
            outputs = [driver.memory(size) for size in output_bytes(kernel, variant, edge)]
            CudaKernel(kernel, variant, edge.attributes).launch(edge.shapes, inputs, outputs, driver.stream)
            driver.finish(inputs + outputs)
            launches += 1
    return launches


if __name__ == "__main__":
    print(f"{launch_all(KERNELS_BY_NAME[sys.argv[1]], Driver())} launches")  # noqa: T201 - for who calls it
