"""Engines of the small detector are built, compared and evaluated; ONNX Runtime stands in for engines that run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest

import gridrt.eval
from benchmarks import gpu_engine, gpu_engines, gpu_images
from benchmarks.gpu_engine import built
from benchmarks.gpu_engines import _graph, measure
from benchmarks.gpu_images import find_set
from benchmarks.gpu_report import Report, read_report
from benchmarks.training_sets import SETS
from gridrt.data.synthetic import write_synthetic
from gridrt.errors import EngineError
from gridrt.eval import AveragePrecision, Metrics
from gridrt.export import onnx_export
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.tensorrt import session as tensorrt_session


def precision(points: int) -> AveragePrecision:
    """The same at every threshold, in points of 100."""
    return AveragePrecision(1, *[points / 100] * 8)


def test_without_photographs_the_set_is_synthetic_and_has_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRT_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(gpu_images, "SYNTHETIC", 1)

    name, root, why = find_set(tmp_path)

    assert (name, (root / "instances_val.json").exists()) == ("synthetic", True)
    assert "GRIDRT_DATA" in why


def test_photographs_are_taken_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRT_DATA", str(tmp_path))
    (tmp_path / "bccd" / "annotations").mkdir(parents=True)

    assert find_set(tmp_path) == ("bccd", tmp_path / "bccd", "photographs")


def test_each_precision_is_built_compared_and_evaluated_and_one_that_fails_is_a_row(
    exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRT_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(gpu_images, "SYNTHETIC", 1)
    monkeypatch.setattr(gpu_engines, "PRECISIONS", ("fp32", "fp16"))
    graphs: dict[Path, Path] = {}

    def fake_build(graph: Path, engine: Path, *, seconds: float) -> Any:  # noqa: ANN401 - a stand-in
        if "fp16" in graph.name:
            raise EngineError(f"failed to build it in {seconds} s")
        graphs[engine] = graph
        manifest = {"runtime": {"name": "tensorrt", "version": "11"}, "engine": {"bytes": 9}, "precision": {}}
        return SimpleNamespace(seconds=2.5, warnings=[], **manifest)

    monkeypatch.setattr(gpu_engines, "built", fake_build)
    monkeypatch.setattr(
        tensorrt_session, "TensorRTSession", lambda path: OnnxRuntimeSession(graphs[path], ["CPUExecutionProvider"], 1)
    )
    # An export takes long, and this graph is there; but its classes are not those of the images.
    monkeypatch.setattr(onnx_export, "onnx_from_model", lambda *_: onnx.load(exported("tiny")))
    monkeypatch.setattr(gridrt.eval, "evaluate", lambda detector, _: Metrics(1, precision(detector.scale[0]), {}))

    measure(tmp_path, Report(tmp_path / "gpu_engines.json", {}))

    rows = {row["what"]: row for row in read_report(tmp_path / "gpu_engines.json")[0]}
    assert [what for what, row in rows.items() if "problem" in row] == ["engine fp16"]
    assert rows["images"]["weights"] == "tiny_synthetic.pth"
    assert rows["engine fp32, built"]["seconds_of_build"] == 2.5
    beside = rows["engine fp32 beside ONNX Runtime"]
    assert (beside["images"], beside["missing"], beside["extra"], beside["box_px_most"]) == (1, 0, 0, 0)
    assert beside["detections"] > 0
    assert rows["engine fp32, AP"]["result"] == "AP 1333.00, AP50 1333.00, AP75 1333.00, AP90 1333.00"


def test_int8_has_ranges_of_training_images(exported: Callable[[str], Path], tmp_path: Path) -> None:
    synthetic, graph = tmp_path / "synthetic", tmp_path / "graph.onnx"
    write_synthetic(synthetic, train_images=1, val_images=1)
    shutil.copy(exported("tiny"), graph)

    written = _graph("int8", graph, synthetic, SETS["synthetic"])

    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(written).graph.node)


def test_the_program_knows_what_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets as far as the graph, which is not there."""
    monkeypatch.setattr(gpu_engine, "tensorrt_here", lambda: SimpleNamespace(name="tensorrt-rtx"))

    with pytest.raises(EngineError) as caught:
        built(tmp_path / "none.onnx", tmp_path / "a.engine", "--batch", "8", "--size", "256x320", seconds=120)
    assert caught.value.place == "a.engine"
    assert str(tmp_path / "none.onnx") in str(caught.value.value)


@pytest.mark.parametrize(
    ("answer", "word", "found"),
    [
        (subprocess.CompletedProcess([], 1, "", "warning\nerror: no memory\n"), "tensorrt", "error: no memory"),
        (subprocess.CompletedProcess([], -11, "", ""), "tensorrt", "exit code -11"),
        (subprocess.TimeoutExpired([], 5), "in 5 s", None),
    ],
)
def test_an_engine_that_is_not_built_is_an_error_with_the_reason(
    answer: subprocess.CompletedProcess[str] | Exception,
    word: str,
    found: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(gpu_engine, "tensorrt_here", lambda: SimpleNamespace(name="tensorrt"))
    monkeypatch.setattr(subprocess, "run", run)

    with pytest.raises(EngineError, match=word) as caught:
        built(tmp_path / "graph.onnx", tmp_path / "a.engine", seconds=5)
    assert (caught.value.place, caught.value.value) == ("a.engine", found)
