"""OpenVINO's operators do as ONNX defines, by ONNX Runtime's results and by numpy's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx.parser
import pytest

from gridrt.errors import GraphError
from gridrt.runtime.onnxruntime.inference_session import inference_session
from gridrt.runtime.openvino.compile import compiled_graph

HEAD = '<ir_version: 9, opset_import: ["" : 20]>'
Feeds: TypeAlias = Mapping[str, npt.NDArray[Any]]
RANDOM = np.random.default_rng(0)


def by_both(text: str, feeds: Feeds) -> tuple[list[Any], list[Any]]:
    """What ONNX Runtime and what OpenVINO make of a graph."""
    model = onnx.parser.parse_model(HEAD + text)
    found = compiled_graph(model, threads=1)(dict(feeds))
    expected = inference_session(model.SerializeToString(), threads=1).run(None, dict(feeds))
    return list(expected), [found[output.name] for output in model.graph.output]


TOPK = """
best (float[B,N] x, int64[1] k) => (float[B,K] values, int64[B,K] indices) { values, indices = TopK <axis = 1> (x, k) }
"""


@pytest.mark.parametrize(("length", "wanted"), [(1, 1), (10, 5), (100, 100), (100, 50), (3000, 1000), (40_000, 100)])
@pytest.mark.parametrize("levels", [1, 5, 1_000_000])
def test_topk_gives_tied_values_lowest_index_first(length: int, wanted: int, levels: int) -> None:
    x = RANDOM.integers(0, levels, (3, length)).astype(np.float32) - levels // 2

    expected, found = by_both(TOPK, {"x": x, "k": np.array([wanted])})

    order = np.argsort(-x, axis=1, kind="stable")[:, :wanted]
    for each in (expected, found):
        np.testing.assert_array_equal(each[1], order)
        np.testing.assert_array_equal(each[0], np.take_along_axis(x, order, 1))


def test_topk_takes_filling_of_minus_infinity_by_index() -> None:
    x = np.full((1, 50), -np.inf, np.float32)
    x[0, [30, 7]] = 1, 2

    _, (values, indices) = by_both(TOPK, {"x": x, "k": np.array([5])})

    assert (values[0, :2].tolist(), indices.tolist()) == ([2, 1], [[7, 30, 0, 1, 2]])


@pytest.mark.parametrize("form", ["axis = 0", "axis = 1, largest = 0"])
def test_another_form_of_topk_is_refused(form: str) -> None:
    text = TOPK.replace("axis = 1", form)

    with pytest.raises(GraphError, match="TopK must rank"):
        compiled_graph(onnx.parser.parse_model(HEAD + text), threads=1)


NMS = """
kept (float[1,N,4] boxes, float[1,1,N] scores) => (int64[K,3] chosen) {{
    most = Constant <value = int64 {{100}}> ()
    iou = Constant <value = float {{{iou}}}> ()
    least = Constant <value = float {{-1.0}}> ()
    chosen = NonMaxSuppression (boxes, scores, most, iou, least)
}}
"""


@pytest.mark.parametrize(
    ("box", "threshold", "kept"),
    [
        ([0, 0, 10, 5], 0.5, 2),
        ([0, 0, 5, 5], 0.25, 2),
        ([50, 50, 60, 60], 0.0, 2),
        ([0, 0, 10, 5], 0.51, 2),
        ([0, 0, 10, 5], 0.49, 1),
        ([0, 0, 10, 7], 0.7, 2),  # 70 / 100 rounds to the threshold in float32
    ],
)
def test_suppression_keeps_a_box_at_the_threshold(box: list[float], threshold: float, kept: int) -> None:
    feeds = {
        "boxes": np.array([[[0, 0, 10, 10], box]], np.float32),
        "scores": np.array([[[0.9, 0.8]]], np.float32),
    }

    (expected,), (found,) = by_both(NMS.format(iou=threshold), feeds)

    assert len(found) == len(expected) == kept
    np.testing.assert_array_equal(found, expected)


def test_suppression_takes_tied_scores_by_index() -> None:
    corners = RANDOM.uniform(0, 40, (1, 300, 2)).astype(np.float32)
    boxes = np.concatenate((corners, corners + 20), -1)
    scores = RANDOM.integers(1, 4, (1, 1, 300)).astype(np.float32)

    (expected,), (found,) = by_both(NMS.format(iou=0.5), {"boxes": boxes, "scores": scores})

    np.testing.assert_array_equal(found, expected)


ROI_ALIGN = """
pool (float[1,4,50,84] x, float[K,4] rois, int64[K] image) => (float[K,4,7,7] pooled) {
    pooled = RoiAlign <coordinate_transformation_mode = "half_pixel", sampling_ratio = 0, spatial_scale = 0.0625,
        output_height = 7, output_width = 7> (x, rois, image)
}
"""


def test_a_roi_without_area_pools_zeros() -> None:
    rois = np.array([[0, 0, 0, 0], [100, 100, 100, 300], [90, 40, 200, 40], [-60, -40, 200, 150]], np.float32)
    feeds: Feeds = {
        "x": RANDOM.standard_normal((1, 4, 50, 84)).astype(np.float32) + 9,
        "rois": rois,
        "image": np.zeros(4, np.int64),
    }

    (expected,), (found,) = by_both(ROI_ALIGN, feeds)

    assert not found[:3].any()
    assert found[3].any()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_roi_at_all_pools_nothing() -> None:
    feeds: Feeds = {
        "x": np.ones((1, 4, 50, 84), np.float32),
        "rois": np.zeros((0, 4), np.float32),
        "image": np.zeros(0, np.int64),
    }

    assert by_both(ROI_ALIGN, feeds)[1][0].shape == (0, 4, 7, 7)
