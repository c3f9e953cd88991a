"""What the layers of an engine take, as TensorRT reports it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_NODE = re.compile(r"\[ONNX Layer: ([^\]]+)\]")


class LayerTime(NamedTuple):
    """Of one layer in one run.

    Attributes:
        name: TensorRT's.
        seconds: on the GPU.
    """

    name: str
    seconds: float


def nodes_of_layer(line: str) -> list[str]:
    """Names of the graph's nodes that a layer works for, by the inspector's line, where the engine keeps details."""
    return _NODE.findall(line)


class LayerTimes:
    """Listens to the context of an engine; to be joined with TensorRT's `IProfiler`."""

    def __init__(self) -> None:
        self._reported: list[LayerTime] = []

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """As TensorRT calls it, once for each layer and run."""
        self._reported.append(LayerTime(layer_name, ms / 1000))

    def reported_during(self, run: Callable[[], object]) -> list[LayerTime]:
        """What is reported while `run` runs, in that order."""
        self._reported.clear()
        run()
        return self._reported.copy()
