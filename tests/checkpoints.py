"""Checkpoints as other programs write them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gridrt.config import PixelConfig

CAFFE_CONFIG = """
model = dict(
    data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    test_cfg=dict(rcnn=dict(score_thr=0.03, nms=dict(type='nms', iou_threshold=0.3), max_per_img=120)))
test_pipeline = [dict(type='Resize', scale=(480, 360), keep_ratio=True)]
"""


def caffe_file(path: Path, weights: dict[str, Tensor], class_names: Sequence[str]) -> Path:
    """Write the same detector for pixels in BGR order from which the mean is subtracted, but that no std divides."""
    std = torch.tensor(PixelConfig.std).view(1, 3, 1, 1)
    first = {"backbone.conv1.weight": (weights["backbone.conv1.weight"] / std).flip(1).contiguous()}
    torch.save({"meta": {"cfg": CAFFE_CONFIG, "CLASSES": tuple(class_names)}, "state_dict": weights | first}, path)
    return path
