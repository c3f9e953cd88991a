"""The ONNX bodies of the custom ops, run by ONNX Runtime, against their definitions in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import FunctionProto, TensorProto, ValueInfoProto, helper
from torch import Tensor

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.batched_nms.body import function_body as batched_nms_body
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.function_bodies import function_bodies
from gridrt.plugins.function_text import DetectorShape
from gridrt.plugins.grid_fusion.body import function_body as grid_fusion_body
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.multi_level_roi_align.body import function_body as multi_level_roi_align_body

DETECTOR = DetectorShape(strides=(4, 8, 16, 32), point_channels=8)

STRIDES = (4, 8, 16, 32)
TYPES = {torch.float32: TensorProto.FLOAT, torch.int32: TensorProto.INT32}

Runner = Callable[..., list[np.ndarray]]


def runner_of(body: FunctionProto, inputs: Sequence[Tensor], **attributes: float | list[int]) -> Runner:
    """ONNX Runtime over a model of one node that calls `body`."""
    node = helper.make_node(body.name, list(body.input), list(body.output), domain=DOMAIN)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    values = [
        helper.make_tensor_value_info(name, TYPES[tensor.dtype], [None] * tensor.ndim)
        for name, tensor in zip(body.input, inputs, strict=True)
    ]
    outputs = [onnx_value(name) for name in body.output]
    model = helper.make_model(
        helper.make_graph([node], "one_node", values, outputs),
        functions=[body],
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)],
        ir_version=10,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def run(*tensors: Tensor) -> list[np.ndarray]:
        feed = {name: tensor.numpy() for name, tensor in zip(body.input, tensors, strict=True)}
        return [np.asarray(output) for output in session.run(None, feed)]

    return run


def onnx_value(name: str) -> ValueInfoProto:
    kind = TensorProto.INT32 if name == "kept_groups" else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, None)


def random_boxes(generator: torch.Generator, count: int, extent: float) -> Tensor:
    corners = torch.rand(count, 2, 2, generator=generator) * extent
    return torch.cat((corners.amin(1), corners.amax(1)), 1)


@given(st.integers(0, 2**31), st.integers(1, 3), st.sampled_from([0.03, 0.6, 2.0]))
def test_nms_body_selects_what_the_definition_selects(seed: int, batch: int, score_threshold: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.stack([random_boxes(generator, 40, 60) for _ in range(batch)])
    scores = torch.rand(batch, 40, 3, generator=generator)
    groups = torch.randint(0, 3, (40,), generator=generator, dtype=torch.int32)
    settings = {"iou_threshold": 0.3, "score_threshold": score_threshold, "max_output": 20}
    expected = batched_nms(boxes, scores, groups, **settings)  # type: ignore[arg-type]
    actual = runner_of(batched_nms_body(DETECTOR), (boxes, scores, groups), **settings)(boxes, scores, groups)
    for expected_part, actual_part in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(actual_part, expected_part.numpy())


def test_nms_body_keeps_groups_apart_and_fills_the_rest() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]]])
    scores = torch.tensor([[[0.9, 0.8], [0.7, 0.01]]])
    inputs = (boxes, scores, torch.zeros(2, dtype=torch.int32))
    run = runner_of(batched_nms_body(DETECTOR), inputs, iou_threshold=0.5, score_threshold=0.03, max_output=3)
    kept_boxes, kept_scores, kept_groups = run(*inputs)
    assert kept_groups.tolist() == [[0, 1, -1]]
    assert kept_scores.tolist() == [[np.float32(0.9), np.float32(0.8), 0]]
    assert kept_boxes.tolist() == [[[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 0]]]


def rois_of_all_kinds(generator: torch.Generator, count: int, images: int) -> Tensor:
    """RoIs small and huge, empty ones, and ones that leave the image, of every level."""
    centres = torch.rand(count, 2, generator=generator) * 600 - 50
    sizes = torch.exp2(torch.rand(count, 2, generator=generator) * 9 + 1)
    sizes[::7] = 0
    sizes[1::7, 0] *= -1
    image = torch.randint(0, images, (count, 1), generator=generator).float()
    return torch.cat((image, centres - sizes / 2, centres + sizes / 2), 1)


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("output_size", [7, 14])
def test_roi_align_body_pools_what_the_definition_pools(count: int, output_size: int) -> None:
    generator = torch.Generator().manual_seed(count)
    features = [torch.randn(2, 3, 512 // stride, 384 // stride, generator=generator) for stride in STRIDES]
    rois = rois_of_all_kinds(generator, count, images=2)
    expected = multi_level_roi_align(features, rois, STRIDES, output_size)
    inputs = (*features, rois)
    run = runner_of(multi_level_roi_align_body(DETECTOR), inputs, output_size=output_size, strides=list(STRIDES))
    np.testing.assert_allclose(run(*inputs)[0], expected.numpy(), atol=2e-6)


def fusion_weights(generator: torch.Generator, channels: int) -> FusionWeights:
    edges = len(EDGES) * channels
    shapes = ((edges, 1, 5, 5), (edges,), (edges, channels, 1, 1), (edges,))
    return FusionWeights(*(torch.randn(shape, generator=generator) * 0.2 for shape in shapes))


@pytest.mark.parametrize("rois", [1, 3])
def test_fusion_body_fuses_as_the_definition_does(rois: int) -> None:
    generator = torch.Generator().manual_seed(rois)
    features = torch.randn(rois, POINTS * 8, 7, 7, generator=generator)
    first, second = fusion_weights(generator, 8), fusion_weights(generator, 8)
    inputs = (features, *first, *second)
    actual = runner_of(grid_fusion_body(DETECTOR), inputs)(*inputs)[0]
    np.testing.assert_allclose(actual, grid_fusion(features, first, second).numpy(), atol=1e-4)


def test_every_op_of_the_list_has_a_body_under_its_name() -> None:
    assert [body.name for body in function_bodies(DETECTOR)] == [kernel.contract.name for kernel in KERNELS]


def test_no_body_counts_on_the_default_of_an_attribute() -> None:
    """The inliner of onnx, which OpenVINO needs, drops such defaults without a word."""
    assert not [body.name for body in function_bodies(DETECTOR) if body.attribute_proto]
