from __future__ import annotations

from dataclasses import replace

import pytest

from gridrt.data.annotations import AnnotatedImage, Annotation, Box, without_invalid_boxes

IMAGE = AnnotatedImage(7, "a.png", 64, 48)
OBJECT = Annotation(7, 9, (10, 5, 20, 30), 600, is_crowd=False, is_ignored=False)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("box", "area", "is_degenerate"),
    [
        ((1, 1, 0.99, 9), 9, True),
        ((1, 1, 9, 0), 9, True),
        ((1, 1, 9, 9), 0, True),
        ((1, 1, 1, 1), 1, False),
        ((-5, -5, 100, 100), 9, False),
    ],
)
def test_a_box_without_a_pixel_or_area_is_degenerate(box: Box, area: float, *, is_degenerate: bool) -> None:
    annotation = replace(OBJECT, box=box, area=area)

    assert (annotation.is_degenerate, annotation.is_trainable) == (is_degenerate, not is_degenerate)


@pytest.mark.parametrize(
    ("box", "exceeds"),
    [
        ((0, 0, 64, 48), False),
        ((-1, -1, 10, 10), False),  # as far as rounding goes
        ((55, 39, 10, 10), False),
        ((-1.1, 5, 10, 10), True),
        ((5, -1.1, 10, 10), True),
        ((55.1, 5, 10, 10), True),
        ((5, 39.1, 10, 10), True),
    ],
)
def test_a_box_exceeds_its_image_by_more_than_a_pixel(box: Box, *, exceeds: bool) -> None:
    assert replace(OBJECT, box=box).exceeds(IMAGE) == exceeds


@pytest.mark.parametrize(
    ("box", "word"),
    [
        ((NAN, 1, 9, 9), "finite"),
        ((1, 1, 9, INF), "finite"),
        ((9, 9, -1, 9), "negative"),
        ((9, 9, 9, -0.1), "negative"),
        ((64, 5, 20, 30), "outside"),
        ((5, 48, 20, 30), "outside"),
        ((-20, 5, 20, 30), "outside"),
        ((5, -30, 20, 30), "outside"),
    ],
)
def test_boxes_that_cannot_be_are_left_out_and_the_first_is_named(box: Box, word: str) -> None:
    annotations = [OBJECT, replace(OBJECT, box=box), replace(OBJECT, box=box)]

    with pytest.warns(UserWarning, match=r"2 of 3 ") as caught:
        kept = without_invalid_boxes(annotations, [IMAGE], "boxes.json")

    told = str(caught[0].message)
    assert told.startswith("boxes.json: ")
    assert all(fact in told for fact in ("annotations[1], ", word))
    assert kept == [OBJECT]


@pytest.mark.parametrize(
    "box", [(63.9, 5, 20, 30), (5, 47.9, 20, 30), (-19.9, 5, 20, 30), (5, -29.9, 20, 30), (9, 9, 0, 0)]
)
def test_other_boxes_stay_without_a_word(box: Box, recwarn: pytest.WarningsRecorder) -> None:
    annotations = [replace(OBJECT, box=box)]

    assert without_invalid_boxes(annotations, [IMAGE], "boxes.json") == annotations
    assert not recwarn.list


def test_annotations_of_images_that_are_left_out_go_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    other = replace(OBJECT, image_id="other", box=(NAN, 1, 9, 9))

    assert without_invalid_boxes([other, OBJECT], [IMAGE], "boxes.json") == [OBJECT]
    assert not recwarn.list
