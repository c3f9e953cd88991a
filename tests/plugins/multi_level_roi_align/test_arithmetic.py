"""Levels are chosen as the definition chooses them, to the last float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gridrt.ops.roi_align import roi_levels
from tests.plugins.buffer import Buffer
from tests.plugins.host_kernel import Compiler

SOURCE = Path(__file__).parent / "levels.cu"


def levels(boxes: Tensor, compile_for_host: Compiler) -> Tensor:
    out = Buffer(np.zeros(4 * len(boxes), np.uint8))
    library = compile_for_host(SOURCE, "levels", ())
    library.launch((1, 1, 1), 32, 0, [Buffer(boxes.numpy().view(np.uint8).reshape(-1)), len(boxes), out])
    return torch.from_numpy(out.content.view(np.int32)).long()


def squares(sides: Tensor) -> Tensor:
    return torch.stack((torch.zeros_like(sides), torch.zeros_like(sides), sides, sides), 1)


def test_every_float_around_the_limits_has_its_level(compile_for_host: Compiler) -> None:
    limits = np.array([112, 224, 448], np.float32).view(np.int32)
    sides = torch.from_numpy((limits[:, None] + np.arange(-300, 300, dtype=np.int32)).reshape(-1).view(np.float32))
    found = levels(squares(sides), compile_for_host)
    assert torch.equal(found, roi_levels(squares(sides), 4))
    assert set(found.tolist()) == {0, 1, 2, 3}


def test_boxes_of_all_kinds_have_their_levels(compile_for_host: Compiler) -> None:
    generator = torch.Generator().manual_seed(0)
    corners = (
        torch.rand(2000, 4, generator=generator) * 900 - 100
    )  # a quarter reversed along both axes, a half along one
    extremes = torch.tensor([[0, 0, 0, 0], [5, 5, 5, 900], [-4e5, -4e5, 4e5, 4e5], [9, 9, 9.001, 9.001]])
    boxes = torch.cat((corners, extremes))
    assert torch.equal(levels(boxes, compile_for_host), roi_levels(boxes, 4))
