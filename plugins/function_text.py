"""Write the function body of a custom op in ONNX's text syntax; its signature is the op's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx.parser
from onnx import FunctionProto

from gridrt.plugins.contract import DOMAIN, Contract

OPSET = 20


@dataclass(frozen=True)
class DetectorShape:
    """The numbers of a detector that are constants in function bodies.

    Attributes:
        strides: pixels per cell of each pyramid level that RoIs are pooled from.
        point_channels: channels of each grid point in the grid head.
    """

    strides: Sequence[int]
    point_channels: int


def function_from_text(contract: Contract, statements: str) -> FunctionProto:
    """Parse a body whose inputs, outputs and attributes are named as in the contract."""
    attributes = ", ".join((*contract.attributes, "plugin_namespace"))
    return onnx.parser.parse_function(
        f'<opset_import: ["": {OPSET}], domain: "{DOMAIN}">\n'
        f"{contract.name} <{attributes}> ({', '.join(contract.inputs)}) => ({', '.join(contract.outputs)})\n"
        f"{{\n{statements}\n}}"
    )


def constant(name: str, values: object) -> str:
    """A statement that defines a constant: `constant("step", "int64[2] {1, 2}")`."""
    return f"{name} = Constant <value = {values}> ()"


def int64_list(values: list[int]) -> str:
    """The text of a one-dimensional int64 tensor."""
    return f"int64[{len(values)}] {{{', '.join(map(str, values))}}}"
