from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from benchmarks import cpu_latency
from benchmarks.candidates import (
    CANDIDATES,
    ONNX_RUNTIME,
    OPENVINO,
    PYTORCH,
    feeds_of,
    photograph_batch,
    up_to_rpn_calls,
)
from benchmarks.graph_parts import op_times
from benchmarks.program_cost import ProgramCost, program_cost
from benchmarks.setting import Setting
from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN

SCALE = (160, 96)


@pytest.fixture
def graph(exported: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(exported("tiny"), tmp_path))


@pytest.fixture
def quick_programs(monkeypatch: pytest.MonkeyPatch, graph: Path) -> None:
    """An export that fetches the graph, as tracing takes long."""

    def cost(verb: str, *arguments: str) -> ProgramCost:
        if verb == "export":
            shutil.copy(graph, arguments[-1])
        return ProgramCost(2.0, 0.5)

    monkeypatch.setattr(cpu_latency, "program_cost", cost)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_programs")
def test_it_prints_a_table_and_writes_all_times(tmp_path: Path) -> None:
    out = tmp_path / "latency.json"
    arguments = ["--variant", "tiny", "--scale", "160", "96", "--threads", "1", "--warm-up", "1", "--runs", "3"]

    answer = CliRunner().invoke(
        cpu_latency.command, [*arguments, "--profile", "--out", str(out)], catch_exceptions=False
    )

    assert answer.exit_code == 0
    for part in ("whole detector", "backbone, FPN and RPN", "gridrt export: 2.0 s", "Conv ", "instruction sets"):
        assert part in answer.stdout
    result = json.loads(out.read_text())
    assert result["conditions"]["padded_size"] == [96, 160]
    assert (result["conditions"]["runs"], result["conditions"]["detections"]) == (3, 100)
    for part, seconds in result["seconds"].items():
        assert {side: len(each) for side, each in seconds.items()} == dict.fromkeys(CANDIDATES, 3)
        for side, each in seconds.items():
            assert result["ratios"][part][side] == pytest.approx(np.median(each) / np.median(seconds[PYTORCH]))


def test_by_default_the_scale_is_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Setting] = []

    def refuse(setting: Setting, _folder: Path, *, profile: bool) -> None:
        asked.append(setting)
        raise GridRTError(f"measured nothing, profile {profile}")

    monkeypatch.setattr(cpu_latency, "measure", refuse)

    CliRunner().invoke(cpu_latency.command, ["--out", str(tmp_path / "latency.json")])

    assert [setting.scale for setting in asked] == [(1333, 800)]


@pytest.mark.parametrize(
    "other", [("--variant", "tiny"), ("--scale", "160", "96"), ("--threads", "1"), ("--runs", "3")]
)
def test_other_settings_do_not_take_the_place_of_the_committed_figures(
    monkeypatch: pytest.MonkeyPatch, other: tuple[str, ...]
) -> None:
    monkeypatch.delattr(cpu_latency, "measure")

    answer = CliRunner().invoke(cpu_latency.command, other)

    assert answer.exit_code == 2
    assert all(word in answer.stderr for word in ("cpu_latency.json", "--out"))


def test_the_default_settings_go_to_the_committed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(cpu_latency, "RESULT", tmp_path / "cpu_latency.json")
    monkeypatch.setattr(cpu_latency, "measure", lambda *_, **__: SimpleNamespace(to_json=str))
    monkeypatch.setattr(cpu_latency, "lines", lambda _: [])
    monkeypatch.setattr(cpu_latency, "write_text", lambda path, _: written.append(path))

    assert CliRunner().invoke(cpu_latency.command, ["--scale", "1333", "800"]).exit_code == 0
    assert written == [tmp_path / "cpu_latency.json"]


def test_the_photograph_fills_the_scale() -> None:
    batch = photograph_batch((1333, 800))

    assert batch.image_sizes.tolist() == [[800, 1333]]
    assert batch.images.shape == (1, 800, 1344, 3)


def test_all_sides_of_the_first_part_compute_the_same(untrained: Callable[[str], GridRCNN], graph: Path) -> None:
    calls = up_to_rpn_calls(untrained("tiny"), graph, graph, photograph_batch(SCALE), threads=1)

    maps: Any = calls[PYTORCH]()
    expected = [objectness for objectness, _ in maps] + [deltas for _, deltas in maps]
    for side in (ONNX_RUNTIME, OPENVINO):
        actual = calls[side]()
        torch.testing.assert_close(list(map(torch.from_numpy, actual)), expected, atol=1e-3, rtol=1e-3)  # type: ignore[call-overload]


def test_shares_of_operators_sum_to_one_and_fall(graph: Path) -> None:
    times = op_times(graph, feeds_of(photograph_batch(SCALE)), threads=1, warm_up=1, runs=2)

    assert sum(each.share for each in times) == pytest.approx(1)
    assert [each.seconds for each in times] == sorted((each.seconds for each in times), reverse=True)
    deconvolutions = [node for node in onnx.load(graph).graph.node if node.op_type == "ConvTranspose"]
    assert {each.op: each.nodes for each in times}["ConvTranspose"] == len(deconvolutions)


def test_a_program_costs_time_and_memory() -> None:
    cost = program_cost("--help")

    assert 0.01 < cost.seconds < 60
    assert 0.001 < cost.peak_memory_gib < 64
