from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnx.helper
import pytest
import torch

from gridrt.api import open_detector
from gridrt.bench.artefact import HALF, ONNX, PYTORCH, TENSORRT, Artefact
from gridrt.bench.bench import Outcome, Request, _opening, _reference, bench
from gridrt.bench.contestant import Memory
from gridrt.bench.entry import Entry
from gridrt.bench.result import SESSION
from gridrt.bench.worker import Opening, Worker
from gridrt.data.coco import CocoDataset
from gridrt.data.image import save_image
from gridrt.errors import DataError, GridRTError, ImageError
from gridrt.eval import evaluate
from gridrt.files import sha256_of
from gridrt.graph.metadata import FLOAT
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime import open_session
from tests.datasets import write_dataset
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph

HALF_SIZED = WHOLE_IMAGE_GRAPH.replace(
    "boxes = Unsqueeze(corners, row)",
    "two = Constant<value_float: float = 2.0>()\n"
    "float_corners = Cast<to: int = 1>(corners)\n"
    "half = Div(float_corners, two)\n"
    "boxes = Unsqueeze(half, row)",
).replace("sizes = Cast<to: int = 1>", "sizes = Cast<to: int = 7>")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without rests and repetitions, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gridrt.bench.race.REST_SECONDS", 0)
    monkeypatch.setattr("gridrt.bench.race.LEAST_RUNS", 1)


@pytest.fixture
def dataset(tmp_path: Path) -> CocoDataset:
    """Three pictures of one large scene each, the brighter the later."""
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


def run(
    dataset: CocoDataset, *models: str, reference: str | None = None, is_drawn: bool = False, trust: bool = False
) -> Outcome:
    return bench(Request(models, reference, dataset, is_drawn, scale=(64, 48), threads=1, trust_checkpoint=trust))


def test_an_artefact_has_the_figures_that_evaluate_gives(dataset: CocoDataset) -> None:
    outcome = run(dataset, write("whole.onnx"), write("half.onnx", HALF_SIZED))

    for row in outcome.result.rows:
        expected = evaluate(open_detector(row.artefact, (64, 48), threads=1), dataset).to_json()
        assert row.accuracy is not None
        assert {"images": 3, "overall": row.accuracy.overall, "per_class": row.accuracy.per_class} == expected


def test_deltas_speedups_and_disagreements_are_against_the_reference(dataset: CocoDataset) -> None:
    outcome = run(dataset, write("whole.onnx"), write("half.onnx", HALF_SIZED))

    whole, half = outcome.result.rows
    assert whole.accuracy is not None
    assert half.deltas["ap"] == -1 == -(whole.accuracy.overall["ap"] or 0)
    assert half.deltas["small"] is None
    assert whole.speed is not None
    assert whole.speed.speedup[SESSION] == 1
    assert len(whole.speed.seconds[SESSION]) == 3
    assert {(one.artefact, one.picture.name) for one in outcome.disagreements} == {
        ("half.onnx", "1.png"),
        ("half.onnx", "2.png"),  # the picture 0 is too dark to be shown
    }


def test_the_figures_go_into_json(dataset: CocoDataset) -> None:
    outcome = run(dataset, write("whole.onnx"))

    content = json.loads(outcome.result.to_json())
    assert content["complete"] is True
    assert content["rows"][0]["sha256"] == sha256_of("whole.onnx")
    assert content["rows"][0]["accuracy"]["by_iou"]["0.95"] == 1
    assert content["rows"][0]["memory"] > 1e6
    assert content["conditions"]["annotations_sha256"] == sha256_of(dataset.place)
    assert (content["conditions"]["images"], content["conditions"]["images_done"]) == (3, 3)


def test_the_reference_is_a_graph_in_fp32_before_one_in_another_precision(dataset: CocoDataset) -> None:
    outcome = run(dataset, write("a.onnx", precision="int8"), write("b.onnx"))

    assert outcome.result.reference == "b.onnx"
    assert [row.artefact for row in outcome.result.rows] == ["b.onnx", "a.onnx"]


