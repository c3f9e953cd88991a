"""Configs of mmdetection 1.x to 3.x: what they state about inference, and where they contradict a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gridrt.config import PixelConfig
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.config_text import read_config
from gridrt.model.checkpoint.mmdet_config import contradictions, settings_in_config
from gridrt.model.checkpoint.settings import Settings
from gridrt.model.presets import build

PLACE = Path("w.pth")

V1 = """
model = dict(
    type='GridRCNN',
    backbone=dict(type='ResNet', depth=50, style='pytorch'),
    rpn_head=dict(
        anchor_scales=[8], anchor_ratios=[0.5, 1.0, 2.0], anchor_strides=[4, 8, 16, 32, 64],
        target_means=[.0, .0, .0, .0], target_stds=[1.0, 1.0, 1.0, 1.0],
        loss_bbox=dict(type='SmoothL1Loss', beta=1.0 / 9.0)))
test_cfg = dict(
    rpn=dict(nms_across_levels=False, nms_pre=900, nms_post=900, max_num=800, nms_thr=0.6, min_bbox_size=0),
    rcnn=dict(score_thr=0.04, nms=dict(type='nms', iou_thr=0.4), max_per_img=90))
img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale=(1333, 800), flip=False, transforms=[
        dict(type='Resize', keep_ratio=True), dict(type='Normalize', **img_norm_cfg), dict(type='Pad', size_divisor=32),
    ])]
"""

V3 = """
data_preprocessor = dict(type='DetDataPreprocessor', mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0],
                         bgr_to_rgb=False, pad_size_divisor=32)
