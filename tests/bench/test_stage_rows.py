from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gridrt.bench import stage_rows as module
from gridrt.bench.artefact import PYTORCH, Artefact, artefact_of
from gridrt.bench.stage_rows import stage_rows
from gridrt.data.transform import Batch
from gridrt.model.zoo import locate
from gridrt.runtime import open_session
from gridrt.runtime.peaks import Peaks
from gridrt.stages import STAGES, StageTimes
from tests.fakes import FakeSession

BATCH = Batch(np.zeros((1, 256, 320, 3), np.uint8), np.array([[256, 320]], np.int32), np.ones((1, 2), np.float32))
SLOW = Peaks(flops=1e9, bytes=1e9, dtype="float32", element_size=4)
QUICK = Peaks(flops=1e12, bytes=1e12, dtype="int8", element_size=1)
NAMES = ("circle", "rectangle", "triangle", "star", "ring", "cross")


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine whose limits are known, and a second for every stage; which limits were asked for."""
    asked: list[str] = []

    def limits(kind: str, found: Peaks) -> Callable[..., Peaks]:
        def noted(*_: object) -> Peaks:
            asked.append(kind)
            return found

        return noted

    monkeypatch.setattr(module, "measured_peaks", limits("float", SLOW))
    monkeypatch.setattr(module, "measured_int8_peaks", limits("int8", QUICK))
    monkeypatch.setattr(module, "stage_times", lambda *_, **__: StageTimes(dict.fromkeys(STAGES, 1.0)))
    return asked


def rows_of(artefact: Artefact, found: int = 10) -> dict[str, float | None]:
    session = open_session(locate(artefact.name)) if artefact.format == PYTORCH else FakeSession(class_names=NAMES)
    return {row.name: row.floor for row in stage_rows(artefact, session, BATCH, found, 1)}


def test_every_stage_has_its_time_and_those_that_multiply_a_floor(measured: list[str]) -> None:
    floors = rows_of(artefact_of("tiny_synthetic"))

    assert list(floors) == list(STAGES)
    assert measured == ["float"]
    assert all(floors[name] for name in ("backbone", "fpn", "rpn", "box_head", "grid_head"))
    assert floors["other"] is None


def test_the_floor_of_the_grid_head_follows_the_detections() -> None:
    few, many = (rows_of(artefact_of("tiny_synthetic"), found)["grid_head"] or 0 for found in (0, 10))

    assert many == pytest.approx(10 * few, rel=0.2)


@pytest.mark.parametrize(("precision", "limits"), [("fp32", "float"), ("int8", "int8")])
def test_a_quantized_graph_is_held_against_products_of_integers(
    tiny_synthetic_file: Path, tmp_path: Path, measured: list[str], precision: str, limits: str
) -> None:
    import onnx

    model = onnx.load(tiny_synthetic_file)
    if precision == "int8":
        model.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["x", "scale"], ["y"]))
    onnx.save(model, tmp_path / "a.onnx")

    assert rows_of(artefact_of(tmp_path / "a.onnx"))["backbone"]
    assert measured == [limits]


def test_limits_are_measured_with_the_threads_of_the_artefact(
    tiny_synthetic_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = torch.get_num_threads(), list[int]()

    def limits(_: torch.device) -> Peaks:
        seen.append(torch.get_num_threads())
        return SLOW

    monkeypatch.setattr(module, "measured_peaks", limits)
    stage_rows(artefact_of(tiny_synthetic_file), FakeSession(class_names=NAMES), BATCH, 1, before + 1)
    torch.set_num_threads(before)

    assert seen == [before + 1]
