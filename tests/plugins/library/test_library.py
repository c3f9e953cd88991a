"""The library is built by CMake, needs no TensorRT to be linked, and TensorRT for RTX builds engines with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from gridrt.plugins.contract import DOMAIN, VERSION, ElementType, Precision
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import KERNELS

SOURCE = Path(__file__).parents[3] / "plugins" / "library"
TYPES = {"float32": onnx.TensorProto.FLOAT, "float16": onnx.TensorProto.FLOAT16, "int32": onnx.TensorProto.INT32}
FIELD_TYPES = {"int": "INT32", "ints": "INT32", "float": "FLOAT32"}
CASES = [(kernel, precision) for kernel in KERNELS for precision in kernel.contract.tolerances]


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


def graph(kernel: Kernel, precision: Precision, **changes: int | None) -> onnx.ModelProto:
    """One node of an op, as R-50 has it; `changes` are of its attributes, none takes one away."""
    contract, example = kernel.contract, kernel.examples[0]

    def kind(element: ElementType) -> int:
        return TYPES[precision if element == "feature" else element]

    inputs = [
        helper.make_tensor_value_info(tensor.name, kind(tensor.dtype), example.shapes[tensor.name])
        for tensor in contract.input_tensors
    ]
    outputs = [
        helper.make_tensor_value_info(tensor.name, kind(tensor.dtype), None) for tensor in contract.output_tensors
    ]
    attributes = {**contract.node_attributes(**example.attributes), **changes}
    kept = {name: value for name, value in attributes.items() if value is not None}
    node = helper.make_node(contract.name, contract.inputs, contract.outputs, domain=DOMAIN, **kept)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, VERSION)]
    return helper.make_model(helper.make_graph([node], "node", inputs, outputs), ir_version=10, opset_imports=opsets)


def built_by_rtx(library: Path, folder: Path, graphs: Mapping[str, onnx.ModelProto]) -> dict[str, Any]:
    """What `build_engines.py` tells; the test is skipped where TensorRT for RTX is missing."""
    found = find_spec("tensorrt_rtx_libs")
    if found is None or found.origin is None:
        pytest.skip("TensorRT for RTX is missing: pip install tensorrt-rtx-cu13")
    (folder / "libtensorrt_rtx.so").symlink_to(Path(found.origin).with_name("libtensorrt_rtx.so.1"))
    paths = {name: folder / f"{name}.onnx" for name in graphs}
    for name, path in paths.items():
        onnx.save(graphs[name], path)
    command = [sys.executable, Path(__file__).with_name("build_engines.py"), library, *paths.values()]
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, "graphs": {name: told["graphs"][str(path)] for name, path in paths.items()}}


def test_it_gives_tensorrt_what_it_asks_for_and_needs_nothing_of_it(library: Path) -> None:
    def symbols(which: str) -> set[str]:
        listed = subprocess.run(["nm", "-D", which, library], capture_output=True, text=True, check=True)  # noqa: S607
        return {line.split()[-1].partition("@")[0] for line in listed.stdout.splitlines()}

    assert symbols("--defined-only") == {"getCreators", "setLoggerFinder"}
    assert not any(word in name for name in symbols("--undefined-only") for word in ("nvinfer", "cuda", "Plugin"))


def test_tensorrt_for_rtx_builds_an_engine_with_every_op(library: Path, tmp_path: Path) -> None:
    names = {f"{kernel.contract.name} {precision}": (kernel, precision) for kernel, precision in CASES}
    told = built_by_rtx(library, tmp_path, {name: graph(*case) for name, case in names.items()})
    for name, (kernel, _) in names.items():
        engine, example = told["graphs"][name], kernel.examples[0]
        assert engine["errors"] == []
        assert engine["layers"] == ["PLUGIN_V3"]
        assert engine["bytes"] > 0
        assert engine["outputs"] == [
            [size.value(example.shapes) for size in tensor.shape(example.attributes)]
            for tensor in kernel.contract.output_tensors
        ]


def test_its_creators_have_the_contracts_attributes(library: Path, tmp_path: Path) -> None:
    assert built_by_rtx(library, tmp_path, {})["creators"] == {
        kernel.contract.name: {constant.name: FIELD_TYPES[constant.kind] for constant in kernel.contract.node_constants}
        for kernel in KERNELS
    }


def test_attributes_that_do_not_fit_are_told_in_the_log(library: Path, tmp_path: Path) -> None:
    kernel = next(kernel for kernel in KERNELS if kernel.contract.name == "MultiLevelRoiAlign")
    graphs = {
        "too many bins": graph(kernel, "float32", output_size=33),
        "no bins": graph(kernel, "float32", output_size=None),
    }
    told = built_by_rtx(library, tmp_path, graphs)["graphs"]
    assert any("output_size must be from 1 to 32" in error for error in told["too many bins"]["errors"])
    assert any("the attribute output_size is missing" in error for error in told["no bins"]["errors"])


def test_missing_headers_are_told_with_the_remedy(tmp_path: Path) -> None:
    if shutil.which("nvcc") is None:
        pytest.skip("there is no nvcc")
    # Nor are those seen that the system may have.
    blind = [f"-DCMAKE_FIND_USE_{place}_PATH=OFF" for place in ("CMAKE_SYSTEM", "SYSTEM_ENVIRONMENT")]
    done = cmake("-S", SOURCE, "-B", tmp_path / "build", *blind, TENSORRT_ROOT="")
    assert done.returncode != 0
    assert "TensorRT's headers are missing" in done.stderr
    assert "TENSORRT_ROOT" in done.stderr


def test_a_missing_compiler_is_told_with_the_remedy(tmp_path: Path) -> None:
    """In CUDACXX, since CMake looks for nvcc in more places than the path."""
    done = cmake("-S", SOURCE, "-B", tmp_path / "build", CUDACXX=str(tmp_path / "nvcc"))
    assert done.returncode != 0
    assert "need NVIDIA's compiler" in done.stderr
