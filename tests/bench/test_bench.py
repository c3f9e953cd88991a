from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import pytest
import torch

from gridrt.api import open_detector
from gridrt.bench.bench import benchmark
from gridrt.bench.gates import Gates
from gridrt.bench.process import CandidateProcess
from gridrt.bench.result import SESSION, BenchResult
from gridrt.bench.worker import Memory, Worker, WorkerOptions
from gridrt.data.coco import CocoDataset
from gridrt.data.image import save_image
from gridrt.errors import DataError, GridRTError
from gridrt.eval import evaluate
from gridrt.files import sha256_of
from gridrt.model.checkpoint import weights_sha256
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.backend import backend_named
from tests.datasets import write_dataset
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph
from tests.in_process import InProcess

HALF_SIZED = WHOLE_IMAGE_GRAPH.replace(
    "boxes = Unsqueeze(corners, row)",
    "two = Constant<value_float: float = 2.0>()\n"
    "float_corners = Cast<to: int = 1>(corners)\n"
    "half = Div(float_corners, two)\n"
    "boxes = Unsqueeze(half, row)",
).replace("sizes = Cast<to: int = 1>", "sizes = Cast<to: int = 7>")

HALF_WEIGHT = WHOLE_IMAGE_GRAPH.replace(
    "(float[B,1,4] boxes, float[B,1] scores, int32[B,1] labels)\n{",
    "(float[B,1,4] boxes, float[B,1] scores, int32[B,1] labels)\n    <float16[2,2] weight = {1, 2, 3, 4}>\n{",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without processes, rests and repetitions, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gridrt.runtime.peaks.TRIES", 1)
    monkeypatch.setattr("gridrt.bench.candidates.CandidateProcess", InProcess)
    monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:  # noqa: ARG001 - it comes first
    """Each candidate in its own process, as always outside of tests."""
    monkeypatch.setattr("gridrt.bench.candidates.CandidateProcess", CandidateProcess)


@pytest.fixture
def dataset(tmp_path: Path) -> CocoDataset:
    """Three images of one large scene each, the brighter the later."""
    images = [{"id": number, "file_name": f"{number}.png", "width": 64, "height": 48} for number in range(3)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 64, 48]} for n in range(3)]
    content = {"images": images, "categories": [{"id": 1, "name": "scene"}], "annotations": boxes}
    (tmp_path / "images").mkdir()
    dataset = write_dataset(tmp_path / "images", content)
    for number in range(3):
        save_image(tmp_path / f"images/{number}.png", np.full((48, 64, 3), 60 * (number + 1), np.uint8))
    return dataset


def write(name: str, text: str = WHOLE_IMAGE_GRAPH, classes: str = '["scene"]', **metadata: str) -> str:
    model = whole_image_graph(text, classes)
    kept = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, kept | {f"gridrt.{key}": value for key, value in metadata.items()})
    onnx.save(model, name)
    return name


def run(*models: str, **options: Any) -> BenchResult:  # noqa: ANN401 - those of `benchmark`
    """On the images of `dataset`, by one thread."""
    where = {"images": "images", "annotations": "images/annotations.json", "scale": (64, 48), "threads": 1, "runs": 1}
    return benchmark(models, **{**where, **options})


def test_a_model_has_the_figures_that_evaluate_gives(dataset: CocoDataset) -> None:
    result = run(write("whole.onnx"), write("half.onnx", HALF_SIZED))

    for row in result.rows:
        expected = evaluate(open_detector(row.artefact, (64, 48), threads=1), dataset).to_json()
        assert row.accuracy is not None
        measured = {"images": 3, "overall": row.accuracy.overall, "per_class": row.accuracy.per_class, "failed": {}}
        assert measured == expected


@pytest.mark.usefixtures("dataset")
def test_deltas_speedups_and_disagreements_are_against_the_reference() -> None:
    result = run(write("whole.onnx"), write("half.onnx", HALF_SIZED))

    whole, half = result.rows
    assert whole.accuracy is not None
    assert half.deltas["ap"] == -1 == -(whole.accuracy.overall["ap"] or 0)
    assert half.deltas["small"] is None
    assert whole.speed is not None
    assert whole.speed.speedup[SESSION] == 1
    assert len(whole.speed.seconds[SESSION]) == 3
    assert {(one.row, one.file.name, one.image[0, 0, 0]) for one in result.disagreements} == {
        ("half.onnx", "1.png", 120),
        ("half.onnx", "2.png", 180),  # image 0 is too dark to be shown
    }


