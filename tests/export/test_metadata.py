from __future__ import annotations

import pytest
from onnx import ModelProto

from gridrt.config import DetectionConfig
from gridrt.errors import GraphError
from gridrt.export.metadata import describe
from gridrt.graph.metadata import class_names_in, detections_in, scale_in_input
from gridrt.model.presets import build


def test_what_a_model_learned_is_read_back_from_its_graph() -> None:
    model, graph = build("tiny", num_classes=2), ModelProto()
    model.class_names, model.scale = ("cat", "Hündin"), (480, 360)

    describe(graph, model, "0" * 64)

    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert class_names_in(metadata, "w.onnx") == ("cat", "Hündin")
    assert scale_in_input(metadata, "w.onnx") == (480, 360)


def test_limits_and_thresholds_are_read_back_and_the_published_ones_where_they_are_missing() -> None:
    model, graph = build("tiny", num_classes=2), ModelProto()
    model.roi_head.detections = DetectionConfig(0.2, 0.6, 70)

    describe(graph, model, "0" * 64)

    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert detections_in(metadata, "w.onnx") == DetectionConfig(0.2, 0.6, 70)
    assert detections_in({"gridrt.max_detections": "7"}, "w.onnx") == DetectionConfig(max_detections=7)


def test_a_limit_that_is_no_number_is_refused() -> None:
    with pytest.raises(GraphError, match="'many'") as caught:
        detections_in({"gridrt.max_detections": "many"}, "w.onnx")
    assert caught.value.place == "w.onnx"


def test_a_scale_that_is_not_known_is_not_noted() -> None:
    model, graph = build("tiny", num_classes=2), ModelProto()

    describe(graph, model, "0" * 64)

    assert scale_in_input({entry.key: entry.value for entry in graph.metadata_props}, "w.onnx") is None