metainfo = dict(classes=('cat', 'dog'))
model = dict(
    data_preprocessor=data_preprocessor,
    rpn_head=dict(
        anchor_generator=dict(type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[.0] * 4, target_stds=[1.0] * 4)),
    roi_head=dict(bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
                                          featmap_strides=[4, 8, 16, 32])),
    test_cfg=dict(
        rpn=dict(nms_pre=900, max_per_img=800, nms=dict(type='nms', iou_threshold=0.6), min_bbox_size=0),
        rcnn=dict(score_thr=0.04, nms=dict(type='nms', iou_threshold=0.4), max_per_img=90)))
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(480, 360), keep_ratio=True)]
test_dataloader = dict(batch_size=1, dataset=dict(metainfo=metainfo, pipeline=test_pipeline))
"""

PROPOSALS = {"candidates_per_level": 900, "iou_threshold": 0.6, "max_proposals": 800}
DETECTIONS = {"score_threshold": 0.04, "iou_threshold": 0.4, "max_detections": 90}
CAFFE = PixelConfig((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "BGR")


def stated(text: str) -> Settings:
    return settings_in_config(read_config(text), PLACE)


def test_a_config_of_v1_states_the_same_facts_in_its_own_words() -> None:
    assert stated(V1) == Settings(PixelConfig(), None, (1333, 800), PROPOSALS, DETECTIONS)


def test_a_config_of_v3_states_pixels_classes_scale_and_limits() -> None:
    assert stated(V3) == Settings(CAFFE, ("cat", "dog"), (480, 360), PROPOSALS, DETECTIONS)


def test_an_empty_config_states_nothing() -> None:
    assert stated("") == Settings()


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("img_norm_cfg = dict(mean=[1, 2, 3], std=[1, 1, 1])", "RGB"),  # the default of v1 and v2
        ("img_norm_cfg = dict(mean=[1, 2, 3], std=[1, 1, 1], to_rgb=False)", "BGR"),
        ("model = dict(data_preprocessor=dict(mean=[1, 2, 3], std=[1, 1, 1]))", "BGR"),  # the default of v3
        ("model = dict(data_preprocessor=dict(mean=[1, 2, 3], std=[1, 1, 1], bgr_to_rgb=True))", "RGB"),
        ("data_preprocessor = dict(mean=[1, 2, 3], std=[1, 1, 1], rgb_to_bgr=True)", "RGB"),  # any flip of BGR pixels
        (
            "model = dict(data_preprocessor=dict(pad_size_divisor=32))\n"  # noqa: ISC004
            "data = dict(test=dict(pipeline=[dict(type='Normalize', mean=[1, 2, 3], std=[1, 1, 1], to_rgb=False)]))",
            "BGR",
        ),
    ],
)
def test_the_colour_order_follows_from_the_flip_of_decoded_bgr(text: str, order: str) -> None:
    pixels = stated(text).pixels

    assert pixels is not None
    assert (pixels.mean, pixels.std, pixels.order) == ((1.0, 2.0, 3.0), (1.0, 1.0, 1.0), order)


@pytest.mark.parametrize(
    "text",
    [
        "img_norm_cfg = dict(mean=f(), std=[1, 1, 1])",
        "img_norm_cfg = dict(mean=[1, 2, 3], std=[1, 1, 1], to_rgb=f())",
        "img_norm_cfg = dict(mean=[1, 2, f()], std=[1, 1, 1])",
        "img_norm_cfg = 3",
        "test_pipeline = [dict(type='Resize', scale=[(1333, 800), (1333, 600)])]",
        "test_pipeline = [dict(type='Resize', scale=0.5)]",
        "test_pipeline = [dict(type='Resize', scale=f())]",
        "test_pipeline = 3",
        "test_pipeline = [dict(type='MultiScaleFlipAug', transforms=3)]",
        "model = dict(test_cfg=dict(rcnn=dict(score_thr='high', nms=dict(iou_threshold=2.0), max_per_img=-1)))",
        "model = 3",
        "classes = 3",
    ],
)
def test_values_that_are_unknown_or_unusable_are_not_stated(text: str) -> None:
    assert stated(text) == Settings()


def test_one_scale_in_a_list_is_a_scale_and_its_order_does_not_matter() -> None:
    assert stated("test_pipeline = [dict(type='MultiScaleFlipAug', img_scale=[(800, 1333)])]").scale == (1333, 800)


@pytest.mark.parametrize("mean", ["[128]", "[1, 2, 3, 4]", "'high'", "[1e999, 0, 0]"])
def test_a_mean_that_fits_no_pixel_is_refused(mean: str) -> None:
    with pytest.raises(CheckpointError, match=r"w\.pth: mean and std"):
        stated(f"img_norm_cfg = dict(mean={mean}, std=[1, 1, 1])")


@pytest.mark.parametrize("text", ["", V1, V3])
@pytest.mark.parametrize("variant", ["tiny", "faster_tiny"])
def test_published_configs_contradict_no_model(text: str, variant: str) -> None:
    assert list(contradictions(read_config(text), build(variant))) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("model = dict(rpn_head=dict(anchor_generator=dict(scales=[4])))", "anchor scales [4], but [8.0] in tiny"),
        ("model = dict(rpn_head=dict(anchor_scales=[8, 16]))", "anchor scales [8, 16], but [8.0] in tiny"),
        ("model = dict(rpn_head=dict(anchor_generator=dict(ratios=[1.0])))", "anchor ratios [1.0], but"),
        ("model = dict(rpn_head=dict(anchor_generator=dict(strides=[8, 16, 32, 64, 128])))", "anchor strides"),
        (
            "model = dict(rpn_head=dict(anchor_generator=dict(octave_base_scale=4)))",
            "anchor octave base scale 4, but 8",
        ),
        ("model = dict(rpn_head=dict(anchor_generator=dict(type='YOLOAnchorGenerator')))", "anchor generator"),
        ("model = dict(rpn_head=dict(bbox_coder=dict(target_stds=[.1, .1, .2, .2])))", "RPN delta stds"),
        ("model = dict(test_cfg=dict(rcnn=dict(nms=dict(type='soft_nms'))))", "suppression soft_nms, but nms"),
        ("test_cfg = dict(rcnn=dict(nms=dict(type='nms', class_agnostic=True)))", "suppression across classes True"),
        ("test_pipeline = [dict(type='Resize', scale=(640, 640), keep_ratio=False)]", "keep_ratio False, but True"),
    ],
)
def test_a_contradiction_names_both_sides(text: str, named: str) -> None:
    (difference,) = contradictions(read_config(text), build("tiny"))

    assert named in difference


def test_strides_may_be_pairs_and_numbers_may_be_integers() -> None:
    text = "model = dict(rpn_head=dict(anchor_generator=dict(strides=[(4, 4), (8, 8), (16, 16), (32, 32), (64, 64)])))"

    assert list(contradictions(read_config(text), build("tiny"))) == []


@pytest.mark.parametrize(("variant", "expected"), [("r50", ["backbone style caffe, but pytorch in r50"]), ("tiny", [])])
def test_the_style_of_a_backbone_matters_where_mmdetection_has_the_backbone(
    variant: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = build("tiny")
    monkeypatch.setattr(model, "variant", variant)

    assert list(contradictions(read_config("model = dict(backbone=dict(style='caffe'))"), model)) == expected
