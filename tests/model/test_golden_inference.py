"""Whole detectors against the reference: every published variant, with PyTorch and with ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from gridrt.data.transform import Transform
from gridrt.detector import Detector
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession
from gridrt.runtime.torch_session import TorchSession
from gridrt.types import Session

Golden = Callable[[str], Mapping[str, np.ndarray]]
Photo = Callable[[str], np.ndarray]

BOX_TOLERANCE, SCORE_TOLERANCE = 1e-2, 2e-4  # pixels of the resized image; probability

# One detection in a hundred may be off for the order of a sum alone. It swaps cells of a heatmap that are closer than
# this in probability. And it moves what the deepest backbones find: the reference's own float32 results lie up to
# 7e-3 px and 3.4e-4 from those in float64, where the other variants' lie within 4e-4 px.
NEAR_TIE = 1e-4
ROUNDED_BOX, ROUNDED_SCORE = 2e-2, 1e-3
SHARE_EXCUSED = 0.01

CASES = [
    pytest.param(variant, case, picture, marks=pytest.mark.xdist_group(variant))
    for variant, case, picture in (
        ("r50", "coffee_small", "coffee"),
        ("r50", "astronaut_small", "astronaut_crop"),
        ("r50", "chelsea_full", "chelsea"),
        ("r50", "coffee_1333", "coffee_crop"),
        ("r101", "coffee_small", "coffee"),
        ("x101_32x4d", "coffee_small", "coffee"),
        ("x101_64x4d", "coffee_small", "coffee"),
    )
]


def check_detections(session: Session, expected: Mapping[str, np.ndarray], image: np.ndarray) -> None:
    """Every detection of the reference is found again, and nothing else; rows may differ where scores are equal."""
    long_side, short_side = (int(side) for side in expected["scale_wh"])
    transform = Transform((long_side, short_side))
    scale_factor = transform([image]).scale_factors[0]
    np.testing.assert_allclose(scale_factor, expected["scale_factor_wh_chk"], rtol=1e-6)

    found = Detector(session, transform.scale)([image])[0]
    assert len(found) == len(expected["scores"])
    excused = 0
    for box, score, label, gaps in zip(
        expected["boxes"], expected["scores"], expected["labels"], expected["grid_top2gap"], strict=True
    ):
        same = found.labels == label
        box_errors = np.abs((found.boxes[same] - box) * scale_factor[[0, 1, 0, 1]]).max(-1)
        score_errors = np.abs(found.scores[same] - score)
        if not ((box_errors <= BOX_TOLERANCE) & (score_errors <= SCORE_TOLERANCE)).any():
            swapped = gaps.min() < NEAR_TIE and (score_errors <= SCORE_TOLERANCE).any()
            rounded = ((box_errors <= ROUNDED_BOX) & (score_errors <= ROUNDED_SCORE)).any()
            assert swapped or rounded, f"lost {label} at {box}, score {score}"
            excused += 1
    assert excused <= math.ceil(SHARE_EXCUSED * len(found))


@pytest.mark.parametrize(("variant", "case", "picture"), CASES)
def test_pytorch_detects_what_the_reference_detects(
    golden: Golden, photo: Photo, untrained: Callable[[str], GridRCNN], variant: str, case: str, picture: str
) -> None:
    check_detections(TorchSession(untrained(variant), "cpu"), golden(f"infer_{variant}_{case}"), photo(picture))


@pytest.mark.parametrize(("variant", "case", "picture"), CASES)
def test_onnx_runtime_detects_what_the_reference_detects(
    golden: Golden, photo: Photo, exported: Callable[[str], Path], variant: str, case: str, picture: str
) -> None:
    session = OnnxRuntimeSession(exported(variant), ["CPUExecutionProvider"], threads=1)
    check_detections(session, golden(f"infer_{variant}_{case}"), photo(picture))
