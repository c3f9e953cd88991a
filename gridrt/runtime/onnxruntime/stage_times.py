"""Stages of an exported graph, timed by ONNX Runtime's profile.

The names of nodes are not enough: ONNX Runtime inlines the bodies of custom ops, fuses nodes, and names the results
after tensors, or not at all (`conv2d_4_nchwc`, `ReorderOutput_token_176`). The names of tensors remain: a node of the
optimised graph is named after a tensor of the file, or produces one, or feeds a node that does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import onnx
from onnx import GraphProto, NodeProto

from gridrt.files import temporary_folder
from gridrt.graph.node_stages import give_each_custom_op_a_body, stages_of_tensors
from gridrt.runtime.onnxruntime.profile import Feeds, NodeTime, profiled_runs
from gridrt.stages import CONVERSIONS, Stage, StageTimes, median_run, stage_of_node, times_of
from gridrt.types import Int32Array, UInt8Array

_ADDED = re.compile(r"^fused |^InsertedPrecisionFreeCast_|_nchwc$")
"""What ONNX Runtime adds to the name of a node or a tensor."""


def graph_stage_times(
    graph: Path, images: UInt8Array, image_sizes: Int32Array, *, threads: int | None, warm_up: int, runs: int
) -> StageTimes:
    """Stages of a graph's run on the CPU, where the profile has the time of a node, not only of its launch.

    Args:
        graph: an ONNX file that `gridrt export` wrote, in any precision.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        threads: inside an operator; None means as many as the process may use.
        warm_up: runs before those that are measured.
        runs: measured runs, of which the median is returned.
    """
    model = onnx.load(graph)
    produced_in = stages_of_tensors(model.graph)
    give_each_custom_op_a_body(model)
    feeds: Feeds = {"images": images, "image_sizes": image_sizes}
    with temporary_folder() as folder:
        named, optimized = Path(folder, "named.onnx"), Path(folder, "optimized.onnx")
        onnx.save(model, named)
        profiled = profiled_runs(named, feeds, threads=threads, warm_up=warm_up, runs=runs, optimized=optimized)
        stages = stages_of_nodes(onnx.load(optimized).graph, produced_in)
    times = []
    for run in profiled:
        nodes = [(stage_of_kernel(kernel, stages), kernel.seconds) for kernel in run.nodes]
        times.append(times_of([*nodes, ("other", run.seconds - sum(seconds for _, seconds in nodes))]))
    return median_run(times)


def stages_of_nodes(optimized: GraphProto, produced_in: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stage of each node that ONNX Runtime runs, by name; nodes without one share that of their operator.

    Args:
        optimized: the graph after the fusions.
        produced_in: the stages of the tensors before them.
    """
    consumed_in: dict[str, Stage] = {}  # of tensors that the file does not have
    stages: dict[str, set[Stage]] = {}
    for node in reversed(optimized.node):
        consumers_stage: Stage = next((consumed_in[name] for name in node.output if name in consumed_in), "other")
        stage = _stage_by_names(node, produced_in) or consumers_stage
        consumed_in.update(dict.fromkeys(node.input, stage))
        stages.setdefault(node.name or _nameless(node.op_type), set()).add(stage)
    return {name: found.pop() if len(found) == 1 else "other" for name, found in stages.items()}


def stage_of_kernel(kernel: NodeTime, stages: Mapping[str, Stage]) -> Stage:
    """The stage of a node in a profile, by the result of `stages_of_nodes`."""
    return stages.get(kernel.name) or stages.get(_nameless(kernel.op), "other")


def _stage_by_names(node: NodeProto, produced_in: Mapping[str, Stage]) -> Stage | None:
    """By the name of a node, or of what it produces, or for a conversion of what it converts."""
    converted = node.input[:1] if node.op_type in CONVERSIONS else ()
    names = (_ADDED.sub("", name) for name in (node.name, *node.output, *converted))
    return next((stage for name in names if (stage := stage_of_node(name) or produced_in.get(name))), None)


def _nameless(op: str) -> str:
    """Stands for the nodes of an operator that have no name, which a profile calls `Cast_955` and the like."""
    return f"nameless {op}"
