"""Ask TensorRT for plugins whose kernels it embeds in the engine."""

from __future__ import annotations

from onnx import ModelProto, helper

from gridrt.plugins.contract import DOMAIN


def ahead_of_time(model: ModelProto) -> None:
    """Give each custom op of `model`, in place, the attribute that makes TensorRT's parser take an AOT plugin."""
    for node in model.graph.node:
        if node.domain == DOMAIN:
            node.attribute.append(helper.make_attribute("aot", 1))