def test_the_figures_go_into_json(dataset: CocoDataset) -> None:
    result = run(write("whole.onnx"), write("half.onnx", HALF_SIZED))

    content = json.loads(result.to_json())
    assert content["complete"] is True
    row = content["rows"][0]
    assert (row["artefact"], row["name"], row["backend"]) == ("whole.onnx", "whole.onnx", "onnxruntime")
    assert row["sha256"] == sha256_of("whole.onnx")
    assert row["run_by"].startswith("onnxruntime ")
    assert row["accuracy"]["by_iou"]["0.95"] == 1
    assert row["memory"] > 1e6
    assert content["conditions"]["annotations_sha256"] == sha256_of(dataset.place)
    assert (content["conditions"]["images"], content["conditions"]["images_done"]) == (3, 3)
    assert "disagreements" not in content


@pytest.mark.usefixtures("dataset")
def test_the_reference_is_a_graph_in_fp32_before_one_in_another_precision() -> None:
    result = run(write("a.onnx", HALF_WEIGHT), write("b.onnx"))

    assert result.reference == "b.onnx"
    assert [(row.name, row.precision) for row in result.rows] == [("b.onnx", "fp32"), ("a.onnx", "fp16")]


@pytest.mark.usefixtures("dataset")
def test_the_reference_may_be_named_and_need_not_be_among_the_models() -> None:
    result = run(write("a.onnx"), reference=write("b.onnx"))

    assert [row.name for row in result.rows] == ["b.onnx", "a.onnx"]
    assert result.reference == "b.onnx"


@pytest.mark.usefixtures("dataset")
def test_what_cannot_be_read_or_opened_is_a_row_with_the_reason() -> None:
    Path("damaged.onnx").write_bytes(b"damaged")
    Path("foreign.onnx").write_bytes(whole_image_graph(classes=None).SerializeToString())

    result = run("damaged.onnx", "foreign.onnx", write("sound.onnx"))

    sound, *others = result.rows
    assert (sound.name, sound.failure) == ("sound.onnx", "")
    assert sound.accuracy is not None
    assert [row.name for row in others] == ["damaged.onnx", "foreign.onnx"]
    assert all(row.name in row.failure for row in others)
    assert all(row.speed is None and row.accuracy is None for row in others)


@pytest.mark.usefixtures("dataset")
def test_a_reference_that_fails_leaves_the_others_without_deltas() -> None:
    Path("damaged.onnx").write_bytes(b"damaged")

    _, sound = run(write("sound.onnx"), reference="damaged.onnx").rows

    assert sound.speed is not None
    assert (sound.deltas, sound.speed.speedup[SESSION]) == ({}, None)


@pytest.mark.usefixtures("dataset")
def test_a_model_from_other_weights_is_flagged() -> None:
    one, same = write("one.onnx", weights_sha256="a" * 64), write("same.onnx", weights_sha256="a" * 64)

    rows = run(one, same, write("other.onnx", weights_sha256="b" * 64), write("silent.onnx")).rows

    assert [len(row.warnings) for row in rows] == [0, 0, 1, 1]
    assert "b" * 12 in rows[2].warnings[0]
    assert "a" * 12 in rows[2].warnings[0]
    assert "not noted" in rows[3].warnings[0]


def write_noting(name: str, scale: tuple[int, int]) -> str:
    onnx.save(whole_image_graph(input_rule=json.dumps({"scale": scale})), name)
    return name


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(
    ("asked", "expected", "origin"), [((32, 24), (32, 24), "as asked"), (None, (128, 96), "noted")]
)
def test_all_run_at_the_scale_that_is_asked_for_or_that_one_of_them_notes(
    asked: tuple[int, int] | None, expected: tuple[int, int], origin: str
) -> None:
    """A checkpoint often notes none, and its graph does."""
    result = run(write("a.onnx"), write_noting("b.onnx", (128, 96)), scale=asked, gates=Gates(max_ap_drop=0))

    assert [row.scale for row in result.rows] == [expected] * 2
    assert (result.conditions["scale"], result.conditions["scale_origin"]) == (list(expected), origin)
    assert [gate.met for gate in result.gates] == [True]
    assert "run at scale" not in str([row.warnings for row in result.rows])


