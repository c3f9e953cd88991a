"""What a file notes of its tensors is what they are when it runs, in every precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.parser
import onnx.shape_inference
import onnxruntime as ort
import pytest
from onnx import ModelProto, ValueInfoProto

from gridrt.calib.affine import Range
from gridrt.calib.graph_files import save_rewritten
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.graph.graph import load_graph
from gridrt.graph.value_info import note_value_info
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.types import UInt8Array

SIZES = np.array([(64, 96), (50, 90)], np.int32)
FILES = [None, ("fp16", "tensorrt"), ("int8", "tensorrt"), ("int8", "cpu")]
"""The file in FP32, and those in the precisions of a recipe for a target."""


@pytest.fixture(scope="module", params=FILES, ids=str)
def file(
    request: pytest.FixtureRequest, exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    if request.param is None:
        return exported("tiny")
    recipe, target = load_recipe(request.param[0]), TARGETS[request.param[1]]
    path = tmp_path_factory.mktemp("rewritten") / "a.onnx"
    ranges = defaultdict[str, Range](lambda: Range(-1.0, 6.0))
    rewritten = apply_recipe(onnx.load(exported("tiny")), recipe, target, ranges)
    save_rewritten(rewritten, path, recipe, target, "0" * 64, {})
    return path


@pytest.fixture
def images(photo: Callable[[str], UInt8Array]) -> UInt8Array:
    crop = photo("coffee_crop")[:64, :96]
    return np.stack((crop, crop[::-1]))


def noted(value: ValueInfoProto) -> tuple[np.dtype[np.generic], list[int | None]]:
    """Type and dimensions, None for those that depend on the images."""
    kind = value.type.tensor_type
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    return onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type), dims


def test_every_tensor_is_noted_as_it_is_when_the_graph_runs(file: Path, images: UInt8Array) -> None:
    model = onnx.load(file)
    values = {value.name: value for value in model.graph.value_info}
    made = {name for node in model.graph.node for name in node.output}
    assert values.keys() == made - {value.name for value in model.graph.output}

    tensors = run_all(model, list(values), images)

    for name, tensor in tensors.items():
        kind, dims = noted(values[name])
        assert values[name].type.tensor_type.HasField("shape"), name
        assert (tensor.dtype, tensor.ndim) == (kind, len(dims)), name
        assert [size if known is not None else None for size, known in zip(tensor.shape, dims, strict=True)] == dims


def run_all(model: ModelProto, names: list[str], images: UInt8Array) -> dict[str, np.ndarray]:
    model.graph.output.extend(ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {"images": images, "image_sizes": SIZES}), strict=True))


def test_the_notes_agree_with_what_onnx_infers_and_with_the_ir_of_the_export(file: Path) -> None:
    model = onnx.load(file)

    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)

    assert model.ir_version == 9
    known = {value.name: noted(value) for value in inferred.graph.value_info}
    assert {value.name: noted(value) for value in model.graph.value_info} == known


def test_only_dimensions_of_the_inputs_have_names(file: Path) -> None:
    values = onnx.load(file).graph.value_info
    names = {dim.dim_param for value in values for dim in value.type.tensor_type.shape.dim}
    assert names - {""} == {"batch", "height", "width"}


def test_stale_notes_are_replaced() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 9, opset_import: ["" : 20]>
        steps (float[N, 3] x) => (float[N, 3] y) <float16[N, 7] a> { a = Neg (x) y = Neg (a) }"""
    )

    note_value_info(model)

    (value,) = model.graph.value_info
    assert (value.name, noted(value)) == ("a", (np.dtype(np.float32), [None, 3]))


def test_files_of_older_versions_open(exported: Callable[[str], Path], tmp_path: Path, images: UInt8Array) -> None:
    """They are in IR 10 and note nothing."""
    model = onnx.load(exported("tiny"))
    model.ir_version = 10
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "older.onnx")

    older, newer = (
        OnnxRuntimeSession(load_graph(path), threads=1) for path in (tmp_path / "older.onnx", exported("tiny"))
    )

    np.testing.assert_array_equal(older.run(images, SIZES).boxes, newer.run(images, SIZES).boxes)
