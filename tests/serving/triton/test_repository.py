"""Repositories are read as Triton reads them: by the schema of its configuration."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import gridrt
from gridrt.errors import EngineError, GridRTError, OutputError
from gridrt.runtime.tensorrt.manifest import Manifest
from gridrt.serving.triton.served_model import read_served_model
from tests.fakes import whole_image_graph

MOST = 100


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    onnx.save(whole_image_graph(), tmp_path / "cells.onnx")
    return tmp_path / "cells.onnx"


def config(folder: Path) -> Any:  # noqa: ANN401 - a message of a package without types
    """The configuration of a model, parsed by Triton's schema."""
    pytest.importorskip("tritonclient", reason="tritonclient is not installed")
    schema = importlib.import_module("tritonclient.grpc.model_config_pb2")
    text_format = importlib.import_module("google.protobuf.text_format")
    return text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())


def engine_file(folder: Path, adapter: str = "aot", bounds: Any = None, **plugins: str) -> Path:  # noqa: ANN401 - as in JSON
    """A file in the place of an engine, with a manifest that is its own."""
    file = folder / "cells.engine"
    file.write_bytes(b"ftrt engine")
    bounds = bounds or [[1, 320, 320, 3], [2, 320, 480, 3], [4, 480, 480, 3]]
    manifest = Manifest(
        gridrt="0",
        engine={"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": 11},
        graph={"file": "cells.onnx", "sha256": "0", "metadata": {"gridrt.classes": '["cell"]'}},
        runtime={"name": "tensorrt", "version": "10.14.1.48"},
        gpu=None,
        compute_capabilities=[],
        plugins={"adapter": adapter, "version": "1", **plugins},
        profile={"images": bounds},
        precision={},
        options={"hardware": "none"},
        warnings=[],
        seconds=1,
    )
    (folder / "cells.engine.json").write_text(json.dumps(dataclasses.asdict(manifest)))
    return file


def test_a_graph_stands_behind_the_front_as_triton_reads_it(graph: Path, tmp_path: Path) -> None:
    written = gridrt.write_triton_repository(graph, tmp_path / "r", max_batch=4, max_delay=7, instances=3, threads=2)

    assert written.models == ("cells_model", "cells")
    front, behind = (config(tmp_path / "r" / name) for name in ("cells", "cells_model"))
    inputs = {each.name: (each.optional, each.allow_ragged_batch, list(each.dims)) for each in front.input}
    assert inputs == {"encoded": (True, False, [1]), "image": (True, True, [-1, -1, 3])}
    assert (front.backend, front.max_batch_size, front.dynamic_batching.max_queue_delay_microseconds) == (
        "python",
        4,
        7,
    )
    assert (front.instance_group[0].count, behind.instance_group[0].count) == (3, 3)
    assert (behind.backend, behind.default_model_filename, behind.max_batch_size) == ("onnxruntime", "model.onnx", 4)
    assert behind.parameters["intra_op_thread_count"].string_value == "2"
    assert (tmp_path / "r/cells_model/1/model.onnx").read_bytes() == graph.read_bytes()


def test_inputs_and_outputs_behind_the_front_are_those_of_the_graph(tiny_synthetic_file: Path, tmp_path: Path) -> None:
    gridrt.write_triton_repository(tiny_synthetic_file, tmp_path, name="cells")
    behind, graph = config(tmp_path / "cells_model"), onnx.load(tiny_synthetic_file).graph
    types = {"TYPE_UINT8": np.uint8, "TYPE_INT32": np.int32, "TYPE_FP32": np.float32}
    schema = importlib.import_module("tritonclient.grpc.model_config_pb2").DataType

    for declared, stated in [
        *zip(behind.input, graph.input, strict=True),
        *zip(behind.output, graph.output, strict=True),
    ]:
        tensor = stated.type.tensor_type
        assert declared.name == stated.name
        assert types[schema.Name(declared.data_type)] == onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        fixed = [each.dim_value for each in tensor.shape.dim[1:]]
        assert len(declared.dims) == len(fixed)
        assert all(mine == theirs for mine, theirs in zip(declared.dims, fixed, strict=True) if theirs)


