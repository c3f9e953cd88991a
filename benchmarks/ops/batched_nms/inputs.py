"""Random inputs of BatchedNms, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.ops.random_boxes import random_boxes


def nms_inputs(rows: int, columns: int, groups: int, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes [B, N, 4], scores [B, N, C] and groups [N]; row n is of group n modulo `groups`."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.stack([random_boxes(generator, rows, 800, 1344) for _ in range(batch)])
    scores = torch.rand((batch, rows, columns), generator=generator)
    return boxes, scores, torch.arange(rows, dtype=torch.int32) % groups
