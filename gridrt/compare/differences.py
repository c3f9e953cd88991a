"""How far two traces of one image are apart, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gridrt.agreement import agreement
from gridrt.export.verify import BOX_TOLERANCE, SCORE_TOLERANCE
from gridrt.runtime.stage_runner import ProposalRows, Trace
from gridrt.types import Detections, Float32Array, RawDetections


class Share(NamedTuple):
    """So many of so many rows."""

    rows: int
    of: int


def map_errors(teacher: Trace, pupil: Trace) -> dict[str, float]:
    """RMS of the difference over RMS, of every stage that gives numbers in a fixed order; see `relative_rms`.

    Heatmaps of rows that the teacher does not use are left out, and the stage with them where it uses none.
    """
    used = int((teacher.selected.labels >= 0).sum())
    one, other = teacher.features, pupil.features
    levels = enumerate(zip(one.pyramid, other.pyramid, strict=True), 2)
    errors = {
        "input": relative_rms([one.input], [other.input]),
        **{f"P{level}": relative_rms([mine], [theirs]) for level, (mine, theirs) in levels},
        "objectness": relative_rms(one.objectness, other.objectness),
        "deltas": relative_rms(one.deltas, other.deltas),
        "class scores": relative_rms([teacher.scores], [pupil.scores]),
    }
    if used:
        errors["heatmaps"] = relative_rms([teacher.heatmaps[:used]], [pupil.heatmaps[:used]])
    return errors


def row_errors(teacher: Trace, pupil: Trace) -> dict[str, Share]:
    """How many rows are off, of every stage that gives rows in the order of their scores."""
    return {
        "proposals": proposals_off(teacher.proposals, pupil.proposals),
        "detections before the grid": detections_off(teacher.selected, pupil.selected),
        "final boxes": detections_off(teacher.detections, pupil.detections),
    }


def relative_rms(reference: Sequence[Float32Array], other: Sequence[Float32Array]) -> float:
    """RMS of the difference of some maps over the RMS of the first; infinite where their shapes differ."""
    if [each.shape for each in reference] != [each.shape for each in other]:
        return np.inf
    difference = sum(_square(theirs - mine) for mine, theirs in zip(reference, other, strict=True))
    size = sum(map(_square, reference))
    return float(np.sqrt(difference / size)) if size else 0.0 if difference == 0 else np.inf


def _square(values: Float32Array) -> float:
    flat = values.ravel().astype(np.float64)
    return float(flat @ flat)


def proposals_off(reference: ProposalRows, other: ProposalRows) -> Share:
    """The proposals of both sides that have none of the other's within `BOX_TOLERANCE`."""
    mine, theirs = (rows.boxes[0][rows.used[0]] for rows in (reference, other))
    near = np.abs(mine[:, None] - theirs[None]).max(-1, initial=0) <= BOX_TOLERANCE  # [R, R]
    off = (~near.any(1)).sum() + (~near.any(0)).sum()
    return Share(int(off), len(mine) + len(theirs))


def detections_off(reference: RawDetections, other: RawDetections) -> Share:
    """The detections that one side alone has, or that are apart by more than a graph may be from its model."""
    mine, theirs = used_rows(reference), used_rows(other)
    return Share(agreement(mine, theirs).outside(BOX_TOLERANCE, SCORE_TOLERANCE), max(len(mine), len(theirs)))


def used_rows(raw: RawDetections) -> Detections:
    """The detections of a batch of one image, in pixels of the resized image."""
    used = raw.labels[0] >= 0
    return Detections(raw.boxes[0][used], raw.scores[0][used], raw.labels[0][used])


def largest(errors: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The largest of each stage, over images."""
    stages = {stage: None for image in errors for stage in image}
    return {stage: float(np.max([image[stage] for image in errors if stage in image])) for stage in stages}


def pooled(errors: Sequence[Mapping[str, Share]]) -> dict[str, Share]:
    """All rows of each stage, over images."""
    stages = {stage: None for image in errors for stage in image}
    return {stage: Share(*np.sum([image[stage] for image in errors], axis=0).tolist()) for stage in stages}
