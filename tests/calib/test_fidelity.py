from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from gridrt.calib.fidelity import Fidelity, cpu_detector, detect_in, fidelity
from gridrt.detector import Detector
from gridrt.graph.graph import Graph
from gridrt.graph.half import to_half
from gridrt.types import Detections
from tests.fakes import FakeSession, whole_image_graph


def found(*rows: tuple[float, float, float, float, float]) -> Detections:
    """Of (x1, y1, x2, y2, score)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int32))


REFERENCE = [found((0, 0, 10, 10, 0.9), (50, 50, 70, 60, 0.8)), found(), found((0, 0, 20, 20, 0.7))]
OTHER = [found((0, 0, 10, 8, 0.8), (90, 90, 99, 99, 0.1)), found((1, 1, 2, 2, 0.2)), found((0, 0, 20, 20, 0.7))]


def test_detections_are_paired_image_by_image() -> None:
    result = fidelity(REFERENCE, OTHER)

    assert (result.images, result.detections, result.missing, result.extra) == (3, 3, 1, 2)
    assert result.box_errors.tolist() == [2, 0]
    assert result.score_errors == pytest.approx([0.1, 0])
    assert result.overlaps == pytest.approx([0.8, 1])


def test_disagreement_is_the_unpaired_share_and_what_pairs_lose() -> None:
    # Two pairs are four detections, three have no partner; the pairs lose (0.2 + 0.1) and nothing.
    assert fidelity(REFERENCE, OTHER).disagreement == pytest.approx(3 / 7 + 0.15)


@pytest.mark.parametrize(
    ("reference", "other", "disagreement"),
    [
        ([found()], [found()], 0),
        (REFERENCE, REFERENCE, 0),
        (REFERENCE, [found(), found(), found()], 1),
        ([found()], [found((0, 0, 1, 1, 0.5))], 1),
    ],
)
def test_disagreement_of_the_same_is_0_and_without_a_pair_1(
    reference: list[Detections], other: list[Detections], disagreement: float
) -> None:
    assert fidelity(reference, other).disagreement == disagreement


def test_a_box_that_moves_further_disagrees_more() -> None:
    """The overlap tells also where no detection is lost."""
    moved = [[found((shift, 0, 20 + shift, 20, 0.9))] for shift in (0, 1, 3, 9)]

    disagreements = [fidelity(moved[0], other).disagreement for other in moved]

    assert disagreements == sorted(disagreements)
    assert len(set(disagreements)) == 4


def test_figures_for_json_and_a_line_for_people() -> None:
    result = fidelity(REFERENCE, OTHER)

    assert json.loads(json.dumps(result.to_json())) == {
        "images": 3,
        "detections": 3,
        "missing": 1,
        "extra": 2,
        "disagreement": pytest.approx(3 / 7 + 0.15),
        "box_px_median": 1,
        "box_px_most": 2,
        "score_median": pytest.approx(0.05),
        "score_most": pytest.approx(0.1),
    }
    assert str(result) == (
        "in 3 images 2 of 3 detections of the original are kept, 2 are new; "
        "boxes differ by 1 px (median; at most 2), scores by 5.0e-02 (at most 1.0e-01)"
    )


def test_without_detections_or_without_pairs_it_is_said_so() -> None:
    nothing, lost = fidelity([found()], [found()]), fidelity(REFERENCE, [found(), found(), found()])

    assert str(nothing) == "nothing is detected in 1 image"
    assert str(lost) == "in 3 images 0 of 3 detections of the original are kept, 0 are new"
    assert nothing.to_json()["box_px_median"] is lost.to_json()["score_most"] is None
    json.dumps([nothing.to_json(), lost.to_json()])


def test_images_are_detected_in_one_by_one() -> None:
    """So that none is padded for another's sake."""
    session = FakeSession(scale=(64, 64))
    images = [np.zeros((64, 32, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)]

    results = detect_in(Detector(session), images)

    assert session.shapes_seen == [(1, 64, 32, 3), (1, 32, 64, 3)]
    assert [len(each) for each in results] == [2, 2]


def test_a_graph_in_memory_is_opened_as_a_detector() -> None:
    detector = cpu_detector(Graph(whole_image_graph(), Path("nowhere.onnx")), (64, 32), threads=1)
    assert detector.scale == (64, 32)
    (result,) = detector([np.full((32, 64, 3), 100, np.uint8)])

    assert result.boxes.tolist() == [[0, 0, 64, 32]]
    assert result.scores == pytest.approx([100 / 255])


def test_a_graph_with_half_numbers_is_rounded_as_on_a_gpu() -> None:
    """Of 100 / 255 half precision keeps eleven bits; ONNX Runtime by itself would keep all."""
    model = whole_image_graph()
    next(node for node in model.graph.node if "fraction" in node.output).name = "fraction"
    weight = next(node for node in model.graph.node if "white" in node.output)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(255, np.float32), "white"))
    model.graph.node.remove(weight)
    to_half(model, {"fraction"}, "fp16")

    detector = cpu_detector(Graph(model, Path("nowhere.onnx")), (64, 32), threads=1)
    (result,) = detector([np.full((32, 64, 3), 100, np.uint8)])

    assert result.scores.tolist() == [float(np.float16(100 / 255))]
    assert result.scores.tolist() != [float(np.float32(100 / 255))]


def test_both_sides_have_the_same_images() -> None:
    with pytest.raises(ValueError, match="zip"):
        fidelity(REFERENCE, OTHER[:2])


def test_it_is_a_value() -> None:
    empty = np.zeros(0, np.float32)

    assert Fidelity(0, 0, 0, 0, empty, empty, empty).disagreement == 0
