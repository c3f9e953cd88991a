from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from gridrt.graph.node_stages import stages_of_tensors
from gridrt.stages import STAGES


@pytest.mark.parametrize("variant", ["tiny", "r50"])
def test_no_node_of_an_exported_graph_is_of_no_stage(exported: Callable[[str], Path], variant: str) -> None:
    graph = onnx.load(exported(variant), load_external_data=False).graph

    produced_in = stages_of_tensors(graph)

    assert set(produced_in.values()) == set(STAGES) - {"other"}
    of_op = {
        op: {produced_in[node.output[0]] for node in graph.node if node.op_type == op}
        for op in ("TopK", "Softmax", "ArgMax", "BatchedNms", "MultiLevelRoiAlign", "GridFusion", "ConvTranspose")
    }
    assert of_op == {
        "TopK": {"proposals"},
        "Softmax": {"box_head"},
        "ArgMax": {"decode"},
        "BatchedNms": {"proposals", "detections"},
        "MultiLevelRoiAlign": {"roi_align"},
        "GridFusion": {"grid_fusion"},
        "ConvTranspose": {"grid_head"},
    }
