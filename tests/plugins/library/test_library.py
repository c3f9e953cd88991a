"""The library is built by CMake, needs no TensorRT to be linked, and TensorRT for RTX builds engines with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.config import DEFAULT_SCALE
from gridrt.export.engine.profile import fix_inputs, profile_for
from gridrt.export.passes.static_rows import static_rows
from gridrt.files import sha256_of
from gridrt.plugins.contract import DOMAIN, VERSION, Attributes, FeatureType, Input, Output
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import KERNELS

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "plugins" / "library"
TYPES = {"float32": onnx.TensorProto.FLOAT, "float16": onnx.TensorProto.FLOAT16, "int32": onnx.TensorProto.INT32}
FIELD_TYPES = {"int": "INT32", "ints": "INT32", "float": "FLOAT32"}
CASES = [(kernel, feature_type) for kernel in KERNELS for feature_type in kernel.contract.tolerances]


def cmake(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run CMake; the test is skipped where there is none."""
    program = shutil.which("cmake")
    if program is None:
        pytest.skip("there is no cmake")
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, for one architecture."""
    if "TENSORRT_ROOT" not in os.environ or shutil.which("nvcc") is None:
        pytest.skip(
            "the library needs nvcc and TensorRT's headers; set TENSORRT_ROOT to the folder above their include/"
        )
    folder = tmp_path_factory.mktemp("library")
    configured = cmake("-S", SOURCE, "-B", folder, "-DCMAKE_CUDA_ARCHITECTURES=90", "-DCMAKE_CXX_FLAGS=-Werror")
    assert configured.returncode == 0, configured.stderr
    built = cmake("--build", folder, "--parallel", "2")
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "libgridrt_plugins.so"


def graph(kernel: Kernel, feature_type: FeatureType, attributes: Attributes) -> onnx.ModelProto:
    """One node of an op, with inputs as R-50 has them."""
    contract, shapes = kernel.contract, kernel.examples[0].shapes

    def value(tensor: Input | Output, shape: Sequence[int] | None) -> onnx.ValueInfoProto:
        kind = TYPES[feature_type if tensor.dtype == "feature" else tensor.dtype]
        return helper.make_tensor_value_info(tensor.name, kind, shape)

    node = helper.make_node(contract.name, contract.inputs, contract.outputs, domain=DOMAIN)
    for name, attribute in {**attributes, "plugin_namespace": DOMAIN}.items():
        node.attribute.append(helper.make_attribute(name, attribute))
    inputs = [value(tensor, shapes[tensor.name]) for tensor in contract.input_tensors]
    outputs = [value(tensor, None) for tensor in contract.output_tensors]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, VERSION)]
    return helper.make_model(helper.make_graph([node], "node", inputs, outputs), ir_version=10, opset_imports=opsets)


def built_by_rtx(library: Path, folder: Path, graphs: Mapping[str, onnx.ModelProto]) -> dict[str, Any]:
    """The output of `build_engines.py`; the test is skipped where TensorRT for RTX is missing."""
    if find_spec("tensorrt_rtx") is None:
        pytest.skip('TensorRT for RTX is not installed: pip install ".[trt-rtx]"')
    paths = {name: folder / f"{name}.onnx" for name in graphs}
    for name, path in paths.items():
        onnx.save(graphs[name], path)
    program = Path(__file__).with_name("build_engines.py")
    command = [sys.executable, str(program), str(library), *map(str, paths.values())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    given: dict[str, Any] = json.loads(done.stdout)
    return {**given, "graphs": {name: given["graphs"][str(path)] for name, path in paths.items()}}


def test_it_gives_tensorrt_what_it_asks_for_and_needs_nothing_of_it(library: Path) -> None:
    def symbols(which: str) -> set[str]:
        listed = subprocess.run(["nm", "-D", which, library], capture_output=True, text=True, check=True)  # noqa: S607
        return {line.split()[-1].partition("@")[0] for line in listed.stdout.splitlines()}

    assert symbols("--defined-only") == {"getCreators", "setLoggerFinder"}
    assert not any(word in name for name in symbols("--undefined-only") for word in ("nvinfer", "cuda", "Plugin"))


def test_tensorrt_for_rtx_builds_an_engine_with_every_op(library: Path, tmp_path: Path) -> None:
    names = {f"{kernel.contract.name} {feature_type}": (kernel, feature_type) for kernel, feature_type in CASES}
    graphs = {
        name: graph(kernel, feature_type, kernel.examples[0].attributes)
        for name, (kernel, feature_type) in names.items()
    }
    given = built_by_rtx(library, tmp_path, graphs)
    for name, (kernel, _) in names.items():
        engine, example = given["graphs"][name], kernel.examples[0]
        assert engine["errors"] == []
        assert engine["layers"] == ["PLUGIN_V3"]
        assert engine["bytes"] > 0
        assert engine["outputs"] == [
            [size.value(example.shapes) for size in tensor.shape(example.attributes)]
            for tensor in kernel.contract.output_tensors
        ]


@pytest.mark.parametrize("recipe", ["fp32", "fp16"])
def test_tensorrt_for_rtx_builds_a_whole_model(
    recipe: str, library: Path, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    model = onnx.load(exported("tiny"))
    if recipe != "fp32":
        model = apply_recipe(model, load_recipe(recipe), TARGETS["tensorrt"], {})
    static_rows(model)
    fix_inputs(model, profile_for(DEFAULT_SCALE, (1, 1), ((256, 320), (256, 320))))
    engine = built_by_rtx(library, tmp_path, {"tiny": model})["graphs"]["tiny"]
    assert engine["bytes"] > 0
    assert engine["layers"].count("PLUGIN_V3") == sum(node.domain == DOMAIN for node in model.graph.node) > 0


def test_build_engine_takes_it_where_it_is_named(
    library: Path, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    if find_spec("tensorrt_rtx") is None:
        pytest.skip('TensorRT for RTX is not installed: pip install ".[trt-rtx]"')
    options = ["--runtime", "tensorrt-rtx", "--size", "256x320", "--out", "a.engine"]
    command = [sys.executable, "-m", "gridrt", "build-engine", "--model", str(exported("tiny")), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRIDRT_PLUGIN_LIBRARY": str(library)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plugins = json.loads((tmp_path / "a.engine.json").read_text())["plugins"]
    assert plugins == {"adapter": "library", "version": 1, "file": library.name, "sha256": sha256_of(library)}


def test_its_creators_have_the_contracts_attributes(library: Path, tmp_path: Path) -> None:
    assert built_by_rtx(library, tmp_path, {})["creators"] == {
        kernel.contract.name: {constant.name: FIELD_TYPES[constant.kind] for constant in kernel.contract.node_constants}
        for kernel in KERNELS
    }


def test_attributes_that_do_not_fit_are_refused(library: Path, tmp_path: Path) -> None:
    kernel = next(kernel for kernel in KERNELS if kernel.contract.name == "MultiLevelRoiAlign")
    strides = kernel.examples[0].attributes["strides"]
    graphs = {
        "output_size must be from 1 to 32": graph(kernel, "float32", {"output_size": 33, "strides": strides}),
        "the attribute output_size is missing": graph(kernel, "float32", {"strides": strides}),
        "the attribute strides is missing": graph(kernel, "float32", {"output_size": 7, "strides": strides[:3]}),
    }
    for problem, answer in built_by_rtx(library, tmp_path, graphs)["graphs"].items():
        assert answer["bytes"] == 0
        # How a library finds the logger has changed with TensorRT 11, which TensorRT for RTX follows.
        assert any(problem in error for error in answer["errors"]) == (major_of_headers() >= 11)


def test_shapes_that_no_kernel_takes_are_refused(library: Path, tmp_path: Path) -> None:
    model = graph(next(kernel for kernel in KERNELS if kernel.contract.name == "GridFusion"), "float32", {})
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    sizes[1].dim_value = 9 * 80
    answer = built_by_rtx(library, tmp_path, {"too many channels": model})["graphs"]["too many channels"]
    assert answer["bytes"] == 0
    problem = "features must have 16, 32, 48 or 64 channels for each point"
    assert any(problem in error for error in answer["errors"]) == (major_of_headers() >= 11)


def major_of_headers() -> int:
    """Of the TensorRT that the library is built for."""
    text = Path(os.environ["TENSORRT_ROOT"], "include", "NvInferVersion.h").read_text()
    found = re.search(r"#define (?:TRT_MAJOR_ENTERPRISE|NV_TENSORRT_MAJOR) (\d+)", text)
    assert found is not None
    return int(found[1])


def test_missing_headers_are_an_error_with_the_remedy(tmp_path: Path) -> None:
    if shutil.which("nvcc") is None:
        pytest.skip("there is no nvcc")
    # The system may have some, so CMake gets variables that say that it looked already.
    done = cmake("-S", SOURCE, "-B", tmp_path / "build", "-DTENSORRT_INCLUDE_DIR=")
    assert done.returncode != 0
    assert "TensorRT's headers are missing" in done.stderr
    assert "TENSORRT_ROOT" in done.stderr


def test_a_missing_compiler_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    """In CUDACXX, since CMake looks for nvcc in more places than the path."""
    done = cmake("-S", SOURCE, "-B", tmp_path / "build", CUDACXX=str(tmp_path / "nvcc"))
    assert done.returncode != 0
    assert "need NVIDIA's compiler" in done.stderr