def test_the_reference_may_be_named(dataset: CocoDataset) -> None:
    assert run(dataset, write("a.onnx"), write("b.onnx"), reference="b.onnx").result.reference == "b.onnx"


def test_what_cannot_be_read_or_opened_is_a_row_with_the_reason(dataset: CocoDataset) -> None:
    Path("damaged.onnx").write_bytes(b"damaged")
    Path("foreign.onnx").write_bytes(whole_image_graph(classes=None).SerializeToString())

    outcome = run(dataset, "damaged.onnx", "absent.pth", "foreign.onnx", write("sound.onnx"))

    sound, *others = outcome.result.rows
    assert (sound.artefact, sound.failure) == ("sound.onnx", "")
    assert sound.accuracy is not None
    failures = {row.artefact: row.failure for row in others}
    assert "not an ONNX graph" in failures["damaged.onnx"]
    assert "no such file" in failures["absent.pth"]
    assert "not a graph that gridrt export wrote" in failures["foreign.onnx"]
    assert all(row.speed is None and row.accuracy is None for row in others)


def test_a_reference_that_fails_leaves_the_others_without_deltas(dataset: CocoDataset) -> None:
    outcome = run(dataset, write("sound.onnx"), "absent.pth", reference="absent.pth")

    sound = outcome.result.rows[1]
    assert sound.speed is not None
    assert (sound.deltas, sound.speed.speedup[SESSION]) == ({}, None)


def test_an_artefact_from_other_weights_is_flagged(dataset: CocoDataset) -> None:
    one, same = write("one.onnx", weights_sha256="a" * 64), write("same.onnx", weights_sha256="a" * 64)

    rows = run(dataset, one, same, write("other.onnx", weights_sha256="b" * 64), write("silent.onnx")).result.rows

    assert [list(row.warnings) for row in rows] == [
        [],
        [],
        ["made from other weights (bbbbbbbbbbbb) than the reference (aaaaaaaaaaaa)"],
        ["made from other weights (not told) than the reference (aaaaaaaaaaaa)"],
    ]


def test_an_artefact_at_another_scale_is_flagged(dataset: CocoDataset) -> None:
    for name, side in (("a.onnx", 64), ("b.onnx", 128)):
        onnx.save(whole_image_graph(input_rule=json.dumps({"scale": [side, side]})), name)
    request = Request(["a.onnx", "b.onnx"], None, dataset, False, scale=None, threads=1, trust_checkpoint=False)

    _, other = bench(request).result.rows

    assert other.warnings == ["run at scale 128 x 128, the reference at 64 x 64"]


def test_classes_other_than_the_datas_are_the_reason_of_a_row(dataset: CocoDataset) -> None:
    _, other = run(dataset, write("a.onnx"), write("b.onnx", classes='["cat"]')).result.rows

    assert "the classes of the model must be the categories of the data" in other.failure


def test_on_drawn_pictures_other_classes_cost_the_accuracy_alone(dataset: CocoDataset) -> None:
    [row] = run(dataset, write("a.onnx", classes='["cat"]'), is_drawn=True).result.rows

    assert (row.failure, row.accuracy) == ("", None)
    assert row.speed is not None


def test_a_bench_of_nothing_that_runs_is_an_error(dataset: CocoDataset) -> None:
    with pytest.raises(GridRTError, match=r"not one of the artefacts can be measured .*absent\.onnx: .*no such file"):
        run(dataset, "absent.onnx")


