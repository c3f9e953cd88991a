"""A kernel on an NVIDIA GPU: compiled by NVRTC for the GPU at hand, launched on a stream of the caller's.

Compiling has been tried without a GPU; loading and launching have not been run yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gridrt.errors import DependencyError, GridRTError
from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import INCLUDES, Kernel, Shapes, Variant

CARVE_OUT_PERCENT = 100
"""Of the memory that a multiprocessor has for cache and shared memory together."""


class CudaKernel:
    """A kernel, compiled for the current GPU and loaded.

    Args:
        kernel: its description.
        variant: one of the kernel's.
        attributes: of the node.

    Raises:
        DependencyError: cuda-core or NVRTC is missing.
        GridRTError: it does not compile.
    """

    def __init__(self, kernel: Kernel, variant: Variant, attributes: Attributes) -> None:
        self._core = cuda_core()
        self._scalars, self._geometry = kernel.scalars, kernel.launch(variant, attributes)
        device = self._core.Device()
        capability = device.compute_capability
        code = compiled(kernel, variant, attributes, f"sm_{capability.major}{capability.minor}")
        self._function = code.get_kernel(kernel.symbol)
        self._device_id = device.device_id
        self._shared_memory = 0

    def launch(self, shapes: Shapes, inputs: Sequence[int], outputs: Sequence[int], stream: int) -> None:
        """Launch once on a stream.

        Args:
            shapes: of the inputs.
            inputs: addresses on the GPU, in the contract's order.
            outputs: the same.
            stream: handle of a CUDA stream.
        """
        shared_memory = self._geometry.shared_memory.value(shapes)
        self._allow(shared_memory)
        grid = tuple(size.value(shapes) for size in self._geometry.grid)
        config = self._core.LaunchConfig(grid=grid, block=self._geometry.threads, shmem_size=shared_memory)
        scalars = [np.int32(size.value(shapes)) for size in self._scalars]
        on = self._core.Stream.from_handle(stream)
        self._core.launch(on, config, self._function, *inputs, *scalars, *outputs)

    def _allow(self, shared_memory: int) -> None:
        """Raise the limit of a block's dynamic shared memory, which cuda-core has no call for.

        Below 48 KB too: that default limit includes the static shared memory.
        """
        if shared_memory <= self._shared_memory:
            return
        from cuda.bindings import driver

        limit = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (status,) = driver.cuKernelSetAttribute(limit, shared_memory, self._function.handle, self._device_id)
        if status != driver.CUresult.CUDA_SUCCESS:
            raise GridRTError("this GPU cannot give a block its shared memory", value=f"{shared_memory} bytes")
        # Only asked for, so its status is not looked at: the most shared memory that a multiprocessor can set aside, so
        # that two blocks of 100 KB fit.
        carve_out = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT
        driver.cuKernelSetAttribute(carve_out, CARVE_OUT_PERCENT, self._function.handle, self._device_id)
        self._shared_memory = shared_memory


def compiled(kernel: Kernel, variant: Variant, attributes: Attributes, architecture: str) -> Any:  # noqa: ANN401 - cuda-core's
    """A kernel's machine code, as cuda-core's ObjectCode; no GPU is needed.

    Machine code rather than PTX, which a driver older than NVRTC refuses.

    Args:
        kernel: its description.
        variant: one of the kernel's.
        attributes: of the node.
        architecture: such as sm_90.

    Raises:
        DependencyError: cuda-core or NVRTC is missing.
        GridRTError: it does not compile.
    """
    core = cuda_core()
    options = core.ProgramOptions(
        name=str(kernel.entry),
        arch=architecture,
        std="c++17",
        include_path=[str(folder) for folder in INCLUDES],
        define_macro=list(kernel.all_macros(variant, attributes).items()),
    )
    try:
        code = core.Program(kernel.entry.read_text(), "c++", options).compile("cubin")
    except RuntimeError as error:  # the library is not found
        raise _missing("nvidia-cuda-nvrtc", error) from error
    except Exception as error:  # cuda-core keeps its error classes to itself
        raise GridRTError("NVRTC failed to compile the kernel", place=kernel.entry, value=error) from error
    if not code.code:  # what cuda-core gives, without an error, for a virtual architecture (compute_90)
        raise GridRTError(
            "NVRTC must give machine code",
            place=kernel.entry,
            value=f"0 bytes for {architecture}",
            remedy="Name a real architecture, such as sm_90.",
        )
    return code


def cuda_core() -> Any:  # noqa: ANN401 - a module
    """The package that compiles, loads and launches.

    Raises:
        DependencyError: it is not installed, or so old that `cuda.core` is empty.
    """
    try:
        from cuda import core
    except ImportError as error:
        raise _missing("cuda-core", error) from error
    if not hasattr(core, "Program"):  # before version 1 all of it was in cuda.core.experimental
        raise _missing("cuda-core", "a version before 1, which has cuda.core.experimental only")
    return core


def _missing(package: str, error: object) -> DependencyError:
    return DependencyError(
        "cannot compile kernels: a package is missing or broken",
        place=package,
        value=error,
        remedy='Run: pip install "gridrt[cuda]"',
    )
