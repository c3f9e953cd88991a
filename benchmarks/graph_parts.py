"""Cut the first part out of an exported graph, and tell which operators take the time of the whole."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy.typing as npt
import onnx
import onnx.utils
import onnxruntime as ort

RPN_OUTPUTS = ("rpn_head.rpn_cls/Conv", "rpn_head.rpn_reg/Conv")

Feeds = Mapping[str, npt.NDArray[Any]]


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


def cpu_session(graph: Path, threads: int, profile_to: Path | None = None) -> ort.InferenceSession:
    """Any graph, on the CPU; a profile goes into the folder `profile_to`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    if profile_to is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_to / "profile")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def op_times(graph: Path, feeds: Feeds, *, threads: int, warm_up: int, runs: int) -> list[OpTime]:
    """Profile `graph` with ONNX Runtime: its operators, the costliest first, by their mean over `runs`."""
    with TemporaryDirectory() as folder:
        session = cpu_session(graph, threads, profile_to=Path(folder))
        for _ in range(warm_up + runs):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    return _by_op(events, warm_up, runs)


def _by_op(events: Sequence[Mapping[str, Any]], warm_up: int, runs: int) -> list[OpTime]:
    first_counted = [event["ts"] for event in events if event["name"] == "model_run"][warm_up]
    microseconds: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["name"].endswith("_kernel_time") and event["ts"] >= first_counted:
            microseconds[event["args"]["op_name"]].append(event["dur"])
    total = sum(map(sum, microseconds.values()))
    times = [
        OpTime(op, len(each) // runs, sum(each) / runs / 1e6, sum(each) / total) for op, each in microseconds.items()
    ]
    return sorted(times, key=lambda time: -time.seconds)
