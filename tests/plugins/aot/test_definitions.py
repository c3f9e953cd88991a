"""TensorRT's validator accepts the definitions, and they give TensorRT what contract and kernel state."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.contract import Attributes, Input, Output
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.sizes import Size

ROOT = Path(__file__).parents[3]
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
# All that the bindings need of TensorRT to be imported.
FUNCTIONS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)
TYPES = {"float32": "FLOAT", "float16": "HALF", "int32": "INT32"}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of libraries with TensorRT's names that do nothing."""
    compiler = shutil.which("gcc")
    if find_spec("tensorrt_bindings") is None or compiler is None:
        pytest.skip("TensorRT's bindings, or gcc, are missing: pip install --no-deps tensorrt-cu13-bindings")
    folder = tmp_path_factory.mktemp("tensorrt")
    source = folder / "nothing.c"
    source.write_text("".join(f"void* {name}(void) {{ return 0; }}\n" for name in FUNCTIONS))
    for name in (f"lib{library}.so.{major}" for library in LIBRARIES for major in (10, 11)):
        subprocess.run([compiler, "-shared", "-fPIC", source, "-o", folder / name, f"-Wl,-soname,{name}"], check=True)
    return folder


class Case(NamedTuple):
    """A node, and the variant of its kernel."""

    kernel: Kernel
    variant: Variant
    attributes: Attributes
    shapes: Shapes

    def numbers(self, sizes: Iterable[Size]) -> list[int]:
        """They for these shapes."""
        return [size.value(self.shapes) for size in sizes]

    @property
    def tensors(self) -> list[tuple[Input | Output, Sequence[int]]]:
        """Inputs and outputs, and their shapes."""
        contract = self.kernel.contract
        return [
            *((tensor, self.shapes[tensor.name]) for tensor in contract.input_tensors),
            *((tensor, self.numbers(tensor.shape(self.attributes))) for tensor in contract.output_tensors),
        ]


def cases() -> Iterator[Case]:
    """Every variant of every example, as it is, with no rows, and with other dimensions."""
    chance = random.Random(0)  # noqa: S311 - no secret
    for kernel in KERNELS:
        for variant in kernel.variants:
            for example in kernel.examples:
                shapes = [example.shapes, {name: (0, *shape[1:]) for name, shape in example.shapes.items()}]
                limited = {limit.name for limit in kernel.limits}
                for _ in range(5):
                    other = {name: [chance.randrange(400) for _ in shape] for name, shape in shapes[0].items()}
                    shapes.append({name: shapes[0][name] if name in limited else other[name] for name in other})
                yield from (Case(kernel, variant, as_a_graph_has_them(example.attributes), one) for one in shapes)


def as_a_graph_has_them(attributes: Attributes) -> Attributes:
    """Floats of 32 bits."""
    return {name: float(np.float32(value)) if isinstance(value, float) else value for name, value in attributes.items()}


def test_tensorrt_gets_what_contract_and_kernel_state(stand_ins: Path) -> None:
    table = list(cases())
    for case, answer in zip(table, answers(stand_ins, table), strict=True):
        kernel, variant, attributes, _ = case
        launch, outputs = kernel.launch(variant, attributes), kernel.contract.output_tensors
        assert answer == {
            "types": [type_of(tensor, variant) for tensor in outputs],
            "shapes": [case.numbers(tensor.shape(attributes)) for tensor in outputs],
            "formats": formats(case),
            "symbol": kernel.symbol,
            "code": " ".join(kernel.defines(variant, attributes)),
            "grid": case.numbers(launch.grid),
            "block": [launch.threads, 1, 1],
            "shared_memory": launch.shared_memory.value(case.shapes),
            "scalars": case.numbers(kernel.scalars),
        }


def test_what_a_kernel_does_not_take_is_refused_with_the_limit(stand_ins: Path) -> None:
    fusion, nms = GRID_FUSION_KERNEL.examples[0], BATCHED_NMS_KERNEL.examples[0]
    wide = Case(GRID_FUSION_KERNEL, Variant("float16"), {}, {**fusion.shapes, "features": (5, 720, 7, 7)})
    many = Case(BATCHED_NMS_KERNEL, Variant("float32"), {**nms.attributes, "max_output": 5121}, nms.shapes)
    of_shape, of_attribute = (str(answer["refused"]) for answer in answers(stand_ins, [wide, many]))
    assert of_shape.startswith(
        "GridFusion: the kernel cannot run this node: features must have 16, 32, 48 or 64 channels"
    )
    assert of_attribute.startswith("BatchedNms: the kernel cannot run this node: max_output must be from 1 to 5120")


def answers(stand_ins: Path, table: Sequence[Case]) -> list[dict[str, object]]:
    """Of `definitions_on_cpu.py`, in a process of its own."""
    questions = [
        {
            "op": case.kernel.contract.name,
            "variant": asdict(case.variant),
            "attributes": case.attributes,
            "shapes": case.shapes,
        }
        for case in table
    ]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("definitions_on_cpu.py")],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LD_LIBRARY_PATH": str(stand_ins), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    given: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])  # TensorRT warns before
    return given


def formats(case: Case) -> list[list[list[str]]]:
    """Types and layouts of the variants of that precision, without those whose channels do not come in 16 bytes."""
    step, last = (8, "HWC8") if case.variant.feature_type == "float16" else (4, "HWC")
    whole = all(shape[1] % step == 0 for tensor, shape in case.tensors if tensor.is_map)
    types = [type_of(tensor, case.variant) for tensor, _ in case.tensors]
    return [
        [types, [last if other.channels_last and tensor.is_map else "LINEAR" for tensor, _ in case.tensors]]
        for other in case.kernel.variants
        if other.feature_type == case.variant.feature_type and (whole or not other.channels_last)
    ]


def type_of(tensor: Input | Output, variant: Variant) -> str:
    """As TensorRT calls it."""
    return TYPES[variant.feature_type if tensor.dtype == "feature" else tensor.dtype]
