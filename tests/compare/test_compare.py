"""Broken models are caught, and located where they are broken; sound ones pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto

import gridrt
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.compare import compare
from gridrt.compare.compare import Comparison, compare_models, synthetic_images
from gridrt.data.image import save_image
from gridrt.errors import GridRTError
from gridrt.files import sha256_of
from gridrt.graph.node_stages import stages_of_tensors
from gridrt.model.checkpoint import load_model, weights_sha256
from gridrt.runtime.openvino import bf16
from gridrt.types import UInt8Array
from tests import broken
from tests.fakes import whole_image_graph

SCALE = (320, 256)
EMPTY = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture
def whole_image(tmp_path: Path) -> Path:
    onnx.save(whole_image_graph(), tmp_path / "whole.onnx")
    return tmp_path / "whole.onnx"


def compared(other: ModelProto, tmp_path: Path, backend: str = "auto", images: int = 1) -> Comparison:
    onnx.save(other, tmp_path / "other.onnx")
    seen = synthetic_images()[:images]
    return compare_models(
        "tiny_synthetic", tmp_path / "other.onnx", images=seen, scale=SCALE, threads=1, backend=backend
    )


@pytest.mark.parametrize(
    ("breaking", "stage"),
    [
        (broken.wrong_mean, "input"),
        (broken.swapped_channels, "input"),
        (broken.half_coordinates, "proposals"),
        (broken.shuffled_names, "classes"),
    ],
)
def test_a_broken_model_is_located_at_its_stage(
    breaking: Callable[[ModelProto], ModelProto], stage: str, graph: ModelProto, tmp_path: Path
) -> None:
    first = compared(breaking(graph), tmp_path).first_difference

    assert first is not None
    assert first.stage == stage


def test_a_side_that_overflows_is_named_with_the_stage(graph: ModelProto, tmp_path: Path) -> None:
    comparison = compared(broken.overflowing(graph, "roi_head.grid_head.deconv2.weight"), tmp_path)

    assert comparison.first_difference is not None
    assert comparison.first_difference.stage == "grid_head"
    (note,) = comparison.notes
    assert "other.onnx is not finite from the output of the stage grid_head" in note


@pytest.mark.parametrize("backend", ["openvino", pytest.param("onnxruntime", marks=pytest.mark.slow)])
def test_coordinates_in_fp16_are_located_in_an_fp16_model_too(graph: ModelProto, tmp_path: Path, backend: str) -> None:
    """Its features differ by more than those coordinates do; coordinates are FP32 in every recipe all the same."""
    fp16 = apply_recipe(graph, load_recipe("fp16"), TARGETS["tensorrt"])

    sound, rounded = (compared(model, tmp_path, backend=backend) for model in (fp16, broken.half_coordinates(fp16)))

    assert sound.first_difference is None
    assert rounded.first_difference is not None
    assert rounded.first_difference.stage == "proposals"


@pytest.mark.parametrize(("is_naive", "stage"), [(False, None), (True, "proposals")])
def test_bf16_with_coordinates_in_fp32_passes_and_bf16_all_through_is_located(
    graph: ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_naive: bool, stage: str | None
) -> None:
    if is_naive:
        produced_in = stages_of_tensors(graph.graph)
        behind_input = tuple(node.name for node in graph.graph.node if produced_in[node.output[0]] != "input")
        monkeypatch.setattr(bf16, "FEATURES", behind_input)

    found = compared(graph, tmp_path, backend="openvino_bf16")

    assert found.other.info.precision == "bf16"
    assert (found.first_difference and found.first_difference.stage) == stage


def test_only_the_stage_that_is_broken_exceeds_its_tolerance(graph: ModelProto, tmp_path: Path) -> None:
    """Later stages receive the selections of the reference."""
    comparison = compared(broken.shuffled_classes(graph), tmp_path)

    assert [result.stage for result in comparison.results if result.exceeds] == ["box_head", "end to end"]
    assert comparison.first_difference is not None
    assert comparison.first_difference.stage == "box_head"


def test_an_export_is_the_same_detector_at_every_stage(graph: ModelProto, tmp_path: Path) -> None:
    comparison = compared(graph, tmp_path, images=2)

    assert comparison.first_difference is None
    assert all(result.figures for result in comparison.results)
    assert comparison.notes == []
    assert comparison.images == 2


def test_a_graph_without_a_stage_is_compared_end_to_end_and_names_it(graph: ModelProto, tmp_path: Path) -> None:
    renamed = ModelProto()
    renamed.CopyFrom(graph)
    for node in renamed.graph.node:
        node.name = node.name.replace("grid_head.deconv2", "last")

    comparison = compared(renamed, tmp_path)

    assert [result.stage for result in comparison.results if result.figures] == ["classes", "end to end"]
    assert comparison.first_difference is None
    assert "the heatmaps: cannot find" in comparison.notes[0]


def test_different_classes_are_a_difference_that_needs_no_image(tmp_path: Path) -> None:
    comparison = compared(whole_image_graph(), tmp_path)

    assert comparison.first_difference is not None
    assert comparison.first_difference.stage == "classes"
    assert comparison.images == 0
    assert any("different numbers of classes" in note for note in comparison.notes)


def test_other_weights_and_scales_are_noted(tmp_path: Path) -> None:
    graph = whole_image_graph(input_rule='{"scale": [64, 32]}')
    onnx.helper.set_model_props(
        graph, {entry.key: entry.value for entry in graph.metadata_props} | {"gridrt.weights_sha256": "ab" * 32}
    )

    notes = compared(graph, tmp_path).notes

    assert any(": made from other weights (abababababab) than tiny_synthetic (" in note for note in notes)
    assert any("tiny_synthetic 320 x 256" in note and "64 x 32" in note for note in notes)


def test_weights_that_a_file_does_not_note_are_unknown(tmp_path: Path) -> None:
    notes = compared(whole_image_graph(), tmp_path).notes

    assert any(": may be made from other weights (not noted) than tiny_synthetic (" in note for note in notes)


def test_faster_r_cnn_is_compared_end_to_end(tmp_path: Path) -> None:
    from gridrt.model.checkpoint import save_weights
    from gridrt.model.untrained import untrained_model

    save_weights(untrained_model("faster_tiny"), tmp_path / "faster.pth")
    images = [np.zeros((32, 64, 3), np.uint8)]

    comparison = compare_models(*[tmp_path / "faster.pth"] * 2, images=images, scale=(64, 32), threads=1)

    assert "has no grid head" in comparison.notes[0]
    assert comparison.first_difference is None


def test_the_default_images_are_synthetic_and_the_default_scale_is_that_of_the_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare, "SYNTHETIC_IMAGES", 1)  # fewer, for time

    comparison = compare_models("tiny_synthetic", "tiny_synthetic", threads=1)

    assert (comparison.images, comparison.scale) == (len(synthetic_images()), SCALE)
    assert comparison.to_json()["same"] is True


@pytest.mark.parametrize("images", [[], "a.jpg"])
def test_without_an_image_nothing_is_compared(images: Sequence[str], whole_image: Path) -> None:
    with pytest.raises(GridRTError) as caught:
        gridrt.compare_models(whole_image, whole_image, images=images, scale=(64, 48))

    assert caught.value.place == "`images`"


def test_arrays_and_files_can_be_compared_on_together(whole_image: Path, tmp_path: Path) -> None:
    save_image(tmp_path / "a.png", EMPTY)
    both: list[Path | UInt8Array] = [EMPTY, tmp_path / "a.png"]

    for images in (both, iter(both), np.stack([EMPTY, EMPTY])):
        assert gridrt.compare_models(whole_image, whole_image, images=images, scale=(64, 48)).images == 2


def test_both_sides_of_a_comparison_are_told_by_file_and_weights(tiny_synthetic_file: Path) -> None:
    figures = compare_models("tiny_synthetic", tiny_synthetic_file, images=[EMPTY], threads=1).to_json()

    assert (
        figures["a"]["weights_sha256"] == figures["b"]["weights_sha256"] == weights_sha256(load_model("tiny_synthetic"))
    )
    assert figures["b"]["sha256"] == sha256_of(tiny_synthetic_file)
    assert [figures[side]["backend"].split()[0] for side in "ab"] == ["torch", "onnxruntime"]
