"""The geometry of the grid, its fusion and its decoding, against the reference and against loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gridrt.model.grid_head import GridHead
from gridrt.ops.grid import EDGES, POINTS, neighbours, sub_region_origin
from gridrt.ops.grid_decode import grid_decode
from gridrt.ops.grid_fusion import grid_fusion

Golden = Callable[[str], Mapping[str, np.ndarray]]


def test_neighbours_equal_the_reference(golden: Golden) -> None:
    for point, padded in enumerate(golden("unit_grid")["neighbors"]):
        assert list(neighbours(point)) == [other for other in padded if other >= 0]


def test_there_are_24_directed_edges() -> None:
    assert len(set(EDGES)) == len(EDGES) == 24


def test_sub_regions_equal_the_reference(golden: Golden) -> None:
    origins = [sub_region_origin(point, 28) for point in range(POINTS)]
    np.testing.assert_array_equal(origins, golden("unit_grid")["sub_regions"][:, :2])


def test_decoding_equals_the_reference(golden: Golden) -> None:
    arrays = golden("unit_grid")
    boxes = grid_decode(torch.from_numpy(arrays["gd_logits"]), torch.from_numpy(arrays["gd_boxes"]))
    np.testing.assert_allclose(boxes, arrays["gd_out"], atol=1e-4)


@given(st.tuples(*[st.integers(0, 27)] * 4))
def test_one_certain_cell_per_point_puts_the_edges_at_its_centre(cells: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = cells  # heatmap cells of the outer columns and rows
    logits = torch.full((1, POINTS, 28, 28), -20.0)
    for point in range(POINTS):
        x, y = (left, 14, right)[point // 3], (top, 14, bottom)[point % 3]
        logits[0, point, y, x] = 20.0
    box = torch.tensor([[100.0, 200.0, 156.0, 312.0]])  # 56 x 112 pixels: a cell is 2 x 4 of them
    low = (100 - 28, 200 - 56)
    expected = [
        low[0] + (left + 0.5) * 2,
        low[1] + (top + 0.5) * 4,
        low[0] + (28 + right + 0.5) * 2,
        low[1] + (28 + bottom + 0.5) * 4,
    ]
    torch.testing.assert_close(grid_decode(logits, box), torch.tensor([expected]))


def test_saturated_probabilities_tie_and_the_first_cell_wins() -> None:
    logits = torch.full((1, POINTS, 28, 28), -20.0)
    logits[:, :, 3, 4], logits[:, :, 3, 5] = 30.0, 40.0  # both are 1 in float32
    x1 = grid_decode(logits, torch.tensor([[0.0, 0.0, 28.0, 28.0]]))[0, 0]
    torch.testing.assert_close(x1, torch.tensor(-14 + 4.5))


def fusion_loop(x: torch.Tensor, first: nn.ModuleList, second: nn.ModuleList) -> torch.Tensor:
    """The equation of the paper, point by point and neighbour by neighbour."""
    points = list(x.chunk(POINTS, 1))

    def gather(sources: list[torch.Tensor], transitions: nn.ModuleList) -> list[torch.Tensor]:
        fused = []
        for point in range(POINTS):
            total = points[point]
            for nth, other in enumerate(neighbours(point)):
                total = total + transitions[point][nth](sources[other])  # type: ignore[index]  # nested lists
            fused.append(total)
        return fused

    return torch.cat(gather(gather(points, first), second), 1)


def test_fusion_equals_a_loop_over_neighbours() -> None:
    torch.manual_seed(0)
    head = GridHead(in_channels=8, convs=1, point_channels=8)
    x = torch.randn(2, POINTS * 8, 7, 7)
    with torch.no_grad():
        fused = grid_fusion(x, *head.fusion_weights())
        torch.testing.assert_close(fused, fusion_loop(x, head.forder_trans, head.sorder_trans), atol=1e-5, rtol=0)
