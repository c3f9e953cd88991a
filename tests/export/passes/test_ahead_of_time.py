"""Custom ops, and no other nodes, ask for plugins ahead of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import helper

from gridrt.export.passes.ahead_of_time import ahead_of_time


def test_each_custom_op_asks_for_it(exported: Callable[[str], Path]) -> None:
    model = onnx.load(exported("tiny"))
    before = [len(node.attribute) for node in model.graph.node]
    ahead_of_time(model)
    asking = [node for node in model.graph.node if any(attribute.name == "aot" for attribute in node.attribute)]
    assert [node.domain for node in asking] == ["gridrt"] * 5
    assert {helper.get_attribute_value(node.attribute[-1]) for node in asking} == {1}
    assert sum(len(node.attribute) for node in model.graph.node) == sum(before) + 5
