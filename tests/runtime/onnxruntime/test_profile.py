from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from gridrt.runtime.onnxruntime.profile import Feeds, NodeTime, _runs_in, profiled_runs
from tests.fakes import whole_image_graph


def event(name: str, start: int, duration: int, op: str = "") -> dict[str, Any]:
    """As a profile tells it, in microseconds."""
    return {"cat": "Node", "name": name, "ts": start, "dur": duration, "args": {"op_name": op} if op else {}}


EVENTS: list[Mapping[str, Any]] = [
    event("model_loading_uri", 0, 50),
    event("conv_nchwc_kernel_time", 110, 30, "Conv"),
    event("SequentialExecutor::Execute", 105, 70),
    event("model_run", 100, 80),
    event("conv_nchwc_kernel_time", 210, 40, "Conv"),
    event("neck/Add_kernel_time", 250, 20, "Add"),
    event("model_run", 200, 100),
]


def test_each_run_has_the_nodes_that_ran_in_it() -> None:
    first, second = _runs_in(EVENTS)

    assert first.seconds == pytest.approx(80e-6)
    assert list(first.nodes) == [NodeTime("conv_nchwc", "Conv", 30e-6)]
    assert second.seconds == pytest.approx(100e-6)
    assert list(second.nodes) == [
        NodeTime("conv_nchwc", "Conv", 40e-6),
        NodeTime("neck/Add", "Add", 20e-6),
    ]


def test_a_graph_tells_of_every_run_but_the_warm_up(tmp_path: Path) -> None:
    graph, optimized = tmp_path / "graph.onnx", tmp_path / "optimized.onnx"
    onnx.save(whole_image_graph(), graph)
    feeds: Feeds = {"images": np.zeros((1, 32, 32, 3), np.uint8), "image_sizes": np.array([[32, 32]], np.int32)}

    runs = profiled_runs(graph, feeds, threads=1, warm_up=2, runs=3, optimized=optimized)

    assert len(runs) == 3
    for run in runs:
        assert [node.op for node in run.nodes].count("ReduceMean") == 1
        assert 0 < sum(node.seconds for node in run.nodes) <= run.seconds
    assert sorted(node.op for node in runs[0].nodes) == sorted(node.op_type for node in onnx.load(optimized).graph.node)
    assert set(tmp_path.iterdir()) == {graph, optimized}