@pytest.mark.usefixtures("dataset")
def test_where_files_note_different_scales_each_runs_at_its_own_and_meets_no_gate() -> None:
    models = (write_noting("a.onnx", (64, 64)), write_noting("b.onnx", (128, 128)), write_noting("c.onnx", (64, 64)))

    result = run(*models, scale=None, gates=Gates(max_ap_drop=100))

    assert [row.scale for row in result.rows] == [(64, 64), (128, 128), (64, 64)]
    assert "run at scale 128 x 128, the reference at 64 x 64" in result.rows[1].warnings
    assert [gate.met for gate in result.gates] == [False, True]


@pytest.mark.usefixtures("dataset")
def test_output_that_is_not_finite_fails_the_row_and_its_gates() -> None:
    not_finite = HALF_SIZED.replace("value_float: float = 2.0", "value_float: float = 0.0")

    result = run(write("a.onnx"), write("b.onnx", not_finite), gates=Gates(max_ap_drop=100, min_fps=0))

    assert "0.png" in result.rows[1].failure
    assert (result.rows[1].accuracy, result.rows[1].speed) == (None, None)
    assert [gate.met for gate in result.gates] == [False, False]


@pytest.mark.usefixtures("dataset")
def test_changes_of_ap_have_intervals_that_hold_them() -> None:
    same, half = run(write("a.onnx"), write("b.onnx"), write("c.onnx", HALF_SIZED)).rows[1:]

    assert same.intervals["ap"] == (0, 0)
    assert half.intervals["ap"] == half.intervals["ap90"] == (-1, -1)  # every image is lost


@pytest.mark.usefixtures("dataset")
def test_stages_can_be_left_out(untrained: Callable[[str], GridRCNN]) -> None:
    torch.save({"state_dict": untrained("tiny").state_dict()}, "a.pth")
    synthetic: dict[str, Any] = {"images": None, "annotations": None, "max_images": 2}

    [row] = run("a.pth", **synthetic, runs=3, stages=False).rows

    assert row.stages == ()
    assert row.speed is not None
    assert len(row.speed.seconds[SESSION]) == 4  # two images, twice


@pytest.mark.usefixtures("dataset")
def test_classes_other_than_the_datas_are_the_reason_of_a_row() -> None:
    _, other = run(write("a.onnx"), write("b.onnx", classes='["cat"]')).rows

    assert "classes" in other.failure


def test_on_synthetic_images_other_classes_cost_the_accuracy_only() -> None:
    [row] = run(write("a.onnx", classes='["cat"]'), images=None, annotations=None, max_images=2).rows

    assert (row.failure, row.accuracy) == ("", None)
    assert row.speed is not None


@pytest.mark.usefixtures("dataset")
def test_no_model_that_can_be_measured_is_an_error() -> None:
    Path("damaged.onnx").write_bytes(b"damaged")

    with pytest.raises(GridRTError, match="none of the models") as caught:
        run("damaged.onnx")
    assert str(caught.value.value).startswith("damaged.onnx: ")


def test_images_without_annotations_are_an_error() -> None:
    with pytest.raises(DataError, match="`annotations`") as caught:
        benchmark([write("a.onnx")], images="images")
    assert caught.value.value == "images"


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("most", "met"), [(100, True), (99.9, False)])
def test_gates_are_checked(most: float, met: bool) -> None:  # noqa: FBT001 - a parameter of the test
    result = run(write("whole.onnx"), write("half.onnx", HALF_SIZED), gates=Gates(max_ap_drop=most))

    assert [(gate.row, gate.met) for gate in result.gates] == [("half.onnx", met)]


class OverflowingWorker(Worker):
    """Overflows in the images in which it finds nothing."""

    def overflow(self, image: Path) -> str:
        return f"{image.name} is not finite"


@pytest.mark.usefixtures("dataset")
def test_an_overflow_behind_an_image_without_detections_fails_the_row_and_its_gates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_overflowing(options: WorkerOptions) -> Worker:
        backend = backend_named(options.backend)
        return OverflowingWorker(backend, backend.open(options.path, options.session))

    monkeypatch.setattr("gridrt.bench.candidates.open_worker", open_overflowing)
    no_label = WHOLE_IMAGE_GRAPH.replace(
        "zeros = Sub(scores, scores)",
        "one = Constant<value_float: float = 1.0>()\nnaught = Sub(scores, scores)\nzeros = Sub(naught, one)",
    )

    result = run(write("a.onnx"), write("b.onnx", no_label), gates=Gates(max_ap_drop=100, min_fps=0))

    assert [row.failure for row in result.rows] == ["", "0.png is not finite"]
    assert [gate.met for gate in result.gates] == [False, False]


