"""The convolutions of an exported graph alone, and the operators that take the time of the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto

from gridrt.graph.stage_tensors import stage_tensors
from gridrt.graph.subgraph import subgraph
from gridrt.runtime.onnxruntime.profile import Feeds, profiled_runs


@dataclass(frozen=True)
class OpTime:
    """What the nodes of one operator took.

    Attributes:
        op: its type, after ONNX Runtime's fusions.
        nodes: how many there are.
        seconds: of all of them, in a run.
        share: of the time of all operators.
    """

    op: str
    nodes: int
    seconds: float
    share: float


def up_to_rpn(graph: Path) -> ModelProto:
    """The subgraph from the images to the maps of the RPN."""
    model = onnx.load(graph)
    names = stage_tensors(model.graph)
    return subgraph(model, {}, (*names.objectness, *names.deltas))


def op_times(graph: Path, feeds: Feeds, *, threads: int, warm_up: int, runs: int) -> list[OpTime]:
    """Profile `graph` with ONNX Runtime: its operators, the costliest first, by their mean over `runs`."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in profiled_runs(graph, feeds, threads=threads, warm_up=warm_up, runs=runs):
        for node in run.nodes:
            seconds[node.op].append(node.seconds)
    total = sum(map(sum, seconds.values()))
    times = [OpTime(op, len(each) // runs, sum(each) / runs, sum(each) / total) for op, each in seconds.items()]
    return sorted(times, key=lambda time: -time.seconds)
