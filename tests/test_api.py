"""The library as its users see it: every function is documented, typed, and does what its example shows."""

from __future__ import annotations

import doctest
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import gridrt
from gridrt import api
from gridrt.data.image import ImageSource, save_image
from gridrt.data.synthetic import write_split
from gridrt.data.video import Video
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.runtime import peaks
from gridrt.types import Detections, UInt8Array
from tests.datasets import write_dataset
from tests.fakes import FakeSession, whole_image_graph
from tests.in_process import InProcess

FUNCTIONS = {
    name: function
    for name, function in vars(api).items()
    if inspect.isfunction(function) and function.__module__ == api.__name__ and not name.startswith("_")
}
SECTIONS = ("Args:", "Returns:", "Raises:", "Example:")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, tiny_synthetic_file: Path) -> Path:
    """A folder with what the examples use: two annotated images, and the graph of a model that ships."""
    folder = tmp_path_factory.mktemp("examples")
    write_split(folder, "val", 2)
    (folder / "val").rename(folder / "images")
    (folder / "instances_val.json").rename(folder / "annotations.json")
    shutil.copy(tiny_synthetic_file, folder / "tiny_synthetic.onnx")
    return folder


class Served:
    """In the place of a client: it detects by itself, and moves each box by 1/256 pixel."""

    def __init__(self, url: str, name: str) -> None:
        assert (url, name) == ("http://localhost:8000", "tiny_synthetic")
        self._detector = gridrt.open_detector("tiny_synthetic.onnx", threads=1)

    def detect_encoded(self, files: Sequence[bytes]) -> list[Detections]:
        return [self._shifted(gridrt.load_image(content)) for content in files]

    def detect_pixels(self, images: UInt8Array) -> list[Detections]:
        return [self._shifted(image) for image in images]

    def close(self) -> None:
        """There is no connection."""

    def _shifted(self, image: UInt8Array) -> Detections:
        found = self._detector([image])[0]
        return replace(found, boxes=found.boxes + np.float32(2**-8))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_example_shows_what_it_does(
    name: str, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if name == "build_engine":
        request.getfixturevalue("tensorrt_rtx")
    if name == "benchmark":  # its figures are not looked at
        monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)
        monkeypatch.setattr("gridrt.bench.interleave.LEAST_RUNS", 1)
        monkeypatch.setattr("gridrt.bench.candidates.CandidateProcess", InProcess)
        monkeypatch.setattr("gridrt.bench.roofline.WARM_UP", 0)
        monkeypatch.setattr("gridrt.bench.roofline.RUNS", 1)
        monkeypatch.setattr("gridrt.runtime.peaks.TRIES", 1)
        monkeypatch.setitem(peaks.MATRIX_SIDE, "cpu", 64)
        monkeypatch.setitem(peaks.MAP_SIZE, "cpu", (8, 8))
        monkeypatch.setitem(peaks.COPIED_BYTES, "cpu", 1 << 20)
    if name == "export_onnx":  # tests/cli/test_export.py traces
        graph = onnx.load(examples / "tiny_synthetic.onnx")
        monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda *_: graph)
    if name == "check_triton":  # which asks a server
        monkeypatch.setattr("gridrt.serving.triton.check.TritonClient", Served)
    shutil.copytree(examples, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(
        inspect.getdoc(FUNCTIONS[name]) or "", {"gridrt": gridrt}, name, "", 0
    )
    printed = io.StringIO()

    found = doctest.DocTestRunner(verbose=False).run(example, out=printed.write)

    assert found.attempted > 0, "it has no example"
    assert found.failed == 0, printed.getvalue()


def test_a_server_whose_boxes_move_is_told_by_how_much(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.serving.triton.check.TritonClient", Served)
    monkeypatch.chdir(examples)

    [check] = gridrt.check_triton("tiny_synthetic.onnx", ["http://localhost:8000"], "images")

    # Coordinates are below 512, where float32 has a spacing of 2**-15.
    assert check.largest_box_error == pytest.approx(2**-8, abs=2**-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_docstring_tells_arguments_results_errors_and_an_example(name: str) -> None:
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    described = set(re.findall(r"^    (\w+): ", text.split("Args:")[1].split("Returns:")[0], re.MULTILINE))

    assert [section for section in SECTIONS if f"\n{section}\n" not in text] == []
    assert described == set(inspect.signature(FUNCTIONS[name]).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_parameters_and_its_result_have_types(name: str) -> None:
    signature = inspect.signature(FUNCTIONS[name])

    assert signature.return_annotation is not inspect.Signature.empty
    assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


def test_the_package_exports_every_function_and_its_help_shows_them_all() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import gridrt; help(gridrt)"], capture_output=True, text=True, check=True
    ).stdout

    assert FUNCTIONS.keys() <= set(gridrt.__all__)
    assert FUNCTIONS.keys() <= set(re.findall(r"\w+", shown.partition("PACKAGE CONTENTS")[0])), "listed at the top"
    for name, function in FUNCTIONS.items():
        assert getattr(gridrt, name) is function
        listed = re.search(rf"^    {name}\(.*?(?=^    \w+\(|^DATA|^VERSION)", shown, re.MULTILINE | re.DOTALL)
        assert listed is not None, f"{name} is missing"
        assert all(section in listed[0] for section in SECTIONS), name


@pytest.mark.parametrize("form", ["path", "bytes", "file"])
def test_an_image_of_12_bits_is_read_from_a_path_bytes_or_a_file_and_stretched(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(path)
    content = path.read_bytes()
    forms: dict[str, ImageSource] = {"path": path, "bytes": content, "file": io.BytesIO(content)}

    assert gridrt.load_image(forms[form], stretch=True).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_videos_and_detections_are_part_of_the_library() -> None:
    assert (gridrt.Video, gridrt.Detections) == (Video, Detections)


def test_importing_the_library_loads_no_heavy_package() -> None:
    program = (
        "import sys, gridrt.api; print(*{'torch', 'numpy', 'onnx', 'onnxruntime', 'cv2', 'PIL'} & set(sys.modules))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two annotated images, each with an object as large as itself, and a graph that finds it."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    (tmp_path / "images").mkdir()
    for number in range(2):
        save_image(tmp_path / f"images/{number}.png", np.full((48, 64, 3), 200, np.uint8))
    write_dataset(
        tmp_path / "images",
        {
            "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(2)],
            "categories": [{"id": 1, "name": "scene"}],
            "annotations": [{"id": n + 1, "image_id": n, "category_id": 1, "bbox": [0, 0, 64, 48]} for n in range(2)],
        },
    )
    return tmp_path


def test_records_come_while_later_files_wait(folder: Path) -> None:
    """Threads read some files ahead, never all of many."""
    many = ["images/0.png"] + [f"images/copy{number}.png" for number in range(60)]
    for copy in many[1:]:
        shutil.copy(folder / many[0], folder / copy)
    records = iter(api.detect_files("model.onnx", many, scale=(64, 48), workers=1))

    first = next(records)

    assert first.detections.boxes.tolist() == [[0, 0, 64, 48]]
    assert 0 < len(list((folder / "detections").iterdir())) < len(many)
    assert len(list(records)) == len(many) - 1


def test_a_file_that_cannot_be_read_goes_to_the_callback_and_the_others_follow(folder: Path) -> None:
    (folder / "images/0.png").write_bytes(b"no image")
    errors: list[GridRTError] = []

    records = list(api.detect_files("model.onnx", ["images/*.png"], scale=(64, 48), on_error=errors.append))

    assert [record.file.name for record in records] == ["1.png"]
    assert [str(error.place) for error in errors] == ["images/0.png"]


@pytest.mark.usefixtures("folder")
def test_records_are_listed_in_a_stream_also_where_their_consumer_stops() -> None:
    listing = io.StringIO()
    records = iter(api.detect_files("model.onnx", ["images"], json_file=listing, scale=(64, 48)))

    next(records)
    typing.cast("typing.Generator[object]", records).close()

    assert [entry["file"] for entry in json.loads(listing.getvalue())] == ["images/0.png"]


@pytest.mark.usefixtures("folder")
def test_an_open_detector_is_taken_as_it_is() -> None:
    detector = Detector(FakeSession([(0, 0, 96, 72, 0.9, 0)], ("scene",)), (96, 96))

    records = list(api.detect_files(detector, ["images"]))
    report = api.evaluate(detector, "images", "images/annotations.json")

    assert [record.detections.boxes.tolist() for record in records] == [[[0, 0, 64, 48]]] * 2
    assert report.metrics.overall.ap == pytest.approx(1)
    assert (report.conditions["model"], report.conditions["scale"]) == (None, [96, 96])


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (lambda detector: api.detect_files(detector, ["images"], threads=2), "threads"),
        (lambda detector: api.evaluate(detector, "images", "images/annotations.json", scale=(64, 48)), "scale"),
        (lambda detector: api.detect_files(detector, ["images"], backend="onnxruntime"), "backend"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_options_of_a_detector_that_is_open_already_are_refused(
    call: Callable[[Detector], object], option: str
) -> None:
    with pytest.raises(GridRTError) as caught:
        call(Detector(FakeSession()))

    assert caught.value.place == f"`{option}`"


@pytest.mark.usefixtures("folder")
def test_an_evaluation_states_the_conditions_that_it_holds_under() -> None:
    report = api.evaluate("model.onnx", "images", "images/annotations.json", scale=(64, 48), threads=1)

    told = report.to_json()
    assert told["overall"]["ap"] == report.metrics.overall.ap == pytest.approx(1)
    assert (told["model"], told["scale"], told["scale_origin"]) == ("model.onnx", [64, 48], "as asked")
    assert (told["backend"].split()[0], told["device"]) == ("onnxruntime", "cpu")
    assert len(report.results) == 2


@pytest.mark.usefixtures("folder")
def test_a_backend_that_does_not_open_the_file_is_refused() -> None:
    with pytest.raises(GridRTError, match="pytorch") as caught:
        api.open_detector("model.onnx", backend="pytorch")
    assert caught.value.place == "model.onnx"
