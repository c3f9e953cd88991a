"""Facts about weights files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from gridrt.runtime.pytorch.summary import checkpoint_summary

STATE_DICTS = Path(__file__).parents[2] / "data" / "state_dicts"
PUBLISHED = json.loads((STATE_DICTS / "r50.json").read_text())


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    """r50 by name and shape; one number seen through every shape."""
    floats = {name: torch.ones(()).expand(shape) for name, shape in PUBLISHED["shapes"].items()}
    return {name: tensor.long() if name.endswith("tracked") else tensor for name, tensor in floats.items()}


def test_a_published_layout_has_every_fact(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "w.pth"
    meta = {"CLASSES": ("cat",) * 80, "mmdet_version": "2.28.2", "epoch": 25, "config": "long = 'text'", "env": None}
    torch.save({"meta": meta, "state_dict": weights}, path, _use_new_zipfile_serialization=False)

    summary = checkpoint_summary(path)

    assert (summary.variant, summary.misfit, summary.class_count) == ("r50", "", 80)
    assert summary.format == "torch legacy"
    assert summary.parameters == PUBLISHED["total_parameters"]
    assert summary.dtypes == {"float32": 523, "int64": 53}
    assert summary.class_names == ("cat",) * 80
    assert summary.scale is None
    assert summary.meta == {"mmdet_version": "2.28.2", "epoch": 25}
    assert summary.size_bytes == path.stat().st_size
    assert summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_that_fit_no_variant_have_a_summary_too(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    del weights["rpn_head.rpn_cls.bias"]
    torch.save(weights, tmp_path / "w.pth")

    summary = checkpoint_summary(tmp_path / "w.pth")

    assert summary.variant is None
    assert summary.misfit == "nearest is r50, but 1 missing: rpn_head.rpn_cls.bias"
    assert "variant     none: nearest is r50, but 1 missing: rpn_head.rpn_cls.bias" in summary.lines()


def test_class_names_are_cut_for_people(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    meta = {"CLASSES": tuple(f"c{i}" for i in range(80))}
    torch.save({"meta": meta, "state_dict": weights}, tmp_path / "w.pth")

    assert "classes     80: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 70 more" in lines_of(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("name", "meta", "line"),
    [
        ("w.pth", {"gridrt_scale": (480, 360)}, "scale       480 x 360"),
        ("w.pth", {}, "scale       none noted, 1333 x 800 is assumed"),
        ("grid_rcnn_r50_fpn_gn-head_2x_coco_20200130-6cca8223.pth", {}, "scale       1333 x 800"),
    ],
)
def test_the_scale_has_a_line(
    tmp_path: Path, weights: dict[str, torch.Tensor], name: str, meta: dict[str, object], line: str
) -> None:
    torch.save({"meta": meta, "state_dict": weights}, tmp_path / name)

    assert [line_ for line_ in lines_of(tmp_path / name) if line_.startswith(("scale", "gridrt_scale"))] == [line]


def test_settings_and_contradictions_of_a_config_have_lines(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    config = """
model = dict(
    backbone=dict(style='caffe'),
    data_preprocessor=dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0]),
    test_cfg=dict(rcnn=dict(max_per_img=300)))
"""
    torch.save({"meta": {"cfg": config}, "state_dict": weights}, tmp_path / "w.pth")

    lines = lines_of(tmp_path / "w.pth")

    assert "pixels      BGR with mean (103.53, 116.28, 123.675), std (1, 1, 1)" in lines
    assert "detections  max_detections 300" in lines
    assert "config      contradicts the model: backbone style caffe, but pytorch in r50" in lines


def lines_of(path: Path) -> list[str]:
    return checkpoint_summary(path).lines()
