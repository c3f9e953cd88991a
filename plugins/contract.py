"""What a custom op promises, stated once: graph nodes, function bodies, kernels and tests all read it from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

DOMAIN = "gridrt"
VERSION = 1

# Every type an ONNX attribute may have, as PyTorch's exporter declares it.
AttributeValue: TypeAlias = int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]


@dataclass(frozen=True)
class Contract:
    """The signature of a custom op.

    Attributes:
        name: op type in the domain `gridrt`.
        inputs: in order.
        outputs: in order.
        attributes: their names; nodes carry `plugin_namespace` besides, by which TensorRT finds the plugin.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """As the exporter wants it: `gridrt::Name`."""
        return f"{DOMAIN}::{self.name}"

    def node_attributes(self, **values: AttributeValue) -> dict[str, AttributeValue]:
        """The attributes of one node, complete: `values` must be exactly those of the contract."""
        if set(values) != set(self.attributes):
            raise TypeError(f"{self.name} takes the attributes {self.attributes}, not {tuple(values)}")
        return {**values, "plugin_namespace": DOMAIN}
