"""Contracts and kernels state what adapters rely on."""

from __future__ import annotations

import re

import pytest

from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.contract import Contract
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN

CONTRACTS = (BATCHED_NMS, GRID_FUSION, MULTI_LEVEL_ROI_ALIGN)

for_each_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


@for_each_contract
def test_an_op_has_a_folder(contract: Contract) -> None:
    assert (contract.folder / "contract.py").is_file()


@for_each_contract
def test_the_names_of_an_op_are_apart(contract: Contract) -> None:
    names = (*contract.inputs, *contract.outputs, *contract.attributes)
    assert len(set(names)) == len(names)


@for_each_contract
def test_maps_have_four_dimensions(contract: Contract) -> None:
    assert all(tensor.rank == 4 for tensor in contract.input_tensors if tensor.is_map)


def test_the_shapes_of_outputs_follow_those_of_inputs() -> None:
    (pooled,) = MULTI_LEVEL_ROI_ALIGN.output_tensors
    shape = pooled.shape({"output_size": 7, "strides": (4, 8, 16, 32)})
    shapes = {"p2": (2, 256, 40, 60), "rois": (30, 5)}
    assert [size.value(shapes) for size in shape] == [30, 256, 7, 7]
    boxes, scores, groups = (output.shape({"max_output": 100}) for output in BATCHED_NMS.output_tensors)
    shapes = {"boxes": (2, 1000, 4)}
    assert [[size.value(shapes) for size in shape] for shape in (boxes, scores, groups)] == [
        [2, 100, 4],
        [2, 100],
        [2, 100],
    ]
    (fused,) = GRID_FUSION.output_tensors
    assert [size.value({"features": (100, 576, 7, 7)}) for size in fused.shape({})] == [100, 576, 7, 7]


def test_a_node_carries_exactly_the_attributes_of_its_contract() -> None:
    assert MULTI_LEVEL_ROI_ALIGN.node_attributes(output_size=7, strides=[4, 8]) == {
        "output_size": 7,
        "strides": [4, 8],
        "plugin_namespace": "gridrt",
    }
    with pytest.raises(TypeError, match=re.escape("MultiLevelRoiAlign: ")):
        MULTI_LEVEL_ROI_ALIGN.node_attributes(output_size=7)
