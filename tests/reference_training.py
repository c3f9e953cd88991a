"""What the reference's training steps in tests/data/golden were made from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gridrt.data.transform import Transform
from gridrt.types import GroundTruth

CASES: Mapping[str, tuple[str, ...]] = {
    "one_nojitter": ("coffee",),
    "batch2_jitter": ("coffee", "astronaut_crop"),
    "batch2_manygt": ("coffee", "astronaut_crop"),
}
"""Photographs of each case, tests/data/photos/<name>.png; numbers in tests/data/golden/train_r50_<case>.npz."""


class ReferenceRandomness:
    """Takes the first candidates always, and draws uniforms from one numpy stream; a negative seed draws zeros."""

    def __init__(self, seed: int) -> None:
        self._stream = np.random.Generator(np.random.PCG64(seed)) if seed >= 0 else None

    def permutation(self, count: int) -> Tensor:
        return torch.arange(count)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        if self._stream is None:
            return torch.zeros(shape)
        return torch.from_numpy((low + (high - low) * self._stream.random(shape)).astype(np.float32))


def ground_truths(arrays: Mapping[str, np.ndarray]) -> list[GroundTruth]:
    """The objects of each image."""
    return [
        GroundTruth(
            torch.from_numpy(arrays[f"img{index}_gt_boxes"]),
            torch.from_numpy(arrays[f"img{index}_gt_labels"].astype(np.int64)),
        )
        for index in range(image_count(arrays))
    ]


def image_count(arrays: Mapping[str, np.ndarray]) -> int:
    return 2 if "img1_gt_boxes" in arrays else 1


def training_batch(arrays: Mapping[str, np.ndarray], pictures: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Pictures at the sizes of the case, each its own, on one canvas: images and image_sizes as a model takes them."""
    single = [
        Transform((int(scale[0]), int(scale[1])))([picture])
        for scale, picture in zip(scales(arrays), pictures, strict=True)
    ]
    canvas = np.zeros((len(single), *np.max([one.images.shape[1:3] for one in single], 0), 3), np.uint8)
    for image, one in zip(canvas, single, strict=True):
        image[: one.images.shape[1], : one.images.shape[2]] = one.images[0]
    return torch.from_numpy(canvas), torch.from_numpy(np.concatenate([one.image_sizes for one in single]))


def scales(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    return [arrays[f"img{index}_scale_wh"] for index in range(image_count(arrays))]
