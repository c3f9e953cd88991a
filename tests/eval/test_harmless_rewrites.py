"""Annotation files that say the same give the same AP, whatever tool wrote them."""

from __future__ import annotations

import contextlib
import io
import json
import random
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset
from gridrt.eval import Evaluation
from gridrt.eval.results import categories_of_labels
from gridrt.types import Detections
from tests.datasets import write_image

CLASSES = ("cat", "dog", "red bird")
FILES = ("a b.png", "sub/c d.png", "sub/e.png")
WIDTH, HEIGHT = 64, 48
LISTS = {"images": "image_id", "categories": "category_id", "annotations": None}
"""The lists of a file, and the key by which annotations refer to their entries."""

Content = dict[str, Any]
Rewrite = Callable[[Content, random.Random], None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images."""
    folder = tmp_path_factory.mktemp("set")
    for file in FILES:
        write_image(folder / file, WIDTH, HEIGHT)
    return folder


def annotated(chance: random.Random) -> Content:
    """A file as COCO's own are: some objects in each image, one in ten of them a crowd."""
    objects = []
    for number in range(chance.randint(0, 12)):
        width, height = chance.randint(8, 40), chance.randint(8, 40)
        box = [chance.randint(0, WIDTH - width), chance.randint(0, HEIGHT - height), width, height]
        image, category = chance.randint(1, len(FILES)), chance.randint(1, len(CLASSES))
        is_crowd = int(chance.random() < 0.1)
        objects.append(
            {"id": number + 1, "image_id": image, "category_id": category, "bbox": box, "iscrowd": is_crowd}
            | {"area": width * height}
        )
    sizes = {"width": WIDTH, "height": HEIGHT}
    return {
        "images": [{"id": number, "file_name": file, **sizes} for number, file in enumerate(FILES, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)],
        "annotations": objects,
    }


def found_in(content: Content, chance: random.Random) -> dict[str, Detections]:
    """Some of the objects, shaken, and some others, by image file; no two scores are equal."""
    found = {}
    for image in content["images"]:
        boxes = [([1, 1, 9, 9], chance.randrange(len(CLASSES)))]
        for one in content["annotations"]:
            if one["image_id"] == image["id"] and chance.random() < 0.8:
                x, y, width, height = (side + chance.choice((-1, 0, 0, 0, 1)) for side in one["bbox"])
                boxes.append(([x, y, x + width, y + height], one["category_id"] - 1))
        scores = sorted((chance.random() for _ in boxes), reverse=True)
        found[image["file_name"]] = Detections(
            np.array([box for box, _ in boxes], np.float32),
            np.array(scores, np.float32),
            np.array([label for _, label in boxes], np.int32),
        )
    return found


def by_pycocotools(content: Content, found: Mapping[str, Detections]) -> list[float]:
    """AP, AP50, AP75 and those of three sizes."""
    results = [
        {"image_id": image["id"], "category_id": int(label) + 1, "score": float(score)}
        | {"bbox": [float(side) for side in (box[0], box[1], box[2] - box[0], box[3] - box[1])]}
        for image in content["images"]
        for box, score, label in found[image["file_name"]]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = content
        truth.createIndex()
        coco = COCOeval(truth, truth.loadRes(results), "bbox")
        coco.evaluate()
        coco.accumulate()
        coco.summarize()
    return [float(figure) for figure in coco.stats[:6]]


def by_gridrt(folder: Path, content: Content, found: Mapping[str, Detections]) -> list[float]:
    """The same."""
    (folder / "annotations.json").write_text(json.dumps(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a root category is left out aloud
        dataset = CocoDataset(folder, folder / "annotations.json")
    categories = categories_of_labels(CLASSES, dataset)
    results = [
        result
        for image in dataset.images
        for result in found[Path(image.file_name).as_posix()].to_coco(image.id, categories)
    ]
    overall = Evaluation(dataset, results, {}).metrics().overall
    figures = (overall.ap, overall.ap50, overall.ap75, overall.small, overall.medium, overall.large)
    return [-1 if figure is None else figure for figure in figures]


def in_another_order(content: Content, chance: random.Random) -> None:
    for entries in LISTS:
        chance.shuffle(content[entries])
    for entry in [content, *(entry for entries in LISTS for entry in content[entries])]:
        items = list(entry.items())
        chance.shuffle(items)
        entry.clear()
        entry.update(items)


def with_extra_fields(content: Content, chance: random.Random) -> None:
    for entry in [entry for entries in LISTS for entry in content[entries]]:
        entry |= {"attributes": {"occluded": chance.random() < 0.5}, "segmentation": [], "id_": None}
    content |= {"info": {"year": 2024}, "licenses": [], "type": "instances"}


def with_a_root_category(content: Content, chance: random.Random) -> None:
    root = chance.choice(("objects", CLASSES[1]))
    for category in content["categories"]:
        category["supercategory"] = root
    content["categories"].insert(0, {"id": 0, "name": root, "supercategory": "none"})


def with_floats(content: Content, _: random.Random) -> None:
    for image in content["images"]:
        image |= {"width": float(WIDTH), "height": float(HEIGHT)}
    for one in content["annotations"]:
        one |= {"bbox": [float(side) for side in one["bbox"]], "iscrowd": float(one["iscrowd"])}


def without_what_follows(content: Content, chance: random.Random) -> None:
    """Missing, or null as pandas writes it."""
    optional = [(image, key) for image in content["images"] for key in ("width", "height")]
    optional += [(one, "area") for one in content["annotations"]]
    optional += [(one, "iscrowd") for one in content["annotations"] if not one["iscrowd"]]
    for entry, key in optional:
        if chance.random() < 0.5:
            entry[key] = None
        else:
            del entry[key]


def with_names_of_another_machine(content: Content, chance: random.Random) -> None:
    spellings: list[Callable[[str], str]] = [
        lambda name: name.replace("/", "\\"),
        lambda name: name.replace(" ", "%20"),
        lambda name: f"/data/local-files/?d={name}",
        lambda name: f"D:\\{name}".replace("/", "\\"),
        lambda name: f"./{name}",
    ]
    for image in content["images"]:
        image["file_name"] = chance.choice(spellings)(image["file_name"])


REWRITES: tuple[Rewrite, ...] = (
    with_extra_fields,
    with_a_root_category,
    with_floats,
    without_what_follows,
    with_names_of_another_machine,
    in_another_order,
)
IDS: Mapping[str, Callable[[int], object]] = {
    "as they are": lambda number: number,
    "texts": str,
    "floats": float,
    "gaps": lambda number: 1000 - 7 * number,
}


def renumber(content: Content, entries: str, reference: str | None, change: Callable[[int], object]) -> None:
    """Change the ids of a list, and the key of the annotations that refers to them."""
    for entry in content[entries]:
        entry["id"] = change(entry["id"])
    for one in content["annotations"] if reference else ():
        one[reference] = change(one[reference])


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    rewrites=st.sets(st.sampled_from(REWRITES)),
    ids=st.tuples(*[st.sampled_from(sorted(IDS))] * 3),
)
def test_a_harmless_rewrite_leaves_ap_as_pycocotools_has_it(
    folder: Path, seed: int, rewrites: set[Rewrite], ids: tuple[str, str, str]
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    content = annotated(chance)
    found = found_in(content, chance)
    expected = by_pycocotools(content, found)

    for rewrite in REWRITES:  # the order of a set is not the same every time
        if rewrite in rewrites:
            rewrite(content, chance)
    for (entries, reference), form in zip(LISTS.items(), ids, strict=True):
        renumber(content, entries, reference, IDS[form])

    assert by_gridrt(folder, content, found) == pytest.approx(expected, abs=1e-9)
