"""The drawn set as files: a folder of pictures and an annotation file for each split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.synthetic.shapes import CLASS_NAMES, Shape
from gridrt.files import atomic_path, make_folder, write_text
from gridrt.types import UInt8Array

SPLITS = ("train", "val")
SIZE = (320, 256)
"""Width and height of the pictures."""


def write_synthetic(
    folder: str | Path,
    *,
    train_images: int = 800,
    val_images: int = 200,
    seed: int = 0,
    size: tuple[int, int] = SIZE,
) -> None:
    """Draw a data set: `train/` and `val/` with PNG pictures, `instances_train.json` and `instances_val.json`.

    Args:
        folder: made where it is missing.
        train_images: how many pictures to train on.
        val_images: how many to evaluate on.
        seed: of all that is drawn, at least 0.
        size: width and height of the pictures, in pixels.

    Raises:
        OutputError: `folder` cannot be written.
    """
    write_split(folder, "train", train_images, seed=seed, size=size)
    write_split(folder, "val", val_images, seed=seed, size=size)


def write_split(
    folder: str | Path, split: Literal["train", "val"], count: int, *, seed: int = 0, size: tuple[int, int] = SIZE
) -> None:
    """Draw one half of the data set: a folder of PNG pictures named after the split, and `instances_<split>.json`.

    The same arguments give the same bytes, with the same versions of NumPy, OpenCV and Pillow. A picture depends on
    `seed`, its split and its number alone, so a longer set begins with the shorter one.

    Args:
        folder: made where it is missing.
        split: the two have no picture in common.
        count: how many pictures.
        seed: as for `write_synthetic`.
        size: as for `write_synthetic`.

    Raises:
        OutputError: `folder` cannot be written.
    """
    folder, (width, height) = Path(folder), size
    make_folder(folder / split)
    images, annotations = [], []
    for number in range(1, count + 1):
        scene = draw_scene(np.random.default_rng([seed, SPLITS.index(split), number]), height, width)
        file_name = f"{number:06d}.png"
        _save(folder / split / file_name, scene.image)
        images.append({"id": number, "file_name": file_name, "width": width, "height": height})
        annotations += [_annotation(shape, number) for shape in scene.objects]
    _write_annotations(folder / f"instances_{split}.json", images, annotations)


def _write_annotations(
    target: Path, images: Sequence[Mapping[str, object]], annotations: Sequence[dict[str, object]]
) -> None:
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASS_NAMES, 1)]
    write_text(target, json.dumps({"images": images, "annotations": annotations, "categories": categories}) + "\n")


def _save(target: Path, image: UInt8Array) -> None:
    with atomic_path(target) as temporary:
        Image.fromarray(image).save(temporary, "PNG", compress_level=1)  # more effort saves nothing: it is noise


def _annotation(shape: Shape, image_id: int) -> dict[str, object]:
    x1, y1, x2, y2 = (round(edge, 3) for edge in shape.box)
    width, height = round(x2 - x1, 3), round(y2 - y1, 3)
    return {
        "image_id": image_id,
        "category_id": shape.label + 1,
        "bbox": [x1, y1, width, height],
        "area": round(width * height, 3),
        "iscrowd": 0,
    }
