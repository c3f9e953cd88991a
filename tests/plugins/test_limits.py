"""Limits are reported by name, and the nodes of the model keep them."""

from __future__ import annotations

import pytest

from gridrt.errors import GridRTError
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.limits import Limit, first_broken
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL

EVEN = Limit("rows", "must be even", lambda rows: rows % 2 == 0)
SMALL = Limit("columns", "must be at most 3", lambda columns: columns <= 3)


def test_the_first_that_is_not_kept_is_found() -> None:
    assert first_broken((EVEN, SMALL), {"rows": 2, "columns": 3}) is None
    assert first_broken((EVEN, SMALL), {"rows": 2, "columns": 4}) is SMALL
    assert str(first_broken((EVEN, SMALL), {"rows": 1, "columns": 4})) == "rows must be even"


def test_what_is_not_known_is_not_looked_at() -> None:
    assert first_broken((EVEN, SMALL), {"columns": 2, "other": 9}) is None


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.symbol)
def test_limits_are_on_what_a_node_has_and_the_model_keeps_them(kernel: Kernel) -> None:
    contract = kernel.contract
    assert {limit.name for limit in kernel.limits} <= {*contract.inputs, *contract.attributes}
    for example in kernel.examples:
        kernel.refuse_beyond_limits({**example.attributes, **example.shapes})


def test_a_list_of_strides_has_one_for_each_level() -> None:
    with pytest.raises(GridRTError, match=r"^MultiLevelRoiAlign: .*strides .*\[4, 8\]"):
        MULTI_LEVEL_ROI_ALIGN_KERNEL.refuse_beyond_limits({"output_size": 7, "strides": [4, 8]})


def test_grid_fusion_takes_16_32_48_or_64_channels_of_a_point_and_squares_of_1_to_7() -> None:
    """A warp has 16 channels of a point, four warps are a team, and a row has at most 7 cells."""

    def takes(channels: int, height: int, width: int) -> bool:
        return first_broken(GRID_FUSION_KERNEL.limits, {"features": (5, channels, height, width)}) is None

    assert [channels for channels in range(-1, 900) if takes(channels, 7, 7)] == [144, 288, 432, 576]
    assert [side for side in range(-1, 20) if takes(576, side, side)] == [1, 2, 3, 4, 5, 6, 7]
    assert not takes(576, 7, 6)
    assert not takes(576, 6, 7)
