"""A checkpoint in Caffe style: pixels in BGR order, no division by a standard deviation, and a config that says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gridrt.config import PixelConfig

Weights = dict[str, Tensor]

CONFIG = """
model = dict(
    data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    test_cfg=dict(rcnn=dict(score_thr=0.03, nms=dict(type='nms', iou_threshold=0.3), max_per_img=120)))
test_pipeline = [dict(type='Resize', scale=(480, 360), keep_ratio=True)]
"""


def caffe_weights(weights: Weights) -> Weights:
    """The same detector for such pixels."""
    std = torch.tensor(PixelConfig.std).view(1, 3, 1, 1)
    return weights | {"backbone.conv1.weight": (weights["backbone.conv1.weight"] / std).flip(1).contiguous()}


def caffe_file(path: Path, weights: Weights, class_names: Sequence[str], config: str = CONFIG) -> Path:
    """Write the checkpoint."""
    meta = {"cfg": config, "CLASSES": tuple(class_names)}
    torch.save({"meta": meta, "state_dict": caffe_weights(weights)}, path)
    return path
