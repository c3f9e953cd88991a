"""The images in which a candidate and the reference differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.data.image import load_image
from gridrt.matched_detections import match_detections
from gridrt.types import Detections, UInt8Array

SCORE_THRESHOLD = 0.3
"""Detections below it are neither shown nor counted."""
LEAST_WEIGHT = 0.01
"""An image that differs by less shows nothing to the eye."""


@dataclass(frozen=True)
class Disagreement:
    """An image with the detections of the reference and of another row, above `SCORE_THRESHOLD`.

    Attributes:
        row: name of the other row.
        file: of the image.
        image: uint8 [H, W, 3], RGB.
        class_names: in the order of the labels.
        reference: detections of the reference.
        other: detections of the other row.
        weight: 1 for each detection without a partner, and 1 - IoU for each pair.
    """

    row: str
    file: Path
    image: UInt8Array
    class_names: Sequence[str]
    reference: Detections
    other: Detections
    weight: float


def worst_disagreements(
    row: str,
    class_names: Sequence[str],
    reference: Mapping[Path, Detections],
    other: Mapping[Path, Detections],
    count: int,
) -> list[Disagreement]:
    """The images in which a row differs most from the reference, worst first, where the eye can see it.

    Args:
        row: its name.
        class_names: in the order of the labels.
        reference: detections of the reference, by image file.
        other: detections of the row; images that are not in both are left out.
        count: at most so many images.

    Raises:
        ImageError: one of them can no longer be read.
    """
    pairs = {
        file: (reference[file].above(SCORE_THRESHOLD), other[file].above(SCORE_THRESHOLD))
        for file in reference
        if file in other
    }
    weights = {file: disagreement_weight(*pair) for file, pair in pairs.items()}
    worst = sorted(pairs, key=lambda file: -weights[file])[:count]
    return [
        Disagreement(row, file, load_image(file), class_names, *pairs[file], weight=weights[file])
        for file in worst
        if weights[file] >= LEAST_WEIGHT
    ]


def disagreement_weight(reference: Detections, other: Detections) -> float:
    """How much two sets of detections of one image differ: see `Disagreement`."""
    found = match_detections(reference, other)
    return found.missing + found.extra + float((1 - found.overlaps).sum())
