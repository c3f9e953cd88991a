"""How far two traces of one image differ, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gridrt.export.verify import BOX_TOLERANCE, SCORE_TOLERANCE
from gridrt.matched_detections import match_detections
from gridrt.runtime.non_finite import are_finite
from gridrt.runtime.stage_runner import ProposalRows, Trace
from gridrt.types import Detections, Float32Array, RawDetections


class Share(NamedTuple):
    """So many of so many rows; NaN of them where the numbers in a row are not finite."""

    rows: float
    of: int


def map_errors(reference: Trace, other: Trace) -> dict[str, float]:
    """Relative RMS error of each tensor that has numbers in a fixed order; see `relative_rms`.

    Heatmaps of rows that the reference does not use are left out, and all heatmaps where it uses none.
    """
    used = int((reference.selected.labels >= 0).sum())
    mine, theirs = reference.features, other.features
    levels = enumerate(zip(mine.pyramid, theirs.pyramid, strict=True), 2)
    errors = {
        "normalised image": relative_rms([mine.input], [theirs.input]),
        **{f"P{level}": relative_rms([one], [another]) for level, (one, another) in levels},
        "objectness": relative_rms(mine.objectness, theirs.objectness),
        "deltas": relative_rms(mine.deltas, theirs.deltas),
        "class scores": relative_rms([reference.scores], [other.scores]),
    }
    if used:
        errors["heatmaps"] = relative_rms([reference.heatmaps[:used]], [other.heatmaps[:used]])
    return errors


def row_errors(reference: Trace, other: Trace) -> dict[str, Share]:
    """How many rows differ, of each tensor whose rows are ordered by score."""
    return {
        "proposals": differing_proposals(reference.proposals, other.proposals),
        "detections": differing_detections(reference.selected, other.selected),
        "boxes": differing_detections(reference.detections, other.detections),
    }


def relative_rms(reference: Sequence[Float32Array], other: Sequence[Float32Array]) -> float:
    """RMS of the difference of some maps over the RMS of the first.

    NaN where a map is not finite, infinite where their shapes differ.
    """
    if not are_finite(*reference, *other):
        return math.nan
    if [each.shape for each in reference] != [each.shape for each in other]:
        return np.inf
    difference = sum(_sum_of_squares(theirs - mine) for mine, theirs in zip(reference, other, strict=True))
    size = sum(map(_sum_of_squares, reference))
    return float(np.sqrt(difference / size)) if size else 0.0 if difference == 0 else np.inf


def _sum_of_squares(values: Float32Array) -> float:
    flat = values.ravel().astype(np.float64)
    return float(flat @ flat)


def differing_proposals(reference: ProposalRows, other: ProposalRows) -> Share:
    """The proposals of both sides that have none of the other's within `BOX_TOLERANCE`."""
    mine, theirs = (rows.boxes[0][rows.used[0]] for rows in (reference, other))
    if not are_finite(mine, theirs):
        return Share(math.nan, len(mine) + len(theirs))
    near = np.abs(mine[:, None] - theirs[None]).max(-1, initial=0) <= BOX_TOLERANCE  # [R, R]
    differing = (~near.any(1)).sum() + (~near.any(0)).sum()
    return Share(int(differing), len(mine) + len(theirs))


def differing_detections(reference: RawDetections, other: RawDetections) -> Share:
    """The detections that only one side has, or that differ by more than a graph may from its model."""
    mine, theirs = used_rows(reference), used_rows(other)
    count = max(len(mine), len(theirs))
    if not are_finite(mine.boxes, mine.scores, theirs.boxes, theirs.scores):
        return Share(math.nan, count)
    return Share(match_detections(mine, theirs).outside(BOX_TOLERANCE, SCORE_TOLERANCE), count)


def used_rows(raw: RawDetections) -> Detections:
    """The detections of a batch of one image, in pixels of the resized image."""
    used = raw.labels[0] >= 0
    return Detections(raw.boxes[0][used], raw.scores[0][used], raw.labels[0][used])


def largest(errors: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The largest error of each tensor over images."""
    tensors = {tensor: None for image in errors for tensor in image}
    return {tensor: float(np.max([image[tensor] for image in errors if tensor in image])) for tensor in tensors}


def pooled(errors: Sequence[Mapping[str, Share]]) -> dict[str, Share]:
    """The rows of each tensor over all images."""
    tensors = {tensor: None for image in errors for tensor in image}
    return {tensor: Share(*np.sum([image[tensor] for image in errors], axis=0).tolist()) for tensor in tensors}
