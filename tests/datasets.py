"""Small data sets in COCO's format, written for one test."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from gridrt.data.coco import CocoDataset
from gridrt.data.image import save_image

SMALL: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "a.png", "width": 64, "height": 48},
        {"id": 3, "file_name": "b.png", "width": 40, "height": 60},
    ],
    "categories": [{"id": 9, "name": "dog"}, {"id": 4, "name": "cat"}],
    "annotations": [
        {"id": 0, "image_id": 7, "category_id": 9, "bbox": [10, 5, 20, 30], "area": 600, "iscrowd": 0},
        {"id": 1, "image_id": 7, "category_id": 4, "bbox": [0, 0, 64, 48], "area": 3072, "iscrowd": 1},
        {"id": 2, "image_id": 3, "category_id": 4, "bbox": [1.5, 2.5, 30, 40], "area": 1200, "iscrowd": 0},
    ],
}


def small() -> dict[str, Any]:
    """Two images, two categories, two objects and a crowd; to be altered at will."""
    return copy.deepcopy(SMALL)


def write_dataset(folder: Path, content: dict[str, Any] | None = None) -> CocoDataset:
    """Write `content` (else `SMALL`) and a grey image for each of its entries, and open them."""
    content = SMALL if content is None else content
    for image in content["images"]:
        write_image(folder / image["file_name"], image["width"], image["height"])
    return open_dataset(folder, content)


def write_image(path: Path, width: int = 64, height: int = 48, grey: int = 128) -> None:
    """Write a grey image."""
    save_image(path, np.full((height, width, 3), grey, np.uint8))


def open_dataset(folder: Path, content: dict[str, Any], *, allow_missing: bool = False) -> CocoDataset:
    """Write `content` into `folder`, and open it with the images that are there."""
    annotations = folder / "annotations.json"
    annotations.write_text(json.dumps(content))
    return CocoDataset(folder, annotations, allow_missing=allow_missing)
