from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from gridrt.errors import GraphError
from gridrt.graph.subgraph import subgraph
from gridrt.runtime.onnxruntime.subgraph import SubgraphSession
from tests.graph.steps import MODEL


def test_a_subgraph_runs_from_the_tensors_that_are_fed() -> None:
    part = SubgraphSession(subgraph(MODEL, {"a": TensorProto.FLOAT}, ["b", "last"]), threads=1)

    b, last = part.run({"a": np.array([1], np.float32), "x": np.array([0], np.float32)})

    assert (b.item(), last.item()) == (11, 22)


def test_nodes_that_bypass_the_fed_tensors_run_from_the_inputs_of_the_graph() -> None:
    part = SubgraphSession(subgraph(MODEL, {"c": TensorProto.FLOAT}, ["last"]), threads=1)

    (last,) = part.run({"x": np.array([1], np.float32)})

    assert last.item() == 24


def test_a_feed_that_onnx_runtime_refuses_is_an_error_of_the_graph() -> None:
    with pytest.raises(GraphError, match="cannot run the subgraph"):
        SubgraphSession(subgraph(MODEL, {}, ["b"]), threads=1).run({"x": np.array([1], np.float64)})
