"""The synthetic set as files: a folder of images and an annotation file for each split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.synthetic.shapes import CLASS_NAMES, Shape
from gridrt.files import atomic_path, make_folder, write_text

SPLITS = ("train", "val")
SIZE = (320, 256)
"""Width and height of the images."""


def write_synthetic(
    folder: str | Path,
    *,
    train_images: int = 800,
    val_images: int = 200,
    seed: int = 0,
    size: tuple[int, int] = SIZE,
) -> None:
    """Write a data set: `train/` and `val/` with PNG images, `instances_train.json` and `instances_val.json`.

    Args:
        folder: made if it is missing.
        train_images: how many images to train on.
        val_images: how many to evaluate on.
        seed: of all random choices, at least 0.
        size: width and height of the images, in pixels.

    Raises:
        OutputError: `folder` cannot be written.
    """
    write_split(folder, "train", train_images, seed=seed, size=size)
    write_split(folder, "val", val_images, seed=seed, size=size)


def write_split(
    folder: str | Path, split: Literal["train", "val"], count: int, *, seed: int = 0, size: tuple[int, int] = SIZE
) -> None:
    """Write one split of the data set: a folder of PNG images named after it, and `instances_<split>.json`.

    The same arguments give the same bytes, with the same versions of NumPy, OpenCV and Pillow. An image depends on
    `seed`, its split and its number alone, so a longer set begins with the shorter one.

    Args:
        folder: made if it is missing.
        split: the two have no image in common.
        count: how many images.
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
        with atomic_path(folder / split / file_name) as temporary:
            # More effort saves nothing: the pixels are noise.
            Image.fromarray(scene.image).save(temporary, "PNG", compress_level=1)
        images.append({"id": number, "file_name": file_name, "width": width, "height": height})
        annotations += [_annotation(shape, number) for shape in scene.objects]
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASS_NAMES, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(folder / f"instances_{split}.json", json.dumps(content) + "\n")


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
