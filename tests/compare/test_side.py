"""What can be run of a model file, and by which backend; TensorRT is a stand-in."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from gridrt.compare.compare import compare_models, synthetic_images
from gridrt.compare.side import open_sides
from gridrt.errors import DependencyError, GridRTError
from gridrt.files import sha256_of
from gridrt.runtime import backend as registry
from gridrt.runtime.backend import Availability, Backend, Session, SessionOptions
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.onnxruntime.backend import BACKEND as ONNX_RUNTIME
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


def test_an_engine_is_compared_end_to_end_and_its_graph_is_recommended(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", lambda _path: FakeSession())

    comparison = compare_models(engine, engine, images=synthetic_images()[:1], scale=(64, 64))

    assert [result.stage for result in comparison.results if result.figures] == ["classes", "end to end"]
    assert comparison.first_difference is None
    assert str(engine.with_suffix(".onnx")) in comparison.notes[0]


def test_a_graph_that_the_engine_was_not_built_from_is_not_recommended(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_session, "TensorRTSession", lambda _path: FakeSession())
    onnx.save(whole_image_graph(classes='["another"]'), engine.with_suffix(".onnx"))

    side, _ = open_sides(engine, engine)

    assert side.stages is None
    assert ".onnx" not in side.end_to_end_because


def test_an_engine_that_cannot_be_opened_is_an_error_that_leads_to_its_graph(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_gpu(_path: Path) -> FakeSession:
        raise DependencyError("an engine needs a GPU", remedy="Get one.")

    monkeypatch.setattr(tensorrt_session, "TensorRTSession", no_gpu)

    with pytest.raises(DependencyError, match="needs a GPU") as caught:
        open_sides(engine, engine)
    assert caught.value.remedy.startswith("Get one. Compare stages on its ONNX graph")


def test_checkpoints_and_graphs_are_run_stage_by_stage(tiny_synthetic_file: Path) -> None:
    weights, graph = open_sides("tiny_synthetic", tiny_synthetic_file, options=SessionOptions(threads=1))

    assert weights.info.weights_sha256 == graph.info.weights_sha256 is not None
    assert graph.info.parent_sha256 == weights.sha256
    assert graph.sha256 == sha256_of(tiny_synthetic_file)
    assert weights.stages is not None
    assert graph.stages is not None


def test_a_model_that_is_run_stage_by_stage_is_not_opened_end_to_end_as_well(
    tiny_synthetic_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ONNX_RUNTIME, "open", lambda *_: pytest.fail("opened"))

    side, _ = open_sides(tiny_synthetic_file, tiny_synthetic_file, options=SessionOptions(threads=1))

    assert side.info.backend.startswith("onnxruntime")


class OnlyEnds(Backend):
    """Opens what ONNX Runtime opens, and has no stages."""

    name = "only_ends"
    title = "Only ends"
    preference = -1

    def opens(self, path: Path) -> bool:
        return ONNX_RUNTIME.opens(path)

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        return ONNX_RUNTIME.info(path, options)

    def open(self, path: Path, options: SessionOptions) -> Session:
        return ONNX_RUNTIME.open(path, options)

    def probe(self) -> list[Availability]:
        return [Availability(self.name)]


@pytest.fixture
def only_ends(monkeypatch: pytest.MonkeyPatch) -> OnlyEnds:
    """A further backend, known by its name."""
    backend = OnlyEnds()
    known = (*registry.backends(), backend)
    monkeypatch.setattr(registry, "backends", lambda: known)
    return backend


@pytest.mark.usefixtures("only_ends")
def test_a_named_backend_runs_the_side_that_it_opens_and_auto_the_other(tiny_synthetic_file: Path) -> None:
    weights, graph = open_sides("tiny_synthetic", tiny_synthetic_file, backend="only_ends")

    assert weights.stages is not None
    assert graph.stages is None
    assert "exposes only final outputs" in graph.end_to_end_because


@pytest.mark.usefixtures("only_ends")
def test_a_backend_that_opens_neither_side_is_an_error() -> None:
    with pytest.raises(GridRTError) as caught:
        open_sides("tiny_synthetic", "tiny_bccd", backend="only_ends")
    assert (caught.value.place, caught.value.value) == ("`backend`", "tiny_synthetic, tiny_bccd")


def test_an_option_that_neither_side_honours_is_an_error(tiny_synthetic_file: Path) -> None:
    with pytest.raises(GridRTError, match="`trust_checkpoint`") as caught:
        open_sides(tiny_synthetic_file, tiny_synthetic_file, options=SessionOptions(trust_checkpoint=True))
    assert caught.value.place == tiny_synthetic_file
