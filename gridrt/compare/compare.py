"""Compare two model files of a detector, stage by stage, one image at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

import gridrt
from gridrt.compare.differences import Share, largest, map_errors, pooled, row_errors, used_rows
from gridrt.compare.end_to_end import end_to_end_difference
from gridrt.compare.side import Side, open_sides
from gridrt.compare.teacher_forcing import run_teacher_forced
from gridrt.compare.tolerances import TOLERANCES
from gridrt.compare.verdict import StageResult, judged
from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Batch, Transform
from gridrt.errors import GridRTError
from gridrt.formatting import format_scale
from gridrt.runtime.backend import AUTO, SessionOptions
from gridrt.runtime.info import NARROWEST_FIRST, ModelInfo, weights_note
from gridrt.runtime.non_finite import first_non_finite
from gridrt.runtime.stage_runner import run_stages
from gridrt.stages import Stage
from gridrt.types import RawDetections, UInt8Array

SYNTHETIC_IMAGES = 4
SYNTHETIC_HEIGHT, SYNTHETIC_WIDTH = 256, 320


@dataclass(frozen=True)
class ComparedModel:
    """One of the two models.

    Attributes:
        name: file or name of weights, as given.
        sha256: of the file.
        info: of the model, and of what ran it.
    """

    name: str
    sha256: str
    info: ModelInfo

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        info = self.info
        facts = {"weights_sha256": info.weights_sha256, "precision": info.precision, "backend": info.backend}
        return {"name": self.name, "sha256": self.sha256, **facts}


@dataclass(frozen=True)
class Comparison:
    """How far one model differs from another.

    Attributes:
        reference: A, whose selections B receives.
        other: B.
        scale: most pixels on the long and on the short side of the resized images.
        images: how many the models were compared on; 0 where their numbers of classes differ.
        results: of each stage, in order; without figures where it was not compared.
        notes: what a reader has to know besides.
    """

    reference: ComparedModel
    other: ComparedModel
    scale: tuple[int, int]
    images: int
    results: Sequence[StageResult]
    notes: Sequence[str]

    @property
    def first_difference(self) -> StageResult | None:
        """The first stage that exceeds its tolerance; None where none does."""
        return next((result for result in self.results if result.exceeds), None)

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        first = self.first_difference
        return {
            "gridrt": gridrt.__version__,
            "a": self.reference.to_json(),
            "b": self.other.to_json(),
            "scale": list(self.scale),
            "same": first is None,
            "first_difference": None if first is None else first.stage,
            "images": self.images,
            "notes": list(self.notes),
            "stages": [result.to_json() for result in self.results],
        }


def compare_models(
    reference: str | Path,
    other: str | Path,
    *,
    images: Iterable[UInt8Array] | None = None,
    scale: tuple[int, int] | None = None,
    backend: str = AUTO,
    threads: int | None = None,
    trust_checkpoint: bool = False,
) -> Comparison:
    """Compare two models stage by stage; `gridrt.compare_models`, which passes its arguments on, describes them."""
    options = SessionOptions(threads=threads, trust_checkpoint=trust_checkpoint)
    sides = open_sides(reference, other, backend=backend, options=options)
    infos = [side.info for side in sides]
    scale = scale or next((info.scale for info in infos if info.noted_scale), infos[0].scale)
    names = [info.class_names for info in infos]
    # Scores of other classes cannot be passed to a detector, nor its labels be matched.
    is_comparable = len(names[0]) == len(names[1])
    comparable = () if not is_comparable else synthetic_images() if images is None else images
    transform = Transform(scale)
    seen = [_compare_on(*sides, transform([image])) for image in comparable]
    if is_comparable and not seen:
        raise GridRTError("must have an image", place="`images`", value="none", remedy="Leave it out, or name some.")
    results = judged(
        sum(mine != theirs for mine, theirs in zip_longest(*names)),
        largest([each.maps for each in seen]),
        pooled([each.rows for each in seen]),
        end_to_end_difference([used_rows(each.reference) for each in seen], [used_rows(each.other) for each in seen]),
        TOLERANCES[min((info.precision for info in infos), key=NARROWEST_FIRST.index)],
    )
    notes = list(_notes(*sides))
    for index, side in enumerate(sides):
        if stage := next(filter(None, (each.non_finite[index] for each in seen)), None):
            notes.append(f"{side.name} is not finite from the output of the stage {stage} on")
    first, second = (ComparedModel(side.name, side.sha256, side.info) for side in sides)
    return Comparison(first, second, scale, len(seen), results, notes)


def synthetic_images() -> list[UInt8Array]:
    """Shapes before clutter, the same every time: uint8 [H, W, 3] each."""
    height, width = SYNTHETIC_HEIGHT, SYNTHETIC_WIDTH
    return [draw_scene(np.random.default_rng(seed), height, width).image for seed in range(SYNTHETIC_IMAGES)]


@dataclass(frozen=True)
class _OnImage:
    """Errors of the stages on an image, what both sides detect alone, and where each stops being finite, if it does."""

    maps: dict[str, float]
    rows: dict[str, Share]
    reference: RawDetections
    other: RawDetections
    non_finite: tuple[Stage | None, Stage | None] = (None, None)


def _compare_on(reference: Side, other: Side, batch: Batch) -> _OnImage:
    if reference.stages is None or other.stages is None:
        return _OnImage({}, {}, reference.detect(batch), other.detect(batch))
    expected, own = run_stages(reference.stages, batch), run_stages(other.stages, batch)
    forced = run_teacher_forced(other.stages, batch, own, expected)
    return _OnImage(
        map_errors(expected, forced),
        row_errors(expected, forced),
        expected.detections,
        own.detections,
        (first_non_finite(expected), first_non_finite(own)),
    )


def _notes(reference: Side, other: Side) -> Iterator[str]:
    sides = (reference, other)
    mine, theirs = (side.info for side in sides)
    if note := weights_note(theirs, other.sha256, mine, reference.sha256, reference.name):
        yield f"{other.name}: {note}"
    if len(mine.class_names) != len(theirs.class_names):
        yield "not run: the models have different numbers of classes"
    if mine.scale != theirs.scale:
        yield "the models have different default input scales: " + ", ".join(
            f"{side.name} {format_scale(side.info.scale)}" for side in sides
        )
    for side in sides:
        for name in side.runs_without:
            yield f"{side.name} runs without `{name}`: its backend has no such option"
        if side.end_to_end_because:
            yield f"compared end to end only: {side.end_to_end_because}"
