"""A node at the edge of what a kernel takes. No PyTorch here: see `benchmarks.gpu_launches`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import Shapes

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Edge:
    """A node at an edge.

    Attributes:
        attributes: of the node.
        inputs: by name; feature maps [N, C, H, W], in any type.
    """

    attributes: Attributes
    inputs: Mapping[str, Array]

    @property
    def shapes(self) -> Shapes:
        """Of the inputs."""
        return {name: array.shape for name, array in self.inputs.items()}
