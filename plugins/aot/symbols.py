"""Sizes in the symbols of `tensorrt.plugin`."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from gridrt.plugins.sizes import Operation


class Symbols:
    """Sizes as `tensorrt.plugin.ShapeExpr`, while TensorRT builds an engine.

    Args:
        trtp: the module `tensorrt.plugin`.
        inputs: their descriptions, by name.
    """

    def __init__(self, trtp: ModuleType, inputs: Mapping[str, Any]) -> None:
        self._inputs, self._constant = inputs, trtp.ShapeExpr
        self._operations = {
            Operation.SUM: operator.add,
            Operation.SUB: operator.sub,
            Operation.PROD: operator.mul,
            Operation.FLOOR_DIV: operator.floordiv,
            Operation.MAX: trtp.max,
            Operation.MIN: trtp.min,
        }

    def dim(self, tensor: str, axis: int) -> Any:  # noqa: ANN401 - a ShapeExpr; tensorrt.plugin has no types
        """The dimension of an input along an axis."""
        return self._inputs[tensor].shape_expr[axis]

    def constant(self, number: int) -> Any:  # noqa: ANN401 - the same
        """A plain number."""
        return self._constant(number)

    def combine(self, operation: Operation, left: Any, right: Any) -> Any:  # noqa: ANN401 - the same
        """An operation on two expressions."""
        return self._operations[operation](left, right)
