"""The library's side of an op without TensorRT, on the CPU (`host_op.cpp`)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from tests.plugins.buffer import Buffer
from tests.plugins.host_kernel import RESULTS, HostKernel, compile_for_cpu

RANK = 4  # dimensions of a shape in op.h


class HostOp:
    """An op as the library has it.

    Args:
        kernel: the same op in Python.
        folder: for what is compiled.
    """

    def __init__(self, kernel: Kernel, folder: Path) -> None:
        self.kernel = kernel
        op = kernel.contract.folder.name
        path = folder / f"{op}.so"
        options = [f"-DGRIDRT_OP={op}", f'-DGRIDRT_OP_HEADER="{op}/plugin.cuh"']
        compile_for_cpu(Path(__file__).with_name("host_op.cpp"), options, path)
        self._library = ctypes.CDLL(str(path))
        for function in (self._library.describe, self._library.problem, self._library.shape_problem):
            function.restype = ctypes.c_char_p

    def stated(self, variant: Variant, attributes: Attributes, shapes: Shapes) -> list[str]:
        """What the op says of itself, in lines."""
        text: bytes = self._library.describe(*self._node(variant, attributes, shapes))
        return text.decode().splitlines()

    def problem(self, attributes: Attributes) -> str:
        """What it finds wrong with attributes, or nothing."""
        text: bytes = self._library.problem(_values(attributes))
        return text.decode()

    def shape_problem(self, shapes: Shapes) -> str:
        """What it finds wrong with shapes, or nothing."""
        text: bytes = self._library.shape_problem(self._dims(shapes))
        return text.decode()

    def run(
        self,
        variant: Variant,
        attributes: Attributes,
        shapes: Shapes,
        inputs: Sequence[Buffer],
        outputs: Sequence[Buffer],
    ) -> None:
        """Launch the op's kernel."""
        pointers = (
            (ctypes.c_void_p * len(buffers))(*(buffer.address for buffer in buffers)) for buffers in (inputs, outputs)
        )
        result = self._library.run(*self._node(variant, attributes, shapes), *pointers)
        assert result == 0, RESULTS[result]

    def _node(self, variant: Variant, attributes: Attributes, shapes: Shapes) -> tuple[object, ...]:
        return (
            _values(attributes),
            self._dims(shapes),
            int(variant.feature_type == "float16"),
            int(variant.channels_last),
        )

    def _dims(self, shapes: Shapes) -> ctypes.Array[ctypes.c_int]:
        dims = [[*shapes[name], *[1] * RANK][:RANK] for name in self.kernel.contract.inputs]
        flat = [size for shape in dims for size in shape]
        return (ctypes.c_int * len(flat))(*flat)


def _values(attributes: Attributes) -> ctypes.Array[ctypes.c_double]:
    values = [number for value in attributes.values() for number in np.atleast_1d(value)]
    return (ctypes.c_double * len(values))(*values)


class LibraryKernel(HostKernel):
    """An op's kernel on the CPU, launched by the library's code."""

    def __init__(self, op: HostOp, variant: Variant, attributes: Attributes) -> None:
        self._op, self._kernel, self._variant, self._attributes = op, op.kernel, variant, attributes

    def _launch(self, shapes: Shapes, inputs: Sequence[Buffer], outputs: Sequence[Buffer], *, backwards: bool) -> None:
        assert not backwards
        self._op.run(self._variant, self._attributes, shapes, inputs, outputs)
        for buffer in (*inputs, *outputs):
            buffer.check()
