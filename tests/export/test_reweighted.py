"""The graphs that tests share are those that the exporter writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from gridrt.export.onnx_export import onnx_from_model
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.zoo import locate
from tests.reweighted import reweighted


@pytest.mark.slow  # a minute each; tests/compare compares the graph of `tiny_synthetic` with its checkpoint
@pytest.mark.parametrize("name", ["tiny_synthetic", "tiny_bccd"])
def test_it_is_byte_by_byte_what_a_trace_gives(name: str, shipped: Callable[[str], Path]) -> None:
    weights = locate(name)

    traced = onnx_from_model(load_model(weights), sha256_of(weights))

    assert shipped(name).read_bytes() == traced.SerializeToString()


def test_with_its_own_weights_a_graph_stays_as_it_is(
    untrained: Callable[[str], GridRCNN], exported: Callable[[str], Path]
) -> None:
    graph, model = onnx.load(exported("tiny")), untrained("tiny")

    assert reweighted(graph, model, model, "0" * 64) == graph
