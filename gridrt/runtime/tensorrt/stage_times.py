"""Stages of an engine, by the times that TensorRT reports for its layers.

It has been tested with stand-ins for GPU and TensorRT, and with the layers of engines that were built but not run.
"""

from __future__ import annotations

import re
from collections import Counter

from gridrt.runtime.tensorrt.layer_times import nodes_of_layer
from gridrt.runtime.tensorrt.session import TensorRTSession
from gridrt.stages import CONVERSIONS, STAGES, Stage, StageTimes, median_run, stage_behind, stage_of_node, times_of
from gridrt.types import Int32Array, UInt8Array

_NAME = re.compile(r"Name: (.*?), LayerType:")
_INDEX = re.compile(r"_\d+$")


def engine_stage_times(
    session: TensorRTSession, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
) -> StageTimes:
    """Stages of an engine's run; the total is the sum over its layers, without copies and launches.

    Args:
        session: of an engine that `gridrt build-engine` wrote, which keeps details of its layers.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        warm_up: runs before those that are measured.
        runs: measured runs, of which the median is returned.

    Raises:
        EngineError: the batch is larger than what the engine was built for, or TensorRT cannot run it.
        GridRTError: there is not enough memory.
    """
    stages = stages_of_layers(session.layers)
    timed = session.layer_times(images, image_sizes, runs=warm_up + runs)[warm_up:]
    return median_run(
        [times_of((stages.get(layer.name, "other"), layer.seconds) for layer in layers) for layers in timed]
    )


def stages_of_layers(layers: str) -> dict[str, Stage]:
    """The stage of each layer by name.

    A layer belongs to the stage that most of its nodes name. If none does, the order of execution decides: it follows
    the furthest stage so far; a layer that only converts or moves belongs to the stage of the layer before.

    Args:
        layers: one a line, as the inspector describes them.
    """
    before: Stage = "input"
    furthest: Stage = "input"
    stages: dict[str, Stage] = {}
    for line in layers.splitlines():
        if not (name := _NAME.match(line)):
            continue  # about the engine as a whole
        nodes = nodes_of_layer(line)
        named = Counter(stage for node in nodes if (stage := stage_of_node(node)))
        if named:
            before = named.most_common(1)[0][0]
            furthest = max(before, furthest, key=STAGES.index)
        elif not all(_INDEX.sub("", node.rpartition("/")[2]) in CONVERSIONS for node in nodes):
            before = stage_behind(furthest)
        stages[name[1]] = before
    return stages
