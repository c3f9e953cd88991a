"""Random inputs of BatchedNms, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.ops.random_boxes import random_boxes

BACKGROUND = 5.0
"""Logit of the background above those of classes: with 1000 rows of 80 classes, a thousand scores exceed 0.03 then."""


def nms_inputs(rows: int, columns: int, groups: int, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes [B, N, 4], scores [B, N, C] and groups [N]; row n is of group n modulo `groups`.

    Scores of several columns are a softmax with a background, as classifiers give them: most are next to nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.stack([random_boxes(generator, rows, 800, 1344) for _ in range(batch)])
    scores = torch.rand((batch, rows, columns), generator=generator)
    if columns > 1:
        logits = torch.randn((batch, rows, columns + 1), generator=generator)
        logits[..., -1] += BACKGROUND
        scores = logits.softmax(-1)[..., :-1].contiguous()
    return boxes, scores, torch.arange(rows, dtype=torch.int32) % groups
