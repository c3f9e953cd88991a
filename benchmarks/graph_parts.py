"""Cut the first part out of an exported graph, and tell which operators take the time of the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.utils
import onnxruntime as ort

from gridrt.runtime.onnxruntime.profile import Feeds, profiled_runs

RPN_OUTPUTS = ("rpn_head.rpn_cls/Conv", "rpn_head.rpn_reg/Conv")


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


def cut_after_rpn(graph: Path, target: Path) -> None:
    """Write the part of `graph` from the images to the maps of the region proposal network, level by level."""
    nodes = onnx.load(graph, load_external_data=False).graph.node
    maps = [node.output[0] for node in nodes if node.name.startswith(RPN_OUTPUTS)]
    onnx.utils.extract_model(graph, target, ["images", "image_sizes"], maps)


def cpu_session(graph: Path, threads: int) -> ort.InferenceSession:
    """Any graph, on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def op_times(graph: Path, feeds: Feeds, *, threads: int, warm_up: int, runs: int) -> list[OpTime]:
    """Profile `graph` with ONNX Runtime: its operators, the costliest first, by their mean over `runs`."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in profiled_runs(graph, feeds, threads=threads, warm_up=warm_up, runs=runs):
        for node in run.nodes:
            seconds[node.op].append(node.seconds)
    total = sum(map(sum, seconds.values()))
    times = [OpTime(op, len(each) // runs, sum(each) / runs, sum(each) / total) for op, each in seconds.items()]
    return sorted(times, key=lambda time: -time.seconds)
