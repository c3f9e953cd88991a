"""Name nodes and initialisers after the model's modules, so that people and recipes can refer to them.

node_Conv_1937 (model.backbone.conv1.weight)  ->  backbone.conv1/Conv (backbone.conv1.weight)
"""

from __future__ import annotations

import ast
from collections import Counter

from onnx import ModelProto, NodeProto

WRAPPER = "model."
SCOPES = "pkg.torch.onnx.name_scopes"
ACTIVATIONS = {"Relu"}


def name_by_module(model: ModelProto) -> None:
    """Rename in place. A node is called `module/Op`, the second one of that name `module/Op_1`, and so on."""
    short = {tensor.name: tensor.name.removeprefix(WRAPPER) for tensor in model.graph.initializer}
    for tensor in model.graph.initializer:
        tensor.name = short[tensor.name]
    for node in model.graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
    parameters = set(short.values())
    taken: Counter[str] = Counter()
    module_of: dict[str, str] = {}  # of each tensor, by its producer
    for node in model.graph.node:
        module = _module(node, parameters)
        if not module and node.op_type in ACTIVATIONS:  # a functional activation belongs to the module before it
            module = module_of.get(node.input[0], "")
        module_of.update(dict.fromkeys(node.output, module))
        name = "/".join(part for part in (module, node.op_type) if part)
        node.name = f"{name}_{taken[name]}" if taken[name] else name
        taken[name] += 1


def _module(node: NodeProto, parameters: set[str]) -> str:
    """The module of a node: that of its weight, else the one it was traced in."""
    inputs: list[str] = list(node.input)
    for name in inputs:
        if name in parameters and name.endswith(".weight"):
            return name.removesuffix(".weight")
    scopes = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), "[]")
    # `["", "model.neck", "model.neck.fpn_convs.0", "conv2d"]` -> `neck.fpn_convs.0`; the last entry is the op
    modules: list[str] = [scope for scope in ast.literal_eval(scopes)[:-1] if scope.startswith(WRAPPER)]
    return modules[-1].removeprefix(WRAPPER) if modules else ""
