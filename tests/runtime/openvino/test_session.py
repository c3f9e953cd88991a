from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
from openvino import CompiledModel, Core

from gridrt.errors import DependencyError, GraphError
from gridrt.graph.graph import load_graph
from gridrt.runtime import open_session
from gridrt.runtime.backend import Session
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.openvino import compile as compile_module
from gridrt.runtime.openvino.backend import BACKEND
from gridrt.runtime.openvino.session import OpenVinoSession
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph

IMAGES = np.zeros((1, 32, 64, 3), np.uint8)
SIZES = np.array([[20, 60]], np.int32)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(whole_image_graph(), path)
    return path


def test_batches_of_different_sizes_run_through_the_graph(graph: Path) -> None:
    session = OpenVinoSession(graph)
    for batch, height in ((2, 32), (1, 64), (3, 32)):
        images = np.zeros((batch, height, 64, 3), np.uint8)
        images[-1] = 255
        sizes = np.array([[20 + number, 60] for number in range(batch)], np.int32)

        found = session.run(images, sizes)

        np.testing.assert_array_equal(found.boxes, [[[0, 0, 60, 20 + number]] for number in range(batch)])
        np.testing.assert_array_equal(found.scores, [[0]] * (batch - 1) + [[1]])
        assert [found.boxes.dtype, found.scores.dtype, found.labels.dtype] == [np.float32, np.float32, np.int32]


def test_results_are_not_overwritten_by_the_next_run(graph: Path) -> None:
    session = OpenVinoSession(graph)
    first = session.run(IMAGES + 255, SIZES)

    session.run(IMAGES, SIZES)

    assert first.scores.item() == 1


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_streams_run_parts_of_a_batch_and_give_the_same_in_the_same_order(graph: Path, batch: int) -> None:
    images = np.random.default_rng(0).integers(0, 255, (batch, 32, 64, 3), np.uint8)
    sizes = np.array([[20 + number, 60] for number in range(batch)], np.int32)

    whole, parts = (open_session(graph, backend="openvino", streams=each).run(images, sizes) for each in (None, 3))

    np.testing.assert_array_equal(parts.boxes, whole.boxes)
    np.testing.assert_array_equal(parts.scores, whole.scores)
    np.testing.assert_array_equal(parts.labels, whole.labels)


def test_streams_are_openvinos_own(graph: Path) -> None:
    found = compile_module.compiled_graph(load_graph(graph).model, threads=2, streams=2)

    assert found.get_property("NUM_STREAMS") == min(2, len(os.sched_getaffinity(0)))


def test_threads_share_a_session(graph: Path) -> None:
    session, found = OpenVinoSession(graph), dict[int, float]()

    def run(brightness: int) -> None:
        for _ in range(20):
            found[brightness] = session.run(np.full_like(IMAGES, brightness), SIZES).scores.item()

    threads = [Thread(target=run, args=(brightness,)) for brightness in (0, 51, 255)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == pytest.approx({0: 0, 51: 0.2, 255: 1})


def test_a_graph_opens_by_the_name_of_the_backend(graph: Path) -> None:
    session = open_session(graph, backend="openvino", device="cpu", threads=1)

    assert isinstance(session, OpenVinoSession)
    assert session.info.backend.startswith("openvino 20")
    assert (session.info.device, session.info.format) == ("cpu", "ONNX")


def test_another_device_is_refused(graph: Path) -> None:
    with pytest.raises(DependencyError, match="no such device") as refused:
        open_session(graph, backend="openvino", device="cuda")
    assert refused.value.value == "cuda"


def test_an_older_openvino_is_refused_with_the_command_that_mends_it(
    graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile_module, "version", lambda _: "2026.3.1")

    with pytest.raises(DependencyError, match=r"2026\.3\.1") as refused:
        OpenVinoSession(graph)
    (there,) = BACKEND.probe()
    assert there.remedy == refused.value.remedy == 'pip install --upgrade "openvino>=2026.4"'
    assert "2026.3.1" in there.problem


def test_a_graph_that_cannot_be_compiled_is_an_error_with_its_place(tmp_path: Path) -> None:
    text = WHOLE_IMAGE_GRAPH.replace("Div(brightness", "NoSuchOp(brightness")
    onnx.save(whole_image_graph(text), tmp_path / "a.onnx")

    with pytest.raises(GraphError, match="cannot compile") as caught:
        OpenVinoSession(tmp_path / "a.onnx")
    assert caught.value.place == tmp_path / "a.onnx"


def test_a_batch_that_openvino_refuses_is_an_error_with_its_place(graph: Path) -> None:
    with pytest.raises(GraphError, match="cannot run") as caught:
        OpenVinoSession(graph).run(IMAGES[0], SIZES)
    assert caught.value.place == graph


def compiled(graph: Path, threads: int | None = None) -> CompiledModel:
    return compile_module.compiled_graph(load_graph(graph).model, threads=threads)


def test_precision_and_threads_are_stated(graph: Path) -> None:
    found = compiled(graph, threads=1)

    assert found.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert found.get_property("INFERENCE_NUM_THREADS") == 1


def test_compiled_graphs_are_kept_where_the_user_names_a_cache(
    exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRT_CACHE", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    sizes = np.array([[60, 90]], np.int32)

    found = [OpenVinoSession(exported("tiny"), threads=1) for _ in range(2)]

    assert len(list((tmp_path / "openvino").rglob("*.blob"))) == 1
    first, again = (session.run(images, sizes) for session in found)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert compiled(exported("tiny"), threads=1).get_property("LOADED_FROM_CACHE")


@pytest.mark.parametrize("variable", compile_module.ISA_LIMITS)
def test_a_limit_to_sse41_that_openvino_cannot_bear_stays_with_pytorch(variable: str) -> None:
    program = """
import onnx.parser, os, sys
from gridrt.runtime.openvino.compile import compiled_graph
best = "best (float[1,9] x, int64[1] k) => (float[1,K] v, int64[1,K] i) { v, i = TopK <axis = 1> (x, k) }"
compiled_graph(onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]>' + best))
print(os.environ[sys.argv[1]])
"""
    unlimited = {name: value for name, value in os.environ.items() if name not in compile_module.ISA_LIMITS}
    command = [sys.executable, "-c", program, variable]
    done = subprocess.run(command, env=unlimited | {variable: "SSE41"}, capture_output=True, text=True, check=False)
    assert done.stdout == "SSE41\n", done.stderr
    assert f"{variable}=SSE41 does not limit OpenVINO" in done.stderr


def test_nothing_is_kept_without_a_cache(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIDRT_CACHE", raising=False)
    kept: list[object] = []
    monkeypatch.setattr(Core, "compile_model", lambda _core, _model, _device, settings: kept.append(settings))

    compiled(graph)

    assert "CACHE_DIR" not in str(kept)


@pytest.mark.parametrize("target", ["cpu", "tensorrt"])
def test_int8_files_of_both_targets_run(written: Callable[[str, str], Path], target: str) -> None:
    """Ranges are made up: the boxes mean nothing, but both runtimes find some."""
    images = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    sizes = np.array([[60, 90]], np.int32)
    file = written("int8", target)
    sessions: list[Session] = [OpenVinoSession(file, 1), OnnxRuntimeSession(file, ["CPUExecutionProvider"], 1)]

    found = [session.run(images, sizes) for session in sessions]

    assert [session.info.precision for session in sessions] == ["int8", "int8"]
    assert all((each.labels >= 0).any() for each in found)
    assert abs(int((found[0].labels >= 0).sum()) - int((found[1].labels >= 0).sum())) <= 5
