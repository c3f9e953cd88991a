"""The pictures in which an artefact and the reference differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.agreement import agreement
from gridrt.types import Detections

SCORE_THRESHOLD = 0.3
"""Detections below are not shown, nor do they count."""
LEAST_WEIGHT = 0.01
"""A picture that differs by less shows nothing to an eye."""


@dataclass(frozen=True)
class Disagreement:
    """A picture, with what the reference and another artefact find in it, above `SCORE_THRESHOLD`.

    Attributes:
        artefact: the other.
        picture: the file.
        class_names: in the order of the labels.
        reference: its detections.
        other: the artefact's detections.
        weight: how much they differ: one for each detection without a partner, and for each pair by how much its boxes
            do not overlap.
    """

    artefact: str
    picture: Path
    class_names: Sequence[str]
    reference: Detections
    other: Detections
    weight: float


def worst_disagreements(
    artefact: str,
    class_names: Sequence[str],
    reference: Mapping[Path, Detections],
    other: Mapping[Path, Detections],
    count: int,
) -> list[Disagreement]:
    """The `count` pictures in which an artefact differs most from the reference, worst first, where it is to be seen.

    Args:
        artefact: its name.
        class_names: in the order of the labels.
        reference: its detections, by picture.
        other: the artefact's; pictures that are not among both are left out.
        count: at most so many.
    """
    both = [picture for picture in reference if picture in other]
    pairs = {picture: (_shown(reference[picture]), _shown(other[picture])) for picture in both}
    found = [
        Disagreement(artefact, picture, class_names, *pair, weight=weight_of(*pair)) for picture, pair in pairs.items()
    ]
    worst_first = sorted(found, key=lambda one: -one.weight)
    return [one for one in worst_first[:count] if one.weight >= LEAST_WEIGHT]


def weight_of(reference: Detections, other: Detections) -> float:
    """How much two sets of detections of one image differ: see `Disagreement`."""
    found = agreement(reference, other)
    return found.missing + found.extra + float((1 - found.overlaps).sum())


def _shown(found: Detections) -> Detections:
    return found.above(SCORE_THRESHOLD)
