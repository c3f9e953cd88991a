"""The stage where the numbers of a detector stop being finite is found and named, once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from gridrt.api import open_detector
from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Transform
from gridrt.errors import NonFiniteError
from gridrt.model.zoo import locate
from gridrt.runtime.backend import SessionOptions
from gridrt.runtime.non_finite import are_finite, non_finite_stage
from tests import broken

SCENE = draw_scene(np.random.default_rng(0), 256, 320).image
BATCH = Transform((320, 256))([SCENE])
ONE_THREAD = SessionOptions(threads=1)


@pytest.mark.parametrize(
    ("weight", "stage"),
    [
        ("backbone.layer1.0.conv1.weight", "backbone"),
        ("neck.fpn_convs.0.conv.weight", "fpn"),
        ("rpn_head.rpn_conv.weight", "rpn"),
        ("roi_head.bbox_head.fc_cls.weight", "box_head"),
        ("roi_head.grid_head.deconv2.weight", "grid_head"),
    ],
)
def test_a_stage_that_overflows_is_found(tiny_synthetic_file: Path, tmp_path: Path, weight: str, stage: str) -> None:
    onnx.save(broken.overflowing(onnx.load(tiny_synthetic_file), weight), tmp_path / "a.onnx")

    assert non_finite_stage(tmp_path / "a.onnx", "auto", ONE_THREAD, BATCH) == stage


@pytest.mark.parametrize("backend", ["pytorch", "onnxruntime", "openvino"])
def test_a_sound_detector_has_no_such_stage(tiny_synthetic_file: Path, backend: str) -> None:
    model = "tiny_synthetic" if backend == "pytorch" else tiny_synthetic_file

    assert non_finite_stage(model, backend, SessionOptions(), BATCH) is None


def test_a_backend_without_stages_names_none(tmp_path: Path) -> None:
    (tmp_path / "a.engine").write_bytes(b"ftrt")

    assert non_finite_stage(tmp_path / "a.engine", "auto", SessionOptions(), BATCH) is None


def test_the_first_error_of_a_detector_names_the_stage(tiny_synthetic_file: Path, tmp_path: Path) -> None:
    onnx.save(broken.nan_boxes(onnx.load(tiny_synthetic_file)), tmp_path / "a.onnx")
    detector = open_detector(tmp_path / "a.onnx", threads=1)

    errors = []
    for _ in range(2):
        with pytest.raises(NonFiniteError, match="boxes") as caught:
            detector([SCENE])
        errors.append(str(caught.value.value))

    assert ["stage decode" in error for error in errors] == [True, False]


def test_a_graph_whose_scores_are_all_nan_finds_nothing_and_fails_every_such_image(
    tiny_synthetic_file: Path, tmp_path: Path
) -> None:
    onnx.save(broken.nan_scores(onnx.load(tiny_synthetic_file)), tmp_path / "a.onnx")
    detector = open_detector(tmp_path / "a.onnx", threads=1)

    for _ in range(2):
        with pytest.raises(NonFiniteError, match="no detections") as caught:
            detector([SCENE])
        assert (caught.value.place, "stage box_head" in str(caught.value.value)) == ("images[0]", True)


def test_a_checkpoint_whose_scores_overflow_fails_with_the_stage(tmp_path: Path) -> None:
    content = torch.load(locate("tiny_synthetic"), map_location="cpu", weights_only=True)
    for layer in ("shared_fcs.1", "fc_cls"):  # each sound by itself, not one behind the other
        name = f"roi_head.bbox_head.{layer}.weight"
        content["state_dict"][name] = torch.full(content["state_dict"][name].shape, 9e18)
    torch.save(content, tmp_path / "a.pth")

    with pytest.raises(NonFiniteError, match="stage box_head"):
        open_detector(tmp_path / "a.pth", threads=1)([SCENE])


@pytest.mark.parametrize("backend", ["pytorch", "onnxruntime"])
def test_nothing_in_an_empty_image_is_sound(
    tiny_synthetic_file: Path, backend: str, recwarn: pytest.WarningsRecorder
) -> None:
    detector = open_detector("tiny_synthetic" if backend == "pytorch" else tiny_synthetic_file, threads=1)
    black = np.zeros((256, 320, 3), np.uint8)

    assert [len(found) for found in detector([black, black])] == [0, 0]
    assert not recwarn.list


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_are_finite_or_not(value: float) -> None:
    sound = np.zeros((2, 3), np.float32)

    assert are_finite(sound, np.zeros((0, 4), np.float32))
    assert not are_finite(sound, np.array([0, value], np.float32))
