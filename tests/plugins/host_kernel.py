"""Kernels run on the CPU: the very source, compiled by g++, its threads as fibres (`host/cuda_on_host.h`)."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.plugins.contract import Attributes, ElementType
from gridrt.plugins.kernel import INCLUDES, Kernel, Shapes, Variant
from tests.plugins.buffer import NAN, Buffer, Bytes

HOST = Path(__file__).parent / "host"
# As `Result` in cuda_on_host.h.
RESULTS = (
    "finished",
    "threads wait for each other for ever",
    "shared memory was written beyond its end",
    "memory was touched that belongs to no tensor",
)

Compiler: TypeAlias = Callable[[Path, str, Sequence[str]], "HostLibrary"]
"""Source, entry point and options to a library: the fixture `compile_for_host`."""


def compile_library(source: Path, symbol: str, options: Sequence[str], library: Path) -> None:
    """Make a shared library of the kernel `symbol` in `source`; the test is skipped where there is no g++."""
    compile_for_cpu(HOST / "run_kernel.cpp", [f'-DENTRY="{source}"', f"-DSYMBOL={symbol}", *options], library)


def compile_for_cpu(program: Path, options: Sequence[str], library: Path) -> None:
    """Make a shared library of CUDA C++ with what it runs on; the test is skipped where there is no g++."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++ to compile kernels for the CPU with")
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]
    # Without contraction each operation is rounded on its own, as the definition's are.
    flags += ["-ffp-contract=off", *(f"-I{folder}" for folder in (HOST, *INCLUDES))]
    command = [compiler, *flags, *options, str(program), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Pointer:
    """Memory of others."""

    address: int


class HostLibrary:
    """A kernel that runs on the CPU."""

    def __init__(self, path: Path) -> None:
        self._run = ctypes.CDLL(str(path)).run_kernel

    def launch(
        self,
        grid: Sequence[int],
        threads: int,
        shared_memory: int,
        arguments: Sequence[int | Buffer | Pointer],
        *,
        backwards: bool = False,
    ) -> None:
        """Run all blocks.

        Args:
            grid: blocks along x, y, z.
            threads: of a block.
            shared_memory: its dynamic bytes.
            arguments: int32 scalars and tensors, in the order of the entry point.
            backwards: the threads of a block take turns in reverse.
        """
        values = [_argument(item) for item in arguments]
        pointers = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
        shape = (ctypes.c_uint * 3)(*grid)
        result = self._run(shape, ctypes.c_uint(threads), ctypes.c_size_t(shared_memory), pointers, int(backwards))
        assert result == 0, RESULTS[result]
        for item in arguments:
            if isinstance(item, Buffer):
                item.check()


def _argument(item: int | Buffer | Pointer) -> ctypes.c_int | ctypes.c_void_p:
    return ctypes.c_int(item) if isinstance(item, int) else ctypes.c_void_p(item.address)


class HostLauncher:
    """In the place of `CudaKernel`: the same launch, by the CPU, at once.

    Args:
        kernel: its description.
        variant: one of the kernel's.
        attributes: of the node.
        compile_for_host: the fixture.
    """

    def __init__(self, kernel: Kernel, variant: Variant, attributes: Attributes, compile_for_host: Compiler) -> None:
        self._scalars, self._geometry = kernel.scalars, kernel.launch(variant, attributes)
        self._library = compile_for_host(kernel.entry, kernel.symbol, kernel.defines(variant, attributes))

    def launch(self, shapes: Shapes, inputs: Sequence[int], outputs: Sequence[int], _stream: int) -> None:
        """As `CudaKernel.launch`."""
        self.run(shapes, [Pointer(address) for address in inputs], [Pointer(address) for address in outputs])

    def run(
        self,
        shapes: Shapes,
        inputs: Sequence[Buffer | Pointer],
        outputs: Sequence[Buffer | Pointer],
        *,
        backwards: bool = False,
    ) -> None:
        """The same; `backwards` as in `HostLibrary.launch`."""
        self._library.launch(
            [size.value(shapes) for size in self._geometry.grid],
            self._geometry.threads,
            self._geometry.shared_memory.value(shapes),
            [*inputs, *(size.value(shapes) for size in self._scalars), *outputs],
            backwards=backwards,
        )


class HostKernel:
    """An op's kernel on the CPU, for one variant and one node's attributes, launched as it states itself."""

    def __init__(self, kernel: Kernel, variant: Variant, attributes: Attributes, compile_for_host: Compiler) -> None:
        self._kernel, self._variant, self._attributes = kernel, variant, attributes
        self._launcher = HostLauncher(kernel, variant, attributes, compile_for_host)

    def __call__(self, *inputs: Tensor, backwards: bool = False) -> list[Tensor]:
        """The outputs; `backwards` as in `HostLibrary.launch`."""
        contract = self._kernel.contract
        shapes = {name: tuple(tensor.shape) for name, tensor in zip(contract.inputs, inputs, strict=True)}
        feeds = [
            Buffer(self._bytes(tensor.to(self._dtype(spec.dtype)), is_map=spec.is_map))
            for spec, tensor in zip(contract.input_tensors, inputs, strict=True)
        ]
        outputs = [
            torch.empty([size.value(shapes) for size in spec.shape(self._attributes)], dtype=self._dtype(spec.dtype))
            for spec in contract.output_tensors
        ]
        results = [Buffer(np.full(output.nbytes, NAN, np.uint8)) for output in outputs]
        self._launch(shapes, feeds, results, backwards=backwards)
        return [
            self._tensor(result.content, like=output, is_map=spec.is_map)
            for spec, output, result in zip(contract.output_tensors, outputs, results, strict=True)
        ]

    def _launch(self, shapes: Shapes, inputs: Sequence[Buffer], outputs: Sequence[Buffer], *, backwards: bool) -> None:
        self._launcher.run(shapes, inputs, outputs, backwards=backwards)

    def _dtype(self, element: ElementType) -> torch.dtype:
        dtype = getattr(torch, self._variant.feature_type if element == "feature" else element)
        assert isinstance(dtype, torch.dtype)
        return dtype

    def _bytes(self, tensor: Tensor, *, is_map: bool) -> Bytes:
        laid_out = tensor.permute(0, 2, 3, 1) if is_map and self._variant.channels_last else tensor
        return np.frombuffer(laid_out.contiguous().numpy().tobytes(), np.uint8)

    def _tensor(self, content: Bytes, like: Tensor, *, is_map: bool) -> Tensor:
        swapped = is_map and self._variant.channels_last
        shape = like.permute(0, 2, 3, 1).shape if swapped else like.shape
        tensor = torch.from_numpy(content.view(like.numpy().dtype).reshape(shape))
        return tensor.permute(0, 3, 1, 2) if swapped else tensor
