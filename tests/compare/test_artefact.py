"""What of a file can be run; TensorRT is a stand-in."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from gridrt.compare.artefact import open_artefact
from gridrt.compare.compare import compare, drawn_pictures
from gridrt.errors import DependencyError
from gridrt.files import sha256_of
from gridrt.runtime.tensorrt import session as tensorrt_session
from gridrt.runtime.tensorrt.manifest import Manifest, write_manifest
from tests.fakes import FakeSession, whole_image_graph


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """An engine beside the graph that it was built from."""
    engine, graph = tmp_path / "a.engine", tmp_path / "a.onnx"
    engine.write_bytes(b"engine")
    onnx.save(whole_image_graph(), graph)
    manifest = Manifest(
        gridrt="0",
        engine={"file": engine.name, "sha256": sha256_of(engine), "bytes": 6},
        graph={
            "file": graph.name,
            "sha256": sha256_of(graph),
            "metadata": {"gridrt.classes": '["cat", "dog"]', "gridrt.weights_sha256": "ab" * 32},
        },
        runtime={"name": "tensorrt", "version": "11.0"},
        gpu={"name": "a GPU", "compute_capability": "9.0"},
        compute_capabilities=[],
        plugins={"adapter": "python", "version": 1},
        profile={"images": [[1, 32, 32, 3]] * 3},
        precision={"backbone": {"fp16": 40, "unknown": 1}, "rpn_head": {"fp32": 2}},
        options={"hardware": "same"},
        warnings=[],
        seconds=1.0,
    )
    write_manifest(manifest, engine)
    return engine


def test_an_engine_is_compared_by_its_boxes_and_its_graph_is_advised(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", lambda _path: FakeSession())
    artefact = open_artefact(str(engine))

    comparison = compare(artefact, artefact, drawn_pictures()[:1], (64, 64))

    assert (artefact.precision, artefact.weights_sha256) == ("fp16", "ab" * 32)
    assert [result.stage for result in comparison.results if result.figures] == ["classes", "whole detector"]
    assert comparison.first is None
    assert f"compare {engine.with_suffix('.onnx')}" in comparison.notes[0]


def test_a_graph_that_the_engine_was_not_built_from_is_not_advised(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", lambda _path: FakeSession())
    onnx.save(whole_image_graph(classes='["another"]'), engine.with_suffix(".onnx"))

    assert open_artefact(str(engine)).whole_because == "an engine shows nothing but its boxes."


def test_where_an_engine_cannot_run_its_graph_is_advised(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_gpu(_path: Path) -> FakeSession:
        raise DependencyError("an engine needs a GPU", remedy="Get one.")

    monkeypatch.setattr(tensorrt_session, "TensorRTSession", no_gpu)

    with pytest.raises(DependencyError, match=r"needs a GPU\. Get one\. Its graph .* compare .*a\.onnx"):
        open_artefact(str(engine))


def test_a_checkpoint_is_its_own_parent_and_a_graph_names_it(tiny_synthetic_file: Path) -> None:
    weights, graph = open_artefact("tiny_synthetic", threads=1), open_artefact(str(tiny_synthetic_file), threads=1)

    assert weights.sha256 == weights.weights_sha256 == graph.weights_sha256
    assert graph.sha256 == sha256_of(tiny_synthetic_file)
    assert weights.stages is not None
    assert graph.stages is not None
