"""What a file states in several places, and the line that a user reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gridrt.config import PixelConfig
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.config_text import read_config
from gridrt.model.checkpoint.read import WeightsFile
from gridrt.model.checkpoint.settings import Settings
from gridrt.model.checkpoint.stated import describe_foreign_settings, stated_settings
from gridrt.model.presets import build

CAFFE = PixelConfig((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "BGR")
CAFFE_TEXT = "data_preprocessor = dict(mean=[103.53, 116.28, 123.675], std=[1, 1, 1], bgr_to_rgb=False)\n"
PUBLISHED_TEXT = """
img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
test_pipeline = [dict(type='MultiScaleFlipAug', img_scale=(1333, 800))]
test_cfg = dict(rcnn=dict(score_thr=0.03, nms=dict(type='nms', iou_thr=0.3), max_per_img=100))
"""


def weights(
    config: str = "", meta: dict[str, Any] | None = None, mean: tuple[float, ...] = (), name: str = "w.pth"
) -> WeightsFile:
    """A file that states things in the given places; of buffers, a mean and a std of 1."""
    buffers = {"mean": torch.tensor(mean).view(3, 1, 1), "std": torch.ones(3, 1, 1)} if mean else {}
    return WeightsFile(Path(name), "torch zip", {}, buffers, meta or {}, read_config(config))


def line(file: WeightsFile) -> str:
    return describe_foreign_settings(file, stated_settings(file), build("tiny"))


def test_own_metadata_come_before_the_config_and_the_config_before_the_name() -> None:
    published = "grid_rcnn_r50_fpn_gn-head_2x_coco_20200130-6cca8223.pth"
    config = "test_pipeline = [dict(type='Resize', scale=(480, 360))]"

    assert stated_settings(weights(name=published)).scale == (1333, 800)
    assert stated_settings(weights(config, name=published)).scale == (480, 360)
    assert stated_settings(weights(config, {"gridrt_scale": (640, 640)}, name=published)).scale == (640, 640)


def test_buffers_and_config_may_state_the_same() -> None:
    assert stated_settings(weights(CAFFE_TEXT, mean=CAFFE.mean)).pixels == CAFFE


def test_buffers_and_config_that_differ_are_refused_with_both() -> None:
    with pytest.raises(CheckpointError, match=r"w\.pth: .*103\.53.*\(1, 2, 3\)"):
        stated_settings(weights(CAFFE_TEXT, mean=(1.0, 2.0, 3.0)))


def test_a_file_without_config_and_buffers_states_nothing_and_needs_no_line() -> None:
    assert stated_settings(weights()) == Settings()
    assert line(weights()) == ""


def test_a_published_config_needs_no_line() -> None:
    assert line(weights(PUBLISHED_TEXT, {"CLASSES": ("cat",)})) == ""


def test_what_was_taken_and_what_was_missing_stand_in_one_line() -> None:
    taken, missing = line(weights(CAFFE_TEXT + "test_cfg = dict(rcnn=dict(max_per_img=300))")).split("; ")

    assert "BGR with mean (103.53, 116.28, 123.675), std (1, 1, 1)" in taken
    assert "max_detections 300" in taken
    assert missing == "not stated in it: scale, score_threshold, iou_threshold"


def test_a_colour_order_that_buffers_leave_open_is_called_an_assumption() -> None:
    assert "colour order (RGB is assumed)" in line(weights(mean=(127.5, 127.5, 127.5)))
    assert "not stated" not in line(weights(mean=CAFFE.mean))
