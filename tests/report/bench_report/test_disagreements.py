from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gridrt.bench.disagreement import Disagreement
from gridrt.data.image import save_image
from gridrt.report.bench_report.disagreements import CANVAS, LONG_SIDE, disagreement_figures
from gridrt.types import UInt8Array
from tests.bench_results import bench_result, disagreement
from tests.html_pages import Node, numbers_in, parsed


def page_of(*disagreements: Disagreement) -> Node:
    return parsed(disagreement_figures(bench_result(disagreements=disagreements)))


def saved(folder: Path, name: str, height: int = 80, width: int = 100) -> Path:
    save_image(folder / name, np.full((height, width, 3), 90, np.uint8))
    return folder / name


def decoded(image: Node) -> UInt8Array:
    kind, data = image.attributes["href"].split(",")
    assert kind == "data:image/jpeg;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


def corners(page: Node, kind: str) -> list[list[float]]:
    """Boxes of a kind in pixels of the image of 100 x 80."""
    ways = [path.attributes for path in page.one("svg", class_="photo").all("path")]
    boxes = [numbers_in(way["d"]) for way in ways if way["class"] == kind]
    return [[x * 100 / CANVAS for x in (left, top, right, bottom)] for left, top, right, bottom, _ in boxes]


def test_boxes_of_both_are_drawn_and_those_without_a_partner_are_heavy(tmp_path: Path) -> None:
    page = page_of(disagreement(saved(tmp_path, "a.png")))

    np.testing.assert_allclose(corners(page, "box theirs"), [[10, 10, 40, 40]], atol=0.05)
    np.testing.assert_allclose(corners(page, "box mine"), [[10, 10, 40, 40]], atol=0.05)
    np.testing.assert_allclose(corners(page, "box alone theirs"), [[50, 20, 90, 70]], atol=0.05)
    np.testing.assert_allclose(corners(page, "box alone mine"), [[5, 45, 30, 75]], atol=0.05)
    assert [tag.text for tag in page.all("text")] == ["class 1 80%", "class 2 40%"]


def test_a_sentence_says_what_differs(tmp_path: Path) -> None:
    page = page_of(disagreement(saved(tmp_path, "a.png")))

    words = "1 found by the reference alone, 1 by the model alone; 1 by both, with a mean IoU of 1.00."
    assert page.one("figcaption").text == f"tiny_bccd.int8.onnx on a.png{words}"
    assert words in page.one("svg", class_="photo").attributes["aria-label"]


def test_an_image_is_contained_once_and_made_small(tmp_path: Path) -> None:
    large = saved(tmp_path, "large.png", 1500, 3000)
    page = page_of(disagreement(large), disagreement(saved(tmp_path, "b.png")), disagreement(large))

    assert [decoded(image).shape for image in page.all("image")] == [(LONG_SIDE // 2, LONG_SIDE, 3), (80, 100, 3)]
    shown = [use.attributes["href"] for use in page.all("use")]
    assert shown == ["#photo0", "#photo1", "#photo0"]
    assert page.all("svg", class_="photo")[0].attributes["viewbox"] == "0 0 640 320"


def test_many_images_are_smaller_each(tmp_path: Path) -> None:
    many = [disagreement(saved(tmp_path, f"{index}.png", 1000, 1000)) for index in range(48)]

    sides = {decoded(image).shape[0] for image in page_of(*many).all("image")}

    assert sides == {500}


@pytest.mark.parametrize("width", [300, 60])
def test_names_stay_in_the_image(tmp_path: Path, width: int) -> None:
    page = page_of(disagreement(saved(tmp_path, "a.png", 40, width)))

    box = numbers_in(page.one("svg", class_="photo").attributes["viewbox"])
    for tag in page.all("text"):
        assert 0 <= float(tag.attributes["x"]) <= box[2]
        assert float(tag.attributes["y"]) > 15


def test_no_disagreement_is_nothing() -> None:
    assert disagreement_figures(bench_result()) == ""
