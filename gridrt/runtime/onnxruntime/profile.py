"""ONNX Runtime's profile of a graph's runs on the CPU, node by node."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from gridrt.files import temporary_folder
from gridrt.runtime.onnxruntime.inference_session import inference_session

Feeds: TypeAlias = Mapping[str, npt.NDArray[Any]]

_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class NodeTime:
    """One run of one node.

    Attributes:
        name: of the node, after ONNX Runtime's fusions.
        op: its operator.
        seconds: its duration.
    """

    name: str
    op: str
    seconds: float


@dataclass(frozen=True)
class ProfiledRun:
    """One run of a graph.

    Attributes:
        seconds: of the whole.
        nodes: in the order in which they ran.
    """

    seconds: float
    nodes: Sequence[NodeTime]


def profiled_runs(
    graph: Path, feeds: Feeds, *, threads: int | None, warm_up: int, runs: int, optimized: Path | None = None
) -> list[ProfiledRun]:
    """Run `graph` in a session of its own, and read its profile.

    Args:
        graph: an ONNX file.
        feeds: its inputs.
        threads: inside an operator; None means as many as the process may use.
        warm_up: runs before those that are returned.
        runs: how many are returned.
        optimized: file to write the graph to as it runs, after the fusions.
    """
    with temporary_folder() as folder:
        prefix = Path(folder, "profile")
        session = inference_session(graph, threads=threads, profile_prefix=prefix, optimized=optimized)
        for _ in range(warm_up + runs):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    return list(_runs_in(events))[warm_up:]


def _runs_in(events: Sequence[Mapping[str, Any]]) -> Iterator[ProfiledRun]:
    """Times in a profile are in microseconds."""
    kernels = [event for event in events if event["name"].endswith(_KERNEL)]
    for run in (event for event in events if event["name"] == "model_run"):
        start, end = run["ts"], run["ts"] + run["dur"]
        nodes = [
            NodeTime(event["name"].removesuffix(_KERNEL), event["args"]["op_name"], event["dur"] / 1e6)
            for event in kernels
            if start <= event["ts"] < end
        ]
        yield ProfiledRun(run["dur"] / 1e6, nodes)
