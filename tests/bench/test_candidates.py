from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch

from gridrt.bench.candidates import Candidate, candidates_of, require_honoured
from gridrt.bench.process import CandidateProcess
from gridrt.bench.worker import WorkerOptions
from gridrt.errors import GridRTError
from gridrt.files import sha256_of
from gridrt.model.zoo import SHIPPED
from gridrt.runtime.backend import SessionOptions
from tests.fakes import whole_image_graph


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with a graph, two checkpoints and an engine; only the graph can be opened."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), "a.onnx")
    for name in ("a.pth", "b.pth"):
        torch.save({}, name)
    Path("a.engine").write_bytes(b"ftrt")


def rows(models: list[str], backends: list[str], *, fp16: bool = False) -> list[tuple[str, str | None]]:
    found = candidates_of(models, backends, fp16=fp16)
    return [(each.artefact, each.backend.name if each.backend else None) for each in found]


def test_a_file_is_one_row_of_its_preferred_backend() -> None:
    assert rows(["a.pth", "a.onnx", "a.engine"], []) == [
        ("a.pth", "pytorch"),
        ("a.onnx", "onnxruntime"),
        ("a.engine", "tensorrt"),
    ]


def test_a_named_backend_runs_the_files_that_it_opens_and_no_others() -> None:
    assert rows(["a.pth", "a.onnx"], ["pytorch_cuda"]) == [("a.pth", "pytorch_cuda"), ("a.onnx", "onnxruntime")]


def test_two_named_backends_give_two_rows_of_a_file_that_both_open() -> None:
    named = ["pytorch", "pytorch_cuda", "pytorch"]

    assert rows(["a.pth", "a.onnx"], named) == [
        ("a.pth", "pytorch"),
        ("a.pth", "pytorch_cuda"),
        ("a.onnx", "onnxruntime"),
    ]


def test_fp16_adds_a_row_of_half_precision_for_each_checkpoint() -> None:
    both = ["pytorch", "pytorch_cuda"]

    assert rows(["a.pth", "a.onnx"], [], fp16=True) == rows(["a.pth", "a.onnx"], both)
    assert rows(["a.pth"], ["pytorch_cuda"], fp16=True) == [("a.pth", "pytorch_cuda")]


def test_the_name_of_a_row_has_the_backend_where_the_file_has_several_rows() -> None:
    found = candidates_of(["a.pth", "a.onnx"], [], fp16=True)

    assert [each.name for each in found] == ["a.pth (pytorch)", "a.pth (pytorch_cuda)", "a.onnx"]


def test_a_backend_that_opens_none_of_the_files_is_an_error() -> None:
    with pytest.raises(GridRTError) as caught:
        candidates_of(["a.pth", "a.onnx"], ["tensorrt"], fp16=False)
    assert (caught.value.place, caught.value.value) == ("`backend`", "a.pth, a.onnx")


def test_fp16_without_a_checkpoint_is_an_error() -> None:
    with pytest.raises(GridRTError) as caught:
        candidates_of(["a.onnx"], [], fp16=True)
    assert (caught.value.place, caught.value.value) == ("`fp16`", "a.onnx")


def test_an_unknown_backend_is_an_error() -> None:
    with pytest.raises(GridRTError) as caught:
        candidates_of(["a.onnx"], ["quantum"], fp16=False)
    assert (caught.value.place, caught.value.value) == ("`backend`", "quantum")


def test_spellings_of_a_file_are_one_candidate_by_the_first_of_them() -> None:
    Path("link.onnx").symlink_to("a.onnx")

    assert rows(["./a.onnx", "a.onnx", "link.onnx"], []) == [("./a.onnx", "onnxruntime")]


def test_weights_by_name_are_located() -> None:
    [found] = candidates_of(["tiny_bccd"], [], fp16=False)

    assert (found.name, found.path) == ("tiny_bccd", SHIPPED["tiny_bccd"])
    assert found.bytes == SHIPPED["tiny_bccd"].stat().st_size
    assert found.sha256 == sha256_of(SHIPPED["tiny_bccd"])


@pytest.mark.parametrize("name", ["absent.onnx", "notes.txt"])
def test_a_file_that_cannot_be_run_is_a_candidate_that_has_failed(name: str) -> None:
    Path("notes.txt").write_text("none")

    [failed, sound] = candidates_of([name, "a.onnx"], [], fp16=False)

    assert name in failed.failure
    assert (failed.name, failed.backend) == (name, None)
    assert failed.start(SessionOptions()) is None
    assert sound.failure == ""


def test_options_go_to_the_backends_that_honour_them(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[WorkerOptions] = []

    def noted(_: CandidateProcess, _make: object, options: WorkerOptions) -> None:
        opened.append(options)

    monkeypatch.setattr(CandidateProcess, "__init__", noted)
    options = SessionOptions(threads=2, trust_checkpoint=True)
    candidates = candidates_of(["a.pth", "a.onnx", "a.engine"], [], fp16=False)

    require_honoured(candidates, options)
    for candidate in candidates:
        candidate.start(options)

    assert [each.session for each in opened] == [options, SessionOptions(threads=2), SessionOptions()]


@pytest.mark.parametrize(
    ("model", "options", "flag"),
    [
        ("a.onnx", SessionOptions(trust_checkpoint=True), "trust_checkpoint"),
        ("a.engine", SessionOptions(threads=2), "threads"),
    ],
)
def test_an_option_that_no_backend_honours_is_an_error(model: str, options: SessionOptions, flag: str) -> None:
    with pytest.raises(GridRTError) as caught:
        require_honoured(candidates_of([model], [], fp16=False), options)
    assert caught.value.place == f"`{flag}`"


def test_an_error_is_the_failure_of_its_candidate_and_any_other_exception_is_raised() -> None:
    candidate = Candidate("a")
    with candidate.required():
        raise GridRTError("the disk is missing")
    with candidate.optional("memory"):
        raise GridRTError("the tool is missing")

    assert candidate.failure == "the disk is missing"
    assert candidate.not_measured == ["memory not measured: the tool is missing"]
    with pytest.raises(ZeroDivisionError), candidate.required():
        1 / 0  # noqa: B018 - it raises
