"""Broken artefacts are caught, and located where they are broken; sound ones are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto

from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.compare.artefact import open_artefact
from gridrt.compare.compare import Comparison, compare, drawn_pictures
from tests import broken
from tests.fakes import whole_image_graph

SCALE = (320, 256)


def compared(other: ModelProto, tmp_path: Path, reference: str = "tiny_synthetic") -> Comparison:
    onnx.save(other, tmp_path / "other.onnx")
    sides = open_artefact(reference, threads=1), open_artefact(str(tmp_path / "other.onnx"), threads=1)
    return compare(*sides, drawn_pictures()[:2], SCALE)


@pytest.mark.parametrize(
    ("breaking", "stage"),
    [
        (broken.wrong_mean, "input"),
        (broken.swapped_channels, "input"),
        (broken.half_coordinates, "proposals"),
        (broken.shuffled_classes, "class scores"),
        (broken.shuffled_names, "classes"),
    ],
)
def test_a_broken_artefact_is_located_at_its_stage(
    breaking: Callable[[ModelProto], ModelProto], stage: str, graph: ModelProto, tmp_path: Path
) -> None:
    first = compared(breaking(graph), tmp_path).first

    assert first is not None
    assert first.stage == stage


def test_coordinates_in_fp16_are_located_in_an_fp16_artefact_too(graph: ModelProto, tmp_path: Path) -> None:
    """Its features differ by more than those coordinates do; coordinates are FP32 in every recipe all the same."""
    fp16 = apply_recipe(graph, load_recipe("fp16"), TARGETS["tensorrt"])

    sound, rounded = (compared(model, tmp_path) for model in (fp16, broken.half_coordinates(fp16)))

    assert sound.first is None
    assert rounded.first is not None
    assert rounded.first.stage == "proposals"


def test_only_the_stage_that_is_broken_exceeds_its_tolerance(graph: ModelProto, tmp_path: Path) -> None:
    """What follows is fed with the reference's."""
    results = compared(broken.shuffled_classes(graph), tmp_path).results

    assert [result.stage for result in results if result.exceeds] == ["class scores", "whole detector"]


def test_an_export_is_the_same_detector_at_every_stage(graph: ModelProto, tmp_path: Path) -> None:
    comparison = compared(graph, tmp_path)

    assert comparison.first is None
    assert all(result.figures for result in comparison.results)
    assert comparison.notes == []
    assert comparison.pictures == 2


def test_a_graph_without_stages_is_compared_by_its_ends_and_says_which_is_missing(
    graph: ModelProto, tmp_path: Path
) -> None:
    renamed = ModelProto()
    renamed.CopyFrom(graph)
    for node in renamed.graph.node:
        node.name = node.name.replace("grid_head.deconv2", "last")

    comparison = compared(renamed, tmp_path)

    assert [result.stage for result in comparison.results if result.figures] == ["classes", "whole detector"]
    assert comparison.first is None
    assert "the heatmaps cannot be found" in comparison.notes[0]


def test_other_classes_are_a_difference_that_no_picture_is_needed_for(tmp_path: Path) -> None:
    comparison = compared(whole_image_graph(), tmp_path)

    assert comparison.first is not None
    assert comparison.first.stage == "classes"
    assert comparison.pictures == 0
    assert "the numbers of their classes differ" in comparison.notes[0]


def test_other_weights_and_scales_are_noted(tmp_path: Path) -> None:
    graph = whole_image_graph(input_rule='{"scale": [64, 32]}')
    onnx.helper.set_model_props(
        graph, {entry.key: entry.value for entry in graph.metadata_props} | {"gridrt.weights_sha256": "ab" * 32}
    )

    notes = compared(graph, tmp_path).notes

    assert any(note.startswith("they are not of the same weights") and "abababababab" in note for note in notes)
    assert any("tiny_synthetic to 320 x 256" in note and "to 64 x 32" in note for note in notes)


def test_faster_r_cnn_is_compared_by_its_ends(tmp_path: Path) -> None:
    from gridrt.model.checkpoint import save_weights
    from gridrt.model.untrained import untrained_model

    save_weights(untrained_model("faster_tiny"), tmp_path / "faster.pth")
    side = open_artefact(str(tmp_path / "faster.pth"), threads=1)

    comparison = compare(side, side, [np.zeros((32, 64, 3), np.uint8)], (64, 32))

    assert side.stages is None
    assert "no grid" in comparison.notes[0]
    assert comparison.first is None
