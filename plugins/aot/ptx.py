"""Kernels as PTX, NVIDIA's assembly for drivers to compile, by NVRTC; no GPU or driver is needed.

It does without cuda-core, which needs a driver to compile to PTX.
"""

from __future__ import annotations

from typing import Any

from gridrt.errors import DependencyError, GridRTError
from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import INCLUDES, Kernel, Variant

OLDEST_GPU = "compute_80"
"""PTX for this architecture runs on all later ones, too, as a hardware-compatible engine requires."""


def ptx_of(kernel: Kernel, variant: Variant, attributes: Attributes) -> bytes:
    """Compile a kernel; a driver older than NVRTC does not take the result.

    Args:
        kernel: its description.
        variant: one of the kernel's.
        attributes: of the node.

    Raises:
        DependencyError: cuda-bindings or NVRTC is missing.
        GridRTError: it does not compile.
    """
    nvrtc = nvrtc_bindings()
    options = [f"--gpu-architecture={OLDEST_GPU}", "--std=c++17", *(f"-I{folder}" for folder in INCLUDES)]
    options += kernel.defines(variant, attributes)
    _, program = nvrtc.nvrtcCreateProgram(kernel.entry.read_bytes(), str(kernel.entry).encode(), 0, [], [])
    try:
        (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            log = _text(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
            raise GridRTError("NVRTC failed to compile the kernel", place=kernel.entry, value=log.decode())
        return _text(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _text(program: object, size_of: Any, write: Any) -> bytes:  # noqa: ANN401 - functions of a package without types
    """The text that NVRTC writes, without the terminating zero."""
    _, size = size_of(program)
    text = bytes(size)
    write(program, text)
    return text.rstrip(b"\0")


def nvrtc_bindings() -> Any:  # noqa: ANN401 - a module
    """NVRTC's bindings.

    Raises:
        DependencyError: it, or NVRTC itself, is not installed.
    """
    try:
        from cuda.bindings import nvrtc

        nvrtc.nvrtcVersion()  # loads the library
    except (ImportError, RuntimeError) as error:
        remedy = 'Run: pip install "gridrt[trt]"'
        raise DependencyError(
            "cannot compile kernels: cuda-bindings or NVRTC is missing", place="NVRTC", value=error, remedy=remedy
        ) from error
    return nvrtc
