from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from gridrt.data.coco import CocoDataset
from gridrt.data.synthetic import CLASS_NAMES, write_synthetic
from gridrt.data.synthetic.scene import MIN_VISIBLE, draw_scene
from gridrt.data.synthetic.shapes import DISTRACTOR, Shape, move_to, random_distractor, random_object

HEIGHT, WIDTH = 128, 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    write_synthetic(folder, train_images=12, val_images=4, seed=3, size=(WIDTH, HEIGHT))
    return folder


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path, train_images=12, val_images=4, seed=3, size=(WIDTH, HEIGHT))

    assert hashes(tmp_path) == hashes(folder)


def test_a_longer_set_begins_with_the_shorter_one_and_another_seed_is_another_set(folder: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path / "shorter", train_images=3, val_images=2, seed=3, size=(WIDTH, HEIGHT))
    write_synthetic(tmp_path / "other", train_images=3, val_images=2, seed=4, size=(WIDTH, HEIGHT))
    pictures = {name: digest for name, digest in hashes(folder).items() if name.endswith(".png")}
    shorter = {name: digest for name, digest in hashes(tmp_path / "shorter").items() if name.endswith(".png")}
    other = {name: digest for name, digest in hashes(tmp_path / "other").items() if name.endswith(".png")}

    assert len(shorter) == 5
    assert shorter.items() <= pictures.items()
    assert not other.items() & pictures.items()


@pytest.mark.parametrize(("split", "images"), [("train", 12), ("val", 4)])
def test_a_split_is_a_coco_data_set(folder: Path, split: str, images: int) -> None:
    dataset = CocoDataset(folder / split, folder / f"instances_{split}.json")

    assert dataset.class_names == CLASS_NAMES
    assert len(dataset) == images
    assert dataset.degenerate_boxes == 0
    assert dataset.load_image(0).shape == (HEIGHT, WIDTH, 3)
    for index in range(images):
        boxes = dataset.objects(index).boxes
        assert len(boxes) > 0
        assert (boxes >= -0.01).all()
        assert (boxes <= np.array([WIDTH, HEIGHT, WIDTH, HEIGHT]) + 0.01).all()


def test_the_splits_differ(folder: Path) -> None:
    boxes = [
        json.loads((folder / f"instances_{split}.json").read_text())["annotations"][0] for split in ("train", "val")
    ]

    assert boxes[0]["bbox"] != boxes[1]["bbox"]


def shapes_of(label: int, count: int = 8) -> list[Shape]:
    random = np.random.default_rng(label)
    found: list[Shape] = []
    while len(found) < count:
        shape = random_object(random, random.uniform(12, 60))
        if shape.label == label:
            found.append(move_to(shape, *random.uniform(3, 40, 2)))
    return found


@pytest.mark.parametrize("label", range(len(CLASS_NAMES)), ids=CLASS_NAMES)
def test_a_box_is_tight_around_the_pixels_of_its_shape(label: int) -> None:
    for shape in shapes_of(label):
        drawn = shape.coverage(128, 128) > 0
        rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
        pixels = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]

        # A tip may cover less of its pixel than drawing can tell.
        assert np.abs(np.array(shape.box) - pixels).max() < 1.5
        x1, y1, x2, y2 = shape.box
        assert pixels[0] >= np.floor(x1)
        assert pixels[1] >= np.floor(y1)
        assert pixels[2] <= np.ceil(x2)
        assert pixels[3] <= np.ceil(y2)


def polygon_area(outline: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    x, y = outline.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


@pytest.mark.parametrize("label", range(len(CLASS_NAMES)), ids=CLASS_NAMES)
def test_coverage_sums_to_the_area_between_the_outlines(label: int) -> None:
    for shape in shapes_of(label):
        expected = polygon_area(shape.outlines[0]) - sum(polygon_area(hole) for hole in shape.outlines[1:])

        assert shape.coverage(128, 128).sum() == pytest.approx(expected, rel=0.12)


def test_a_size_is_the_side_of_a_square_of_the_boxs_area() -> None:
    random = np.random.default_rng(0)
    for shape in [random_object(random, 30) for _ in range(20)] + [random_distractor(random, 30) for _ in range(5)]:
        x1, y1, x2, y2 = shape.box
        assert (x2 - x1) * (y2 - y1) == pytest.approx(900)


def test_a_moved_shape_begins_where_it_was_asked_to() -> None:
    shape = move_to(random_object(np.random.default_rng(0), 20), 5.25, 7.5)

    assert shape.box[:2] == pytest.approx((5.25, 7.5))


def test_enough_of_every_object_is_visible() -> None:
    for seed in range(10):
        unhidden = np.ones((HEIGHT, WIDTH))
        for shape in reversed(draw_scene(np.random.default_rng(seed), HEIGHT, WIDTH).objects):
            coverage = shape.coverage(HEIGHT, WIDTH)
            assert (coverage * unhidden).sum() >= MIN_VISIBLE * coverage.sum()
            unhidden *= 1 - coverage


def test_distractors_are_drawn_and_are_no_objects() -> None:
    scenes = [draw_scene(np.random.default_rng(seed), HEIGHT, WIDTH) for seed in range(10)]

    assert DISTRACTOR not in {shape.label for scene in scenes for shape in scene.objects}
    assert random_distractor(np.random.default_rng(0), 20).label == DISTRACTOR


def test_every_class_and_every_size_of_coco_occurs() -> None:
    shapes = [shape for seed in range(40) for shape in draw_scene(np.random.default_rng(seed), 256, 320).objects]
    areas = np.array([(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (shape.box for shape in shapes)])

    assert {shape.label for shape in shapes} == set(range(len(CLASS_NAMES)))
    assert (areas < 32**2).mean() > 0.05
    assert (areas > 96**2).mean() > 0.1
