"""The session with kernels and CUDA graphs detects what the eager reference detects."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

from gridrt.detector import Detector
from gridrt.matched_detections import match_detections
from gridrt.model.checkpoint import load_model
from gridrt.model.untrained import untrained_model
from gridrt.plugins.contract import FeatureType
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch_cuda.session import TorchCudaSession
from gridrt.types import Detections, UInt8Array

pytestmark = pytest.mark.gpu
PARTS = ("boxes", "scores", "labels")


def outside(expected: Detections, found: Detections, feature_type: FeatureType) -> int:
    """How many differ by more than rounding makes them."""
    found_by = match_detections(expected, found)
    return found_by.outside(0.05, 0.001) if feature_type == "float32" else found_by.outside(1.0, 0.02)


@pytest.mark.parametrize("feature_type", ["float32", "float16"])
@pytest.mark.parametrize("scale", [(320, 256), (256, 192)])
def test_a_trained_detector_finds_the_same(
    photo: Callable[[str], UInt8Array], feature_type: FeatureType, scale: tuple[int, int]
) -> None:
    model, image = load_model("tiny_synthetic"), photo("coffee")
    (expected,) = Detector(TorchSession(copy.deepcopy(model), "cpu"), scale)([image])
    detector = Detector(TorchCudaSession(model, feature_type=feature_type), scale)
    for _ in range(3):
        (found,) = detector([image])
        assert outside(expected, found, feature_type) <= max(1, len(expected) // 5)


def test_r50_runs_with_batch_norms_folded(photo: Callable[[str], UInt8Array]) -> None:
    model, scale = untrained_model("r50"), (320, 256)
    on_cpu, expected = (
        Detector(TorchSession(copy.deepcopy(model), device), scale)([photo("coffee")])[0] for device in ("cpu", "cuda")
    )
    (found,) = Detector(TorchCudaSession(model, feature_type="float32"), scale)([photo("coffee")])
    assert len(expected)
    # The reference itself moves by the choice of algorithms: as far as between CPU and GPU is no fault of the session.
    allowed = max(len(expected) // 10, 2 * outside(on_cpu, expected, "float32"))
    assert outside(expected, found, "float32") <= allowed


@pytest.mark.parametrize("feature_type", ["float32", "float16"])
def test_a_repeated_graph_gives_what_launching_gives_for_two_shapes_in_turn(
    photo: Callable[[str], UInt8Array], feature_type: FeatureType
) -> None:
    model = load_model("tiny_synthetic")
    images = [photo("coffee"), photo("coffee")[:, ::-1].copy(), photo("coffee").transpose(1, 0, 2).copy()]
    by_graph, launched = (
        Detector(TorchCudaSession(model, feature_type=feature_type, cuda_graphs=cuda_graphs))
        for cuda_graphs in (True, False)
    )
    for image in [*images, *images]:
        (found,), (expected,) = by_graph([image]), launched([image])
        # Convolutions may be chosen otherwise, and then round otherwise.
        assert outside(expected, found, feature_type) <= max(1, len(expected) // 5)
    again = [by_graph([image])[0] for image in images for _ in range(2)]
    for one, other in zip(again[::2], again[1::2], strict=True):
        for part in PARTS:
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
