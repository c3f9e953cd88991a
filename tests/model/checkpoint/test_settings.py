"""Settings that files state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gridrt.config import DetectionConfig, PixelConfig
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.settings import (
    Settings,
    class_names_in,
    order_of_mean,
    settings_from_buffers,
    settings_from_meta,
    settings_to_meta,
)
from gridrt.model.presets import build

PLACE = Path("w.pth")
CAFFE = PixelConfig((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "BGR")


def test_settings_of_a_model_survive_its_meta() -> None:
    model = build("tiny", 2)
    Settings(CAFFE, ("cat", "dog"), (480, 360), {"max_proposals": 7}, {"score_threshold": 0.5}).apply(model)

    other = build("tiny", 2)
    settings_from_meta(settings_to_meta(model), PLACE).apply(other)

    assert other.normalize.pixels == CAFFE
    assert other.normalize.mean.flatten().tolist() == pytest.approx(CAFFE.mean)
    assert (other.class_names, other.scale) == (("cat", "dog"), (480, 360))
    assert other.rpn_head.proposals == replace(build("tiny", 2).rpn_head.proposals, max_proposals=7)
    assert other.roi_head.detections == DetectionConfig(score_threshold=0.5)


def test_settings_that_state_nothing_leave_a_model_as_it_is() -> None:
    model = build("faster_tiny", 2)
    Settings().apply(model)

    assert settings_to_meta(model) == settings_to_meta(build("faster_tiny", 2))


def test_the_first_of_two_settings_wins_where_both_state_something() -> None:
    one = Settings(scale=(480, 360), detections={"score_threshold": 0.5})
    other = Settings(CAFFE, ("cat",), (640, 640), {"max_proposals": 7}, {"score_threshold": 0.1, "max_detections": 9})

    assert one.otherwise(other) == Settings(
        CAFFE, ("cat",), (480, 360), {"max_proposals": 7}, {"score_threshold": 0.5, "max_detections": 9}
    )


@pytest.mark.parametrize(
    ("meta", "key"),
    [
        ({"gridrt_scale": (480, 0)}, "gridrt_scale"),
        ({"gridrt_pixels": "BGR"}, "gridrt_pixels"),
        ({"gridrt_pixels": {"mean": (1.0, 2.0, 3.0), "std": (1.0, 0.0, 1.0), "order": "RGB"}}, "std"),
        ({"gridrt_pixels": {"mean": (1.0, 2.0), "std": (1.0, 1.0, 1.0), "order": "RGB"}}, "mean"),
        ({"gridrt_pixels": {"mean": (1.0, 2.0, 3.0), "std": (1.0, 1.0, 1.0), "order": "GRB"}}, "order"),
        ({"gridrt_pixels": {"mean": (1.0, 2.0, float("nan")), "std": (1.0, 1.0, 1.0), "order": "RGB"}}, "mean"),
        ({"gridrt_detections": {"max_detections": "many"}}, "gridrt_detections"),
        ({"gridrt_proposals": {"unheard_of": 1}}, "gridrt_proposals"),
    ],
)
def test_settings_of_another_form_are_refused(meta: Mapping[str, object], key: str) -> None:
    with pytest.raises(CheckpointError, match=rf"w\.pth: .*{key}"):
        settings_from_meta(meta, PLACE)


@pytest.mark.parametrize(
    ("mean", "order"),
    [
        ([123.675, 116.28, 103.53], "RGB"),
        ([103.53, 116.28, 123.675], "BGR"),
        ([102.9801, 115.9465, 122.7717], "BGR"),  # Caffe's own
        ([127.5, 127.5, 127.5], None),
        ([127.5], None),
    ],
)
def test_the_mean_of_imagenet_implies_its_colour_order(mean: list[float], order: str | None) -> None:
    assert order_of_mean(mean) == order


def test_buffers_of_a_preprocessor_state_the_normalisation() -> None:
    buffers = {"mean": torch.tensor(CAFFE.mean).view(3, 1, 1), "std": torch.ones(3, 1, 1)}

    pixels = settings_from_buffers(buffers, PLACE).pixels

    assert pixels == CAFFE
    assert settings_from_buffers({}, PLACE) == Settings()


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        ({"CLASSES": ("cat", "dog")}, ("cat", "dog")),
        ({"CLASSES": ["cat", "dog"]}, ("cat", "dog")),
        ({"CLASSES": "cat"}, ("cat",)),
        ({"dataset_meta": {"classes": ("cat",)}}, ("cat",)),
        ({"dataset_meta": {"CLASSES": ("cat",)}}, ("cat",)),
        ({"dataset_meta": {"palette": []}, "CLASSES": ("dog",)}, ("dog",)),
        ({"CLASSES": None}, None),
        ({"CLASSES": ()}, None),
        ({"CLASSES": (1, 2)}, None),
        ({"dataset_meta": "coco"}, None),
        ({}, None),
    ],
)
def test_class_names_are_found_where_each_version_notes_them(
    meta: Mapping[str, object], names: tuple[str, ...] | None
) -> None:
    assert class_names_in(meta) == names