class Refusing:
    """Refuses, and tells what it was to open."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def opened(self) -> None:
        raise GridRTError(f"to be opened: {self._opening}")


def refusals(dataset: CocoDataset, models: Sequence[str], *, fp16: bool) -> list[str]:
    request = Request(models, None, dataset, False, scale=None, threads=2, trust_checkpoint=False, fp16=fp16)
    with pytest.raises(GridRTError) as refused:
        bench(request, Refusing)
    return [text for text in str(refused.value).split("; ") if "to be opened" in text]


def test_half_precision_is_a_further_entry_of_each_checkpoint_and_takes_no_threads(dataset: CocoDataset) -> None:
    Path("a.pth").write_bytes(b"weights")

    found = refusals(dataset, ["a.pth", write("a.onnx")], fp16=True)

    assert [text.count("fp16=True") for text in found] == [0, 0, 1]
    assert [text.count("model='a.pth'") for text in found] == [1, 0, 1]
    assert [text.count("threads=2") for text in found] == [1, 1, 0]
    assert "a.pth, fp16: " in found[2]


def test_half_precision_without_a_checkpoint_is_an_error(dataset: CocoDataset) -> None:
    request = Request([write("a.onnx")], None, dataset, False, scale=None, threads=1, trust_checkpoint=False, fp16=True)
    with pytest.raises(GridRTError, match=r"only checkpoints are run in half precision \(found a\.onnx\)"):
        bench(request)


def test_the_reference_is_not_in_half_precision() -> None:
    halved, graph = (
        Entry("name", Artefact("name", kind, precision, 1, "", None, None))
        for kind, precision in ((PYTORCH, HALF), (ONNX, FLOAT))
    )
    assert _reference([halved, graph], None) is graph


class DiesAfterTheRace(Worker):
    """Its process is killed where it is asked for more than detections."""

    def memory(self) -> Memory:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().memory()


def short_lived(opening: Opening) -> Worker:
    return DiesAfterTheRace(open_session(opening.model), opening.scale)


def test_what_fails_after_the_race_costs_no_figures(dataset: CocoDataset) -> None:
    request = Request([write("a.onnx", variant="r50")], None, dataset, False, (64, 48), None, trust_checkpoint=False)

    outcome = bench(request, short_lived)

    [row] = outcome.result.rows
    assert row.accuracy is not None
    assert row.speed is not None
    assert (outcome.result.complete, row.failure, row.memory, row.stages) == (True, "", None, ())
    assert [warning.split(" not measured: ")[0] for warning in row.warnings] == ["memory", "stages"]


def test_a_trusted_checkpoint_and_its_graph_are_measured_together(
    dataset: CocoDataset, tmp_path: Path, untrained: Callable[[str], GridRCNN]
) -> None:
    checkpoint = {"state_dict": untrained("tiny").state_dict(), "meta": Path("needs unpickling")}
    torch.save(checkpoint, tmp_path / "old.pth")

    outcome = run(dataset, "old.pth", write("whole.onnx"), is_drawn=True, trust=True)

    assert {row.artefact: row.failure for row in outcome.result.rows} == {"old.pth": "", "whole.onnx": ""}
    assert outcome.result.rows[0].stages


def test_trust_where_no_checkpoint_is_is_refused(dataset: CocoDataset) -> None:
    with pytest.raises(GridRTError, match="only a checkpoint can be trusted"):
        run(dataset, write("whole.onnx"), trust=True)


def test_threads_are_for_what_runs_on_a_cpu() -> None:
    engine = Artefact("a.engine", TENSORRT, "fp16", 1, "", None, None)
    request = Request([], None, cast("CocoDataset", None), False, None, threads=2, trust_checkpoint=False)

    assert _opening(engine, {TENSORRT, ONNX}, request).threads is None
    assert _opening(engine, {TENSORRT}, request).threads == 2  # which it refuses
    assert _opening(replace(engine, format=ONNX), {TENSORRT, ONNX}, request).threads == 2


@pytest.mark.parametrize(
    ("write_bad", "error"),
    [
        (lambda path: path.write_bytes(b"bad"), ImageError),
        (lambda path: save_image(path, np.zeros((8, 8, 3), np.uint8)), DataError),
    ],
)
def test_a_bad_picture_is_refused_before_the_work(
    dataset: CocoDataset, write_bad: Callable[[Path], object], error: type[GridRTError]
) -> None:
    write_bad(dataset.path(2))

    with pytest.raises(error, match=r"2\.png"):
        run(dataset, "absent.onnx")