class RefusingWorker:
    """Refuses, and says how it was to be opened."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options

    def describe(self) -> None:
        raise GridRTError(f"refused {self._options.backend} with {self._options.session}")


@pytest.mark.usefixtures("dataset")
def test_half_precision_is_a_further_row_of_each_checkpoint_and_takes_no_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gridrt.bench.candidates.open_worker", RefusingWorker)
    torch.save({}, "a.pth")

    with pytest.raises(GridRTError) as refused:
        run("a.pth", write("a.onnx"), fp16=True, threads=2)

    reasons = [text for text in str(refused.value).split("; ") if "refused" in text]
    assert ["threads=2" in text for text in reasons] == [True, False, True]
    assert ["a.pth (pytorch_cuda): refused pytorch_cuda" in text for text in reasons] == [False, True, False]


class DyingWorker(Worker):
    """Its process is killed where it is asked for more than detections."""

    def memory(self) -> Memory:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().memory()


def open_dying_worker(options: WorkerOptions) -> Worker:
    backend = backend_named(options.backend)
    return DyingWorker(backend, backend.open(options.path, options.session))


@pytest.mark.usefixtures("dataset", "in_processes")
def test_a_crash_after_the_interleaved_runs_costs_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.candidates.open_worker", open_dying_worker)

    result = run(write("a.onnx"))

    [row] = result.rows
    assert row.accuracy is not None
    assert row.speed is not None
    assert (result.complete, row.failure, row.memory, row.stages) == (True, "", None, ())
    assert [warning.split(" not measured: ")[0] for warning in row.warnings] == ["memory", "stages"]
    assert all("SIGKILL" in warning for warning in row.warnings)


@pytest.mark.usefixtures("dataset")
def test_a_trusted_checkpoint_and_its_graph_are_measured_together(untrained: Callable[[str], GridRCNN]) -> None:
    checkpoint = {"state_dict": untrained("tiny").state_dict(), "meta": Path("needs unpickling")}
    torch.save(checkpoint, "old.pth")
    weights = {"weights_sha256": weights_sha256(untrained("tiny")), "parent_sha256": sha256_of("old.pth")}

    synthetic: dict[str, Any] = {"images": None, "annotations": None, "max_images": 2}
    result = run(write("whole.onnx", **weights), "old.pth", **synthetic, trust_checkpoint=True)

    assert [(row.name, row.failure, row.warnings) for row in result.rows] == [
        ("old.pth", "", []),  # the reference, as it is the weights themselves
        ("whole.onnx", "", []),
    ]
    assert result.rows[0].stages


@pytest.mark.usefixtures("dataset")
def test_trust_where_no_checkpoint_is_is_refused() -> None:
    with pytest.raises(GridRTError) as caught:
        run(write("whole.onnx"), trust_checkpoint=True)
    assert (caught.value.place, caught.value.value) == ("`trust_checkpoint`", "onnxruntime")


@pytest.mark.parametrize("kept", [0.5, 0.1])
def test_an_image_that_cannot_be_read_is_skipped_for_all_models(dataset: CocoDataset, kept: float) -> None:
    content = dataset.path(1).read_bytes()
    dataset.path(1).write_bytes(content[: int(kept * len(content))])

    result = run(write("a.onnx"), write("b.onnx", HALF_SIZED), gates=Gates(max_ap_drop=100))

    assert list(result.failed) == list(json.loads(result.to_json())["failed"]) == ["images/1.png"]
    assert "1.png" in result.failed["images/1.png"]
    accuracies = [row.accuracy for row in result.rows]
    assert [one and (one.images, one.overall["objects"]) for one in accuracies] == [(2, 2)] * 2
    assert [one and one.overall["ap"] for one in accuracies] == [1, 0]
    assert (result.conditions["images"], result.conditions["images_done"]) == (3, 2)
    assert [gate.images for gate in result.gates] == [2]


def test_a_set_of_damaged_images_is_an_error(dataset: CocoDataset) -> None:
    for index in range(3):
        dataset.path(index).write_bytes(b"bad")

    with pytest.raises(GridRTError, match="every image") as caught:
        run(write("a.onnx"))
    assert str(caught.value.value).startswith(f"{Path('images', dataset.path(0).name)}: ")


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize("options", [{}, {"reference": "gone.pth"}])
def test_missing_files_are_named_before_any_work(options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.bench.CocoDataset", None)

    with pytest.raises(GridRTError, match="is missing") as missing:
        run("absent.onnx", write("a.onnx"), "tiny_bccd", **options)

    assert str(missing.value).startswith("gone.pth, absent.onnx: " if options else "absent.onnx: ")
