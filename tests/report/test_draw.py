from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridrt.report.draw import color_of, draw
from gridrt.types import Detections, UInt8Array

NAMES = tuple(f"class {label}" for label in range(80))


def gray(height: int = 120, width: int = 200) -> UInt8Array:
    return np.full((height, width, 3), 128, np.uint8)


def detections(*boxes: tuple[float, ...], label: int = 0) -> Detections:
    count = len(boxes)
    scores = np.linspace(0.9, 0.5, count).astype(np.float32)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores, np.full(count, label, np.int32))


def is_color(pixels: UInt8Array, label: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((pixels == color_of(label)).all(-1))


def test_the_frame_runs_along_the_box_in_the_class_s_color() -> None:
    drawn = is_color(draw(gray(), detections((60, 40, 150, 100), label=7), NAMES), 7)

    assert drawn[100, 60:151].all()  # lower edge
    assert drawn[40:101, 60].all()  # left edge
    assert drawn[60:101, 150].all()  # right edge
    assert not drawn[60:96, 70:140].any()  # inside
    assert not drawn[:, 155:].any()


def test_the_image_itself_is_not_changed() -> None:
    image = gray()
    drawn = draw(image, detections((60, 40, 150, 100)), NAMES)

    np.testing.assert_array_equal(gray(), image)
    assert (drawn.shape, drawn.dtype.name) == (image.shape, "uint8")


def test_without_detections_the_image_is_the_same() -> None:
    np.testing.assert_array_equal(gray(), draw(gray(), detections(), NAMES))


def test_the_tag_lies_above_the_box_with_ink_on_it() -> None:
    drawn = draw(gray(), detections((60, 40, 150, 100)), NAMES)
    tag = drawn[28:39, 60:110]

    assert is_color(tag, 0).mean() > 0.3
    assert (tag.max(-1) < 60).mean() > 0.05


def test_the_ink_is_read_on_every_class_s_color() -> None:
    encoded = np.array([color_of(label) for label in range(200)]) / 255
    luminance = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]

    assert ((luminance + 0.05) / (0.007 + 0.05)).min() > 4.5  # the contrast ratio that WCAG asks of text


def test_the_tag_stays_in_the_image() -> None:
    above_and_right = draw(gray(), detections((190, 0, 199, 100)), NAMES)

    assert is_color(above_and_right[:11, 130:190], 0).mean() > 0.3


def test_a_box_past_the_border_is_clipped_to_the_image() -> None:
    drawn = is_color(draw(gray(), detections((-500, 40, 1e6, 100)), NAMES), 0)

    assert drawn[100].all()
    assert drawn[60:100, [0, -1]].all()


@pytest.mark.parametrize("box", [(-50, 10, -5, 60), (210, 10, 260, 60), (10, -60, 60, -5), (10, 130, 60, 190)])
def test_a_box_outside_the_image_is_not_drawn(box: tuple[float, ...]) -> None:
    np.testing.assert_array_equal(gray(), draw(gray(), detections(box), NAMES))


def test_a_box_with_swapped_corners_is_drawn_as_if_they_were_not() -> None:
    upright, turned = (draw(gray(), detections(box), NAMES) for box in ((60, 40, 150, 100), (150, 100, 60, 40)))

    np.testing.assert_array_equal(upright, turned)


def test_the_best_score_is_on_top() -> None:
    found = detections((60, 40, 150, 100), (60, 40, 150, 100))
    both = Detections(found.boxes, found.scores, np.array([3, 4], np.int32))

    drawn = draw(gray(), both, NAMES)

    assert is_color(drawn[100, 60:151], 3).all()


def test_lines_and_letters_grow_with_the_image() -> None:
    small = is_color(draw(gray(200, 200), detections((50, 100, 150, 180)), NAMES), 0)
    large = is_color(draw(gray(2000, 2000), detections((500, 1000, 1500, 1800)), NAMES), 0)

    assert large[1700, :1000].sum() >= 4 * small[170, :100].sum()
    assert large[:1000].any(1).sum() >= 3 * small[:100].any(1).sum()


def test_every_class_has_a_color_of_its_own() -> None:
    assert len({color_of(label) for label in range(200)}) == 200


def test_neighbouring_classes_differ_plainly() -> None:
    colors = np.array([color_of(label) for label in range(80)])

    assert np.linalg.norm(np.diff(colors, axis=0), axis=1).min() > 80


# Small sides and quarters of pixels, or hardly a box would end in the half pixel where rounding meets a border.
side = st.integers(1, 12)
coordinate = st.integers(-12, 60).map(lambda quarters: quarters / 4)


@settings(max_examples=200, deadline=None)
@given(box=st.tuples(coordinate, coordinate, coordinate, coordinate), height=side, width=side)
@example(box=(0.6, 0.6, 0.9, 0.9), height=1, width=1)
@example(box=(159.6, 10, 165, 50), height=120, width=160)
@example(box=(10, 119.7, 40, 130), height=120, width=160)
@example(box=(160, 0, 170, 10), height=120, width=160)
@example(box=(-1e6, -1e6, 1e6, 1e6), height=120, width=160)
def test_any_box_on_any_image_can_be_drawn(box: tuple[float, ...], height: int, width: int) -> None:
    assert draw(gray(height, width), detections(box), NAMES).shape == (height, width, 3)
