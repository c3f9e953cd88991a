"""A backend that another package brings does all that ours do, though no line of GridRT knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.errors import GridRTError
from gridrt.runtime import backend as registry
from gridrt.runtime.backend import AUTO, Backend, Session, SessionOptions, choose_backend, open_session
from gridrt.runtime.info import ModelInfo
from tests.datasets import write_dataset
from tests.fakes import whole_image_graph

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy") / "toy_backend.py"
BOX = [8.0, 6.0, 40.0, 30.0]


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """A folder of installed packages with the toy backend, named by an entry point."""
    packages = tmp_path / "packages"
    facts = packages / "toy_backend-1.0.dist-info"
    facts.mkdir(parents=True)
    shutil.copy(TOY, packages)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-backend\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[gridrt.backends]\ntoy = toy_backend:BACKEND\n")
    return packages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with two toy models, one of them named as if it were a graph, and annotated images."""
    content: dict[str, Any] = {
        "images": [{"id": number, "file_name": f"{number}.png", "width": 64, "height": 48} for number in range(3)],
        "categories": [{"id": 1, "name": "scene"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [8, 6, 32, 24], "area": 768, "iscrowd": 0}
            for n in range(3)
        ],
    }
    (tmp_path / "images").mkdir()
    write_dataset(tmp_path / "images", content)
    (tmp_path / "images/annotations.json").rename(tmp_path / "annotations.json")  # a folder tells what it leaves out
    for number in range(3):
        save_image(tmp_path / f"images/{number}.png", np.full((48, 64, 3), 60 * (number + 1), np.uint8))
    (tmp_path / "model.toy").write_bytes(b"TOY" + json.dumps(BOX).encode())
    (tmp_path / "moved.onnx").write_bytes(b"TOY" + json.dumps([0.0, 0.0, 4.0, 4.0]).encode())
    return tmp_path