def test_the_request_of_the_warm_up_fits_the_model(graph: Path, tmp_path: Path) -> None:
    gridrt.write_triton_repository(graph, tmp_path / "r", scale=(100, 50))

    request = config(tmp_path / "r/cells_model").model_warmup[0]

    height, width, _ = request.inputs["images"].dims
    sizes = np.fromfile(tmp_path / "r/cells_model/warmup/image_sizes", "<i4").reshape(-1, 2)
    assert (height, width) == (64, 128)  # 50 x 100 on multiples of 32
    assert request.inputs["image_sizes"].input_data_file == "image_sizes"
    assert len(sizes) == request.batch_size == 1
    assert (sizes <= (height, width)).all()


def test_an_engine_stands_behind_the_front_within_its_bounds(tmp_path: Path) -> None:
    written = gridrt.write_triton_repository(engine_file(tmp_path), tmp_path / "r", max_batch=16)

    front, behind = (config(tmp_path / "r" / name) for name in ("cells", "cells_model"))
    assert (front.max_batch_size, behind.max_batch_size) == (4, 4)
    assert (behind.backend, behind.default_model_filename) == ("tensorrt", "model.plan")
    assert list(behind.input[0].dims) == [-1, -1, 3]
    assert list(behind.output[0].dims) == [MOST, 4]
    assert "10.14.1.48" in written.runs_on


def test_an_engine_of_one_size_has_this_size_in_its_configuration(tmp_path: Path) -> None:
    file = engine_file(tmp_path, bounds=[[1, 320, 480, 3]] * 3)

    gridrt.write_triton_repository(file, tmp_path / "r")

    assert list(config(tmp_path / "r/cells_model").input[0].dims) == [320, 480, 3]


def test_the_plugin_library_goes_with_its_engine_and_the_start_line_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libgridrt_plugins.so"
    library.write_bytes(b"library")
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", str(library))
    digest = hashlib.sha256(b"library").hexdigest()
    file = engine_file(tmp_path, "library", file=library.name, sha256=digest)

    written = gridrt.write_triton_repository(file, tmp_path / "r")

    copy = tmp_path / "r/cells_model" / library.name
    assert copy.read_bytes() == b"library"
    assert f"--backend-config=tensorrt,plugins={copy}" in written.start
    library.write_bytes(b"another")
    with pytest.raises(EngineError) as found:
        gridrt.write_triton_repository(file, tmp_path / "r")
    assert found.value.place == file


def test_an_engine_with_plugins_in_python_is_run_by_the_front(tmp_path: Path) -> None:
    written = gridrt.write_triton_repository(engine_file(tmp_path, "python"), tmp_path / "r")

    assert (written.models, written.runs_on) == (("cells",), "GridRT")
    assert (tmp_path / "r/cells/1/model.engine.json").is_file()


def test_a_second_writing_is_the_next_version_and_the_front_asks_for_its_own(graph: Path, tmp_path: Path) -> None:
    for version in (1, 2):
        assert gridrt.write_triton_repository(graph, tmp_path / "r").version == version

        served = read_served_model(tmp_path / "r/cells" / str(version))
        assert (served.behind, served.version) == ("cells_model", version)
        assert served.info.class_names == gridrt.open_detector(graph).class_names


def test_a_model_that_others_wrote_is_left_alone(graph: Path, tmp_path: Path) -> None:
    (tmp_path / "r/cells/3").mkdir(parents=True)

    with pytest.raises(OutputError) as found:
        gridrt.write_triton_repository(graph, tmp_path / "r")

    assert found.value.place == tmp_path / "r/cells"
    assert [each.name for each in (tmp_path / "r").iterdir()] == ["cells"]


@pytest.mark.parametrize("name", ["a b", "a/b", "", 'a"b'])
def test_a_name_that_triton_does_not_take_is_refused(graph: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(GridRTError) as found:
        gridrt.write_triton_repository(graph, tmp_path / "r", name=name)

    assert (found.value.place, found.value.value) == ("`name`", name)
