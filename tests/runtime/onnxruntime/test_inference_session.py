from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from gridrt.errors import GraphError
from gridrt.machine.cpus import usable_cpus
from gridrt.runtime.onnxruntime.inference_session import inference_session
from tests.conftest import ROOT
from tests.fakes import whole_image_graph


@pytest.fixture
def file(tmp_path: Path) -> Path:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


def test_a_file_and_its_content_open_alike(file: Path) -> None:
    for model in (file, file.read_bytes()):
        session = inference_session(model)
        assert [node.name for node in session.get_outputs()] == ["boxes", "scores", "labels"]
        assert session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize(("threads", "expected"), [(3, 3), (None, usable_cpus())])
def test_threads_reach_the_runtime(file: Path, threads: int | None, expected: int) -> None:
    assert inference_session(file, threads=threads).get_session_options().intra_op_num_threads == expected


def test_a_profile_and_the_optimised_graph_are_written_where_asked_for(file: Path) -> None:
    optimized = file.with_name("optimized.onnx")

    session = inference_session(file, profile_prefix=file.with_name("times"), optimized=optimized)

    profile = Path(session.end_profiling())
    assert (profile.parent, profile.name.startswith("times")) == (file.parent, True)
    assert json.loads(profile.read_text())
    assert onnx.load(optimized).graph.node


def test_what_cannot_be_opened_is_an_error_with_its_place(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text("words")

    for model, place in ((file, None), (b"words", "of the caller")):
        with pytest.raises(GraphError, match="cannot open") as caught:
            inference_session(model, place=place)
        assert caught.value.place == (place or file)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_all_sessions_are_made_here() -> None:
    """So that threads, log and telemetry are the same for all."""
    files = (file for folder in ("gridrt", "export", "calib") for file in (ROOT / folder).rglob("*.py"))

    made_in = {file.relative_to(ROOT).as_posix() for file in files if "InferenceSession(" in file.read_text()}

    assert made_in == {"gridrt/runtime/onnxruntime/inference_session.py"}


def test_onnx_runtime_prints_nothing_of_the_error_that_it_raises(capfd: pytest.CaptureFixture[str]) -> None:
    text = """<ir_version: 10, opset_import: ["" : 20]>
        g (float[N] values, int64[K] shape) => (float[M] result) { result = Reshape(values, shape) }"""
    session = inference_session(onnx.parser.parse_model(text).SerializeToString())

    with pytest.raises(Exception, match="Reshape"):
        session.run(None, {"values": np.ones(3, np.float32), "shape": np.array([7])})

    assert capfd.readouterr() == ("", "")