@pytest.fixture
def installed(folder: Path, packaged: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process works in the folder, and finds the entry point as that of an installed package."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(packaged)
    registry.backends.cache_clear()
    yield
    registry.backends.cache_clear()


def gridrt(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


ANNOTATED = ("--images", "images", "--annotations", "annotations.json")


def test_the_toy_is_as_short_as_promised() -> None:
    assert len([line for line in TOY.read_text().splitlines() if line.strip()]) < 30


def test_it_detects_in_a_process_that_finds_its_entry_point(folder: Path, packaged: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(packaged)])}
    command = [sys.executable, "-m", "gridrt", "detect", "images", "--model", "model.toy", "--json", "found.json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert boxes_of(folder / "found.json") == [[BOX]] * 3


def boxes_of(file: Path) -> list[list[list[float]]]:
    """Of each image."""
    return [[each["box"] for each in record["detections"]] for record in json.loads(file.read_text())]


@pytest.mark.usefixtures("installed")
def test_the_content_of_a_file_decides_over_its_suffix(folder: Path) -> None:
    done = gridrt("detect", "images", "--model", "moved.onnx", "--json", "found.json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert boxes_of(folder / "found.json") == [[[0.0, 0.0, 4.0, 4.0]]] * 3


@pytest.mark.usefixtures("installed")
def test_it_is_evaluated(folder: Path) -> None:
    done = gridrt("evaluate", "--model", "model.toy", *ANNOTATED, "--json", "figures.json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(Path(folder, "figures.json").read_text())["overall"]["ap"] == 1.0


@pytest.mark.usefixtures("installed")
def test_it_is_benched_in_a_process_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)

    done = gridrt("bench", "model.toy", *ANNOTATED, "--runs", "1", "--json", "bench.json")

    assert (done.exit_code, done.stderr) == (0, "")
    (row,) = json.loads(Path(folder, "bench.json").read_text())["rows"]
    keys = ("format", "backend", "run_by", "failure")
    assert tuple(row[key] for key in keys) == ("Toy", "toy", "toy 1.0, cpu", "")
    assert row["accuracy"]["overall"]["ap"] == 1.0


@pytest.mark.usefixtures("installed")
def test_it_is_inspected() -> None:
    as_text, as_json = gridrt("inspect", "model.toy"), gridrt("inspect", "model.toy", "--json")

    assert "toy 1.0" in as_text.stdout
    assert json.loads(as_json.stdout)["info"]["class_names"] == ["scene", "dog"]


@pytest.mark.usefixtures("installed")
def test_doctor_lists_it() -> None:
    done = gridrt("doctor", "--json")

    row = {"name": "Toy", "problem": "", "remedy": "", "runs": True, "backend": "toy"}
    assert row in json.loads(done.stdout)["backends"]


@pytest.mark.usefixtures("installed")
def test_it_is_compared_end_to_end(folder: Path) -> None:
    done = gridrt("compare", "model.toy", "moved.onnx", "--images", "images", "--json", "same.json")

    verdict = json.loads(Path(folder, "same.json").read_text())
    assert (done.exit_code, verdict["same"]) == (3, False)
    compared = [stage["stage"] for stage in verdict["stages"] if stage["figures"]]
    assert len(compared) == 2, "class names, and what is found end to end"
    assert sum("exposes only final outputs" in note for note in verdict["notes"]) == 2


@pytest.mark.usefixtures("installed")
def test_a_comparison_says_that_it_runs_without_an_option_of_the_other_side(folder: Path) -> None:
    onnx.save(whole_image_graph(), folder / "graph.onnx")

    gridrt("compare", "model.toy", "graph.onnx", "--images", "images", "--threads", "1", "--json", "same.json")

    notes = json.loads(Path(folder, "same.json").read_text())["notes"]
    assert next(note for note in notes if "`threads`" in note).startswith("model.toy runs without")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("verb", "option"),
    [
        (("detect", "images", "--model", "model.toy"), ("--threads", "2")),
        (("detect", "images", "--model", "model.toy"), ("--trust-checkpoint",)),
        (("evaluate", "--model", "model.toy", *ANNOTATED), ("--threads", "2")),
        (("bench", "model.toy", *ANNOTATED), ("--threads", "2")),
        (("inspect", "model.toy"), ("--trust-checkpoint",)),
        (("compare", "model.toy", "moved.onnx"), ("--trust-checkpoint",)),
        (("detect", "images", "--model", "model.toy"), ("--backend", "onnxruntime")),
        (("compare", "model.toy", "moved.onnx"), ("--backend", "onnxruntime")),
    ],
)
def test_options_that_it_cannot_honour_are_refused(verb: tuple[str, ...], option: tuple[str, ...]) -> None:
    done = gridrt(*verb, *option)

    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert (option[-1] if option[0] == "--backend" else option[0]) in done.stderr


def test_without_the_package_its_file_is_refused_with_what_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    done = gridrt("detect", "images", "--model", "model.toy")

    assert done.exit_code == 1
    assert all(word in done.stderr for word in ("model.toy", ".onnx", ".pth"))


# The registry, in this process.


class Other(Backend):
    """Opens files that begin with its name."""

    title = "Other"

    def __init__(self, name: str, *, faithful: bool = True, preference: int = 0, problem: str = "") -> None:
        self.name, self.faithful, self.preference, self._problem = name, faithful, preference, problem

    def opens(self, path: Path) -> bool:
        return path.read_bytes().startswith(b"OTHER")

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        raise NotImplementedError

    def open(self, path: Path, options: SessionOptions) -> Session:
        raise NotImplementedError

    def probe(self) -> list[registry.Availability]:
        return [registry.Availability(self.title, self._problem)]


def registered(monkeypatch: pytest.MonkeyPatch, *found: Backend) -> None:
    ordered = sorted(found, key=lambda backend: -backend.preference)
    monkeypatch.setattr(registry, "backends", lambda: tuple(ordered))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.bin").write_bytes(b"OTHER")
    return tmp_path / "a.bin"


def test_auto_takes_the_preferred_one_that_is_available(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, Other("slow"), Other("fast", preference=2), Other("absent", preference=3, problem="no GPU"))

    assert choose_backend(file)[0].name == "fast"


def test_auto_takes_none_whose_boxes_are_not_the_references_while_there_is_another(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rough = Other("rough", preference=2, faithful=False)
    registered(monkeypatch, rough, Other("exact"))
    assert choose_backend(file)[0].name == "exact"

    assert choose_backend(file, "rough")[0] is rough


def test_where_none_is_available_the_preferred_one_tells_what_is_missing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, Other("second", problem="b"), Other("first", preference=1, problem="a"))

    assert choose_backend(file)[0].name == "first"


def test_a_backend_that_does_not_open_the_file_is_refused_with_those_that_do(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, Other("one"), registry.backend_named("onnxruntime"))

    with pytest.raises(GridRTError, match="cannot open this file") as refused:
        choose_backend(file, "onnxruntime")
    assert (refused.value.place, refused.value.remedy) == (file, "It opens with one.")


def test_an_unknown_backend_is_refused_with_the_known_names(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, Other("one"), Other("two"))

    with pytest.raises(GridRTError) as refused:
        choose_backend(file, "three")
    assert (refused.value.value, refused.value.remedy) == ("three", "Name one of one, two.")


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({}, set()),
        ({"threads": 2}, {"threads"}),
        ({"device": "cpu", "trust_checkpoint": True}, {"device", "trust_checkpoint"}),
    ],
)
def test_an_option_counts_as_given_where_it_differs_from_its_default(options: dict[str, Any], given: set[str]) -> None:
    assert SessionOptions(**options).given == given


@pytest.mark.parametrize("option", [{"threads": 2}, {"device": "cpu"}, {"trust_checkpoint": True}])
def test_an_option_that_the_backend_does_not_name_is_refused_before_the_file_is_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch, option: dict[str, Any]
) -> None:
    registered(monkeypatch, Other("one"))

    with pytest.raises(GridRTError, match="backend one"):
        open_session(file, backend=AUTO, **option)


def test_entry_points_of_a_source_tree_that_is_not_installed_are_those_of_its_project_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = {backend.name for backend in registry.backends()}
    monkeypatch.setattr(registry, "entry_points", lambda group: [])  # noqa: ARG005 - by its name

    assert {backend.name for backend in registry.backends.__wrapped__()} == installed


def test_a_backend_that_cannot_be_loaded_is_left_out_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("broken", "gridrt.no_such_module:BACKEND", registry.GROUP),
        EntryPoint("other", "gridrt.errors:GridRTError", registry.GROUP),
        EntryPoint("sound", "gridrt.runtime.onnxruntime.backend:BACKEND", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "_entry_points", lambda: points)

    with pytest.warns(UserWarning, match="cannot load the backend") as told:
        found = registry.backends.__wrapped__()
    assert [backend.name for backend in found] == ["onnxruntime"]
    assert [name in str(one.message) for one, name in zip(told, ("broken = ", "other = "), strict=True)] == [True, True]
