"""Stages of an exported graph, timed by ONNX Runtime's profile.

Names of nodes do not tell it alone: ONNX Runtime inlines the bodies of custom ops, fuses nodes, and names the
results after tensors, or after nothing (`conv2d_4_nchwc`, `ReorderOutput_token_176`). The names of tensors remain: what
it runs is called after one that the file knows, or makes one, or works for a node that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import GraphProto, ModelProto, NodeProto

from gridrt.runtime.onnxruntime.profile import Feeds, NodeTime, ProfiledRun, profiled_runs
from gridrt.stages import (
    CONVERSIONS,
    STAGES,
    Stage,
    StageTimes,
    middle_run,
    stage_behind,
    stage_of_node,
    times_of,
)
from gridrt.types import Int32Array, UInt8Array

_PUT_ON = re.compile(r"^fused |^InsertedPrecisionFreeCast_|_nchwc$")
"""What ONNX Runtime adds to the name of a node or a tensor."""


def graph_stage_times(
    graph: Path, images: UInt8Array, image_sizes: Int32Array, *, threads: int | None, warm_up: int, runs: int
) -> StageTimes:
    """Stages of a graph's run on the CPU, where the profile tells what a node took, not only its launch.

    Args:
        graph: an ONNX file of ours, in any precision.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        threads: inside an operator; None means every physical core.
        warm_up: runs before those that count.
        runs: of which the one in the middle is told.
    """
    model = onnx.load(graph)
    made_in = stages_of_tensors(model.graph)
    _name_bodies(model)
    feeds: Feeds = {"images": images, "image_sizes": image_sizes}
    with TemporaryDirectory() as folder:
        named, optimized = Path(folder, "named.onnx"), Path(folder, "optimized.onnx")
        onnx.save(model, named)
        profiled = profiled_runs(named, feeds, threads=threads, warm_up=warm_up, runs=runs, optimized=optimized)
        stages = stages_of_nodes(onnx.load(optimized).graph, made_in)
    return middle_run([_times_of_run(run, stages) for run in profiled])


def stages_of_tensors(graph: GraphProto) -> dict[str, Stage]:
    """The stage that makes each tensor of an exported graph."""
    made_in: dict[str, Stage] = {}
    for node in graph.node:
        stage = stage_of_node(node.name) or _stage_of_unnamed(node, made_in)
        made_in.update(dict.fromkeys(node.output, stage))
    return made_in


def _stage_of_unnamed(node: NodeProto, made_in: Mapping[str, Stage]) -> Stage:
    """By the latest stage whose results the node reads; what reads none works on the inputs."""
    read = [made_in[name] for name in node.input if name in made_in]
    latest: Stage = max(read, key=STAGES.index) if read else "input"
    return latest if node.op_type in CONVERSIONS else stage_behind(latest)


def stages_of_nodes(optimized: GraphProto, made_in: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stage of each node that ONNX Runtime runs, by name; nodes without one share that of their operator.

    Args:
        optimized: the graph after the fusions.
        made_in: the stages of the tensors before them.
    """
    works_for: dict[str, Stage] = {}  # tensors that the file does not know, by who reads them
    stages: dict[str, set[Stage]] = {}
    for node in reversed(optimized.node):
        readers_stage: Stage = next((works_for[name] for name in node.output if name in works_for), "other")
        stage = _stage_told(node, made_in) or readers_stage
        works_for.update(dict.fromkeys(node.input, stage))
        stages.setdefault(node.name or _nameless(node.op_type), set()).add(stage)
    return {name: found.pop() if len(found) == 1 else "other" for name, found in stages.items()}


def _stage_told(node: NodeProto, made_in: Mapping[str, Stage]) -> Stage | None:
    """By the name of a node, or what it makes, or for a conversion by what it reads."""
    converted = node.input[:1] if node.op_type in CONVERSIONS else ()
    names = (_PUT_ON.sub("", name) for name in (node.name, *node.output, *converted))
    return next((stage for name in names if (stage := stage_of_node(name) or made_in.get(name))), None)


def _name_bodies(model: ModelProto) -> None:
    """Give every node of the custom ops' bodies a name, which ONNX Runtime keeps: it numbers those without one."""
    for body in model.functions:
        for index, node in enumerate(body.node):
            node.name = f"{body.name}/{node.op_type}_{index}"


def _times_of_run(run: ProfiledRun, stages: Mapping[str, Stage]) -> StageTimes:
    nodes = list(_told(run.nodes, stages))
    return times_of([*nodes, ("other", run.seconds - sum(seconds for _, seconds in nodes))])


def _told(nodes: Iterable[NodeTime], stages: Mapping[str, Stage]) -> Iterator[tuple[Stage, float]]:
    for node in nodes:
        yield stages.get(node.name) or stages.get(_nameless(node.op), "other"), node.seconds


def _nameless(op: str) -> str:
    """What stands for the nodes of an operator that have no name, which a profile calls `Cast_955` and the like."""
    return f"nameless {op}"
