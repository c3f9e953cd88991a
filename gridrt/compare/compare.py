"""Compare two artefacts of a detector on pictures, one picture at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from gridrt.compare.artefact import Artefact
from gridrt.compare.differences import Share, largest, map_errors, pooled, row_errors, used_rows
from gridrt.compare.tolerances import TOLERANCES, narrowest
from gridrt.compare.trace import run, run_as_pupil
from gridrt.compare.verdict import StageResult, first_exceeding, judged
from gridrt.compare.whole import whole_difference
from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Batch, Transform
from gridrt.formatting import format_scale
from gridrt.types import Detections, UInt8Array

DRAWN_PICTURES = 4
DRAWN_HEIGHT, DRAWN_WIDTH = 256, 320


@dataclass(frozen=True)
class Comparison:
    """What became of the stages of one artefact in another.

    Attributes:
        results: of each stage, in order; without figures where it was not compared.
        notes: what a reader has to know besides.
        pictures: how many they were compared on.
    """

    results: Sequence[StageResult]
    notes: Sequence[str]
    pictures: int

    @property
    def first(self) -> StageResult | None:
        """The first stage that exceeds its tolerance."""
        return first_exceeding(self.results)

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "same": self.first is None,
            "first_difference": None if self.first is None else self.first.stage,
            "pictures": self.pictures,
            "notes": list(self.notes),
            "stages": [result.to_json() for result in self.results],
        }


@dataclass(frozen=True)
class _OnPicture:
    """Errors of the stages, and what both sides find alone."""

    maps: Mapping[str, float]
    rows: Mapping[str, Share]
    reference: Detections
    other: Detections


def compare(reference: Artefact, other: Artefact, pictures: Iterable[UInt8Array], scale: tuple[int, int]) -> Comparison:
    """Run both on pictures, the second as the pupil of the first.

    Args:
        reference: the teacher.
        other: the pupil.
        pictures: uint8 [H, W, 3] each, RGB; taken one by one.
        scale: most pixels on the long and on the short side of a resized image.
    """
    names = [artefact.session.info.class_names for artefact in (reference, other)]
    transform = Transform(scale)
    # Scores of other classes cannot be fed to a detector, nor its labels be paired.
    comparable = pictures if len(names[0]) == len(names[1]) else ()
    seen = [_on_picture(reference, other, transform([picture])) for picture in comparable]
    results = judged(
        sum(mine != theirs for mine, theirs in zip_longest(*names)),
        largest([each.maps for each in seen]),
        pooled([each.rows for each in seen]),
        whole_difference([each.reference for each in seen], [each.other for each in seen]),
        TOLERANCES[narrowest((reference.precision, other.precision))],
    )
    return Comparison(results, list(_notes(reference, other)), len(seen))


def _on_picture(reference: Artefact, other: Artefact, batch: Batch) -> _OnPicture:
    if reference.stages is None or other.stages is None:
        return _OnPicture({}, {}, reference.detect(batch), other.detect(batch))
    teacher, own = run(reference.stages, batch), run(other.stages, batch)
    pupil = run_as_pupil(other.stages, batch, own, teacher)
    found = (used_rows(trace.detections) for trace in (teacher, own))
    return _OnPicture(map_errors(teacher, pupil), row_errors(teacher, pupil), *found)


def _notes(reference: Artefact, other: Artefact) -> Iterator[str]:
    both = (reference, other)
    if None not in (weights := [artefact.weights_sha256 for artefact in both]) and len(set(weights)) > 1:
        yield "they are not of the same weights: " + " and ".join(
            f"{artefact.name} of {str(artefact.weights_sha256)[:12]}" for artefact in both
        )
    if len({len(artefact.session.info.class_names) for artefact in both}) > 1:
        yield "not run: the numbers of their classes differ"
    if len({artefact.session.info.scale for artefact in both}) > 1:
        yield "images are resized unlike by themselves: " + " and ".join(
            f"{artefact.name} to {format_scale(artefact.session.info.scale)}" for artefact in both
        )
    for artefact in both:
        if artefact.end_to_end_because:
            yield f"only run as a whole: {artefact.name}: {artefact.end_to_end_because}"


def drawn_pictures() -> list[UInt8Array]:
    """For a user who names none: shapes before clutter, the same every time."""
    return [draw_scene(np.random.default_rng(seed), DRAWN_HEIGHT, DRAWN_WIDTH).image for seed in range(DRAWN_PICTURES)]
