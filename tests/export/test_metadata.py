from __future__ import annotations

from onnx import ModelProto

from gridrt.export.metadata import describe
from gridrt.graph.metadata import class_names_in, scale_in_input
from gridrt.model.presets import build


def test_what_a_model_learned_is_read_back_from_its_graph() -> None:
    model, graph = build("tiny", num_classes=2), ModelProto()
    model.class_names, model.scale = ("cat", "Hündin"), (480, 360)

    describe(graph, model, "0" * 64)

    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert class_names_in(metadata, "w.onnx") == ("cat", "Hündin")
    assert scale_in_input(metadata, "w.onnx") == (480, 360)


def test_a_scale_that_is_not_known_is_not_noted() -> None:
    model, graph = build("tiny", num_classes=2), ModelProto()

    describe(graph, model, "0" * 64)

    assert scale_in_input({entry.key: entry.value for entry in graph.metadata_props}, "w.onnx") is None
