"""The rewritten graph has no shape that depends on data, and detects what it detected."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import GraphProto, ModelProto, NodeProto

from gridrt.export.passes.static_rows import static_rows
from gridrt.types import UInt8Array

SIZES = np.array([(256, 320), (200, 300)], np.int32)


@pytest.fixture(scope="module")
def graph(exported: Callable[[str], Path]) -> ModelProto:
    return onnx.load(exported("tiny"))


@pytest.fixture(scope="module")
def rewritten(graph: ModelProto) -> ModelProto:
    model = copy.deepcopy(graph)
    static_rows(model)
    return model


def with_threshold(model: ModelProto, threshold: float) -> ModelProto:
    """Untrained weights find more objects than there are rows; only those with a higher score shall stay."""
    model = copy.deepcopy(model)
    suppression = next(node for node in model.graph.node if "scores" in node.output)
    attribute = next(attribute for attribute in suppression.attribute if attribute.name == "score_threshold")
    attribute.f = threshold
    return model


def computed_ends(graph: GraphProto) -> Iterator[NodeProto]:
    """Slices that end where something that depends on pixels says."""
    of_data = {"images", "image_sizes"}
    for node in graph.node:
        if node.op_type == "Slice" and node.input[2] in of_data:
            yield node
        if node.op_type != "Shape" and not of_data.isdisjoint(node.input):
            of_data.update(node.output)


def images(photo: Callable[[str], UInt8Array]) -> UInt8Array:
    batch = np.zeros((2, 256, 320, 3), np.uint8)
    for image, size, name in zip(batch, SIZES, ("coffee_crop", "astronaut_crop"), strict=True):
        picture = photo(name)[: size[0], : size[1]]
        image[: picture.shape[0], : picture.shape[1]] = picture
    return batch


def detect(model: ModelProto, pixels: UInt8Array) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(["boxes", "scores", "labels"], {"images": pixels, "image_sizes": SIZES}))


def test_no_slice_depends_on_data_any_more(graph: ModelProto, rewritten: ModelProto) -> None:
    assert len(list(computed_ends(graph.graph))) == 1
    assert list(computed_ends(rewritten.graph)) == []


def test_it_detects_what_it_detected(
    graph: ModelProto, rewritten: ModelProto, photo: Callable[[str], UInt8Array]
) -> None:
    pixels = images(photo)
    threshold = float(detect(graph, pixels)[1][0, 40])
    before, after = (detect(with_threshold(model, threshold), pixels) for model in (graph, rewritten))
    assert len({100, *(before[2] >= 0).sum(1)}) == 3, "unlike counts, and rows that are not used"
    for name, one, other in zip(("boxes", "scores", "labels"), before, after, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-3, err_msg=name)


def test_without_any_detection_all_rows_are_unused(rewritten: ModelProto, photo: Callable[[str], UInt8Array]) -> None:
    boxes, scores, labels = detect(with_threshold(rewritten, 2.0), images(photo))
    assert (boxes == 0).all()
    assert (scores == 0).all()
    assert (labels == -1).all()


def test_what_counted_the_detections_is_gone_and_a_second_time_changes_nothing(
    graph: ModelProto, rewritten: ModelProto
) -> None:
    gone = {node.name for node in graph.graph.node} - {node.name for node in rewritten.graph.node}
    assert {name.partition("_")[0] for name in gone} == {"Cast", "Clip", "ReduceMax", "ReduceSum"}
    again = copy.deepcopy(rewritten)
    static_rows(again)
    assert again == rewritten
    onnx.checker.check_model(again)
