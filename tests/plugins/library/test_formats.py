"""The library takes tensors in the types and layouts of the kernel's variants, and in no others."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from gridrt.plugins.contract import Input, Output
from gridrt.plugins.kernel import INCLUDES, Kernel, Variant
from gridrt.plugins.kernels import KERNELS

# TensorRT's numbers.
TYPES = {"float32": 0, "float16": 1, "int32": 3}
LINEAR, HWC8, HWC = 0, 2, 8
LAYOUTS = (LINEAR, HWC8, HWC, 4)


class Formats:
    """`Formats` of one op in C++."""

    def __init__(self, kernel: Kernel, library: Path) -> None:
        self.kernel = kernel
        self.tensors: tuple[Input | Output, ...] = (*kernel.contract.input_tensors, *kernel.contract.output_tensors)
        self._suits = ctypes.CDLL(str(library)).suits
        self._suits.restype = ctypes.c_bool

    def suit(self, types: Sequence[int], layouts: Sequence[int], channels: int = 64) -> bool:
        """Whether the plugin accepts each of the first tensors together with those before it."""
        numbers = [(ctypes.c_int * len(types))(*values) for values in (types, layouts, [channels] * len(types))]
        return all(self._suits(position, *numbers) for position in range(len(types)))

    def of(self, variant: Variant) -> tuple[list[int], list[int]]:
        """Types and layouts that a variant takes."""
        last = HWC8 if variant.feature_type == "float16" else HWC
        return (
            [TYPES[variant.feature_type if tensor.dtype == "feature" else tensor.dtype] for tensor in self.tensors],
            [last if tensor.is_map and variant.channels_last else LINEAR for tensor in self.tensors],
        )


@pytest.fixture(scope="module", params=KERNELS, ids=lambda kernel: kernel.symbol)
def formats(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Formats:
    """Each op's."""
    nvcc, root = shutil.which("nvcc"), os.environ.get("TENSORRT_ROOT")
    if nvcc is None or root is None:
        pytest.skip("formats need nvcc and TensorRT's headers; set TENSORRT_ROOT to the folder above their include/")
    op, library = request.param.contract.folder.name, tmp_path_factory.mktemp("formats") / "formats.so"
    defines = [f"-DGRIDRT_OP={op}", f'-DGRIDRT_OP_HEADER="{op}/plugin.cuh"']
    folders = [f"-I{folder}" for folder in (*INCLUDES, Path(root) / "include")]
    flags = ["-shared", "-Xcompiler=-fPIC", "-std=c++17", "-arch=sm_90", *defines, *folders]
    subprocess.run([nvcc, *flags, str(Path(__file__).with_name("formats.cu")), "-o", str(library)], check=True)
    return Formats(request.param, library)


def test_those_of_every_variant_suit(formats: Formats) -> None:
    for variant in formats.kernel.variants:
        assert formats.suit(*formats.of(variant))


def test_one_other_type_or_layout_does_not_suit(formats: Formats) -> None:
    taken = [formats.of(variant) for variant in formats.kernel.variants]
    for types, layouts in taken:
        for position in range(len(types)):
            others = [([*types[:position], kind], layouts[: position + 1]) for kind in TYPES.values()]
            others += [(types[: position + 1], [*layouts[:position], layout]) for layout in LAYOUTS]
            for other in others:
                begins_one = any((full[0][: position + 1], full[1][: position + 1]) == other for full in taken)
                assert formats.suit(*other) == begins_one


def test_channels_last_are_whole_packs_of_16_bytes(formats: Formats) -> None:
    for variant in formats.kernel.variants:
        for channels in (-1, 0, 60, 62) if variant.feature_type == "float16" else (-1, 0, 62, 63):
            assert formats.suit(*formats.of(variant), channels) == (not variant.channels_last)
