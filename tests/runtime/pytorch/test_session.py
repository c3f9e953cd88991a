from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gridrt.config import DetectionConfig
from gridrt.errors import DependencyError, GridRTError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.pytorch.session import TorchSession


class WholeImage(nn.Module):
    """Finds the whole image, with a learnt score."""

    def __init__(self) -> None:
        super().__init__()
        self.class_names, self.variant = ("scene",), "whole image"
        self.scale: tuple[int, int] | None = (64, 32)
        self.roi_head = SimpleNamespace(detections=DetectionConfig(max_detections=1))
        self.score = nn.Parameter(torch.tensor(0.75))
        self.graded: list[bool] = []

    def forward(self, images: Tensor, image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        assert (images.dtype, image_sizes.dtype) == (torch.uint8, torch.int32)
        self.graded.append(torch.is_grad_enabled() or self.training)
        boxes = torch.cat([torch.zeros_like(image_sizes), image_sizes.flip(1)], 1).float()[:, None]
        count = len(images)
        return boxes, self.score.expand(count, 1), torch.zeros(count, 1, dtype=torch.int32)


def session(model: WholeImage, device: str | None = None, threads: int | None = None) -> TorchSession:
    return TorchSession(cast("GridRCNN", model), device, threads)


def test_arrays_go_in_and_arrays_come_out() -> None:
    found = session(WholeImage()).run(np.zeros((2, 32, 64, 3), np.uint8), np.array([[20, 60], [32, 50]], np.int32))

    np.testing.assert_array_equal([[[0, 0, 60, 20]], [[0, 0, 50, 32]]], found.boxes)
    np.testing.assert_array_equal([[0.75], [0.75]], found.scores)
    assert [found.boxes.dtype.name, found.scores.dtype.name, found.labels.dtype.name] == ["float32", "float32", "int32"]


def test_the_model_runs_in_eval_mode_without_gradients() -> None:
    model = WholeImage().train()

    session(model).run(np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32))

    assert model.graded == [False]


class TooLarge(WholeImage):
    def forward(self, images: Tensor, image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        torch.empty(1 << 60, dtype=torch.uint8)
        return super().forward(images, image_sizes)


class Broken(WholeImage):
    def forward(self, images: Tensor, image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return super().forward(images, image_sizes + torch.zeros(7))


def test_too_little_memory_is_an_error_that_tells_the_batch() -> None:
    with pytest.raises(GridRTError, match=r"found \[1, 32, 64, 3\] on cpu"):
        session(TooLarge(), "cpu").run(np.zeros((1, 32, 64, 3), np.uint8), np.array([[32, 64]], np.int32))


def test_other_errors_of_the_model_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="must match"):
        session(Broken(), "cpu").run(np.zeros((1, 32, 64, 3), np.uint8), np.array([[32, 64]], np.int32))


def test_class_names_and_scale_are_the_model_s() -> None:
    info = session(WholeImage()).info

    assert (info.class_names, info.scale) == (("scene",), (64, 32))


def test_where_the_model_knows_no_scale_the_published_one_is_assumed() -> None:
    model = WholeImage()
    known = session(model).info
    model.scale = None
    unknown = session(model).info

    assert (known.scale_origin, unknown.scale_origin, unknown.scale) == ("noted", "assumed", (1333, 800))


def test_without_a_choice_the_gpu_is_taken_where_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"

    assert session(WholeImage()).device.type == expected


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_refused_in_one_line(device: str) -> None:
    with pytest.raises(DependencyError, match=rf"^{device}: ") as caught:
        session(WholeImage(), device=device)
    assert "\n" not in str(caught.value)


def test_threads_reach_pytorch() -> None:
    before = torch.get_num_threads()
    try:
        session(WholeImage(), device="cpu", threads=3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
