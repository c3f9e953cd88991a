"""Proposals of a photograph: boxes as detectors give them, many small, few large, and close together."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from benchmarks.gpu_case import IMAGE_SIZE
from benchmarks.photograph import PHOTO, filling
from gridrt.config import DEFAULT_SCALE
from gridrt.data.image import load_image
from gridrt.model.checkpoint import load_model


@cache
@torch.inference_mode()
def photograph_boxes(count: int) -> Tensor:
    """The best `count` proposals of the small detector that ships, in a photograph of 800 x 1344: float32 [N, 4]."""
    model = load_model("tiny_synthetic").eval()
    batch = filling(load_image(PHOTO), DEFAULT_SCALE)
    images, sizes = torch.from_numpy(batch.images), torch.from_numpy(batch.image_sizes)
    assert images.shape[1:3] == IMAGE_SIZE  # noqa: S101 - of the roofline
    pyramid = model.pyramid(images, sizes)
    return model.proposals(model.rpn(pyramid), sizes).boxes[0, :count].clone()
