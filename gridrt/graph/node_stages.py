"""The stage of each node of an exported graph, and names that still tell it once custom ops are inlined."""

from __future__ import annotations

from onnx import FunctionProto, GraphProto, ModelProto

from gridrt.stages import CONVERSIONS, STAGES, Stage, stage_behind, stage_of_node


def stages_of_tensors(graph: GraphProto) -> dict[str, Stage]:
    """The stage that produces each tensor of an exported graph."""
    produced_in: dict[str, Stage] = {}
    for node in graph.node:
        stage = stage_of_node(node.name)
        if stage is None:  # it follows the latest stage whose results it consumes; without any it works on the inputs
            consumed = [produced_in[name] for name in node.input if name in produced_in]
            latest: Stage = max(consumed, key=STAGES.index) if consumed else "input"
            stage = latest if node.op_type in CONVERSIONS else stage_behind(latest)
        produced_in.update(dict.fromkeys(node.output, stage))
    return produced_in


def give_each_custom_op_a_body(model: ModelProto) -> None:
    """Give each custom op a body of its own, named after its node, and names to the nodes within.

    Both names are kept where bodies are inlined, so that they tell the suppression of proposals from that of classes.
    """
    shared = {body.name: body for body in model.functions}
    del model.functions[:]
    for node in model.graph.node:
        if node.op_type in shared:
            body = FunctionProto()
            body.CopyFrom(shared[node.op_type])
            body.name = node.op_type = node.name
            for index, inner in enumerate(body.node):
                inner.name = f"{body.name}/{inner.op_type}_{index}"
            model.functions.append(body)
