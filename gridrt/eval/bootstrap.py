"""How far a difference of average precision may be chance: paired resamples of the images (bootstrap).

Detections are matched with objects once, by COCOeval. A resample weighs each image by how often it was taken, so that
only the accumulation over images is repeated.

Shapes: D detections of a class, T IoU thresholds, I images, B resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from pycocotools.cocoeval import COCOeval

from gridrt.types import BoolArray, Float64Array, Int32Array

RESAMPLES = 1000
CONFIDENCE = 0.95
IOU_ROWS = {"ap50": 0, "ap75": 5, "ap80": 6, "ap90": 8}
"""Fields of `gridrt.eval.AveragePrecision` at one IoU, with its place among 0.50, 0.55, ..., 0.95."""
RECALL_STEPS = np.linspace(0, 1, 101)
BLOCK = 1 << 20
"""Numbers in an array of detections by resamples, at most; resamples beyond it are taken one after the other."""

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class ClassMatches:
    """Detections and objects of a class, as COCOeval matched them, whatever their areas.

    Attributes:
        images: int32 [D], the image of each detection; detections are in descending order of their scores.
        hits: bool [T, D], whether a detection matches an object.
        ignored: bool [T, D], whether it counts neither as hit nor as false positive, such as one in a crowd.
        objects: int32 [I], objects in each image, crowds left out.
    """

    images: Int32Array
    hits: BoolArray
    ignored: BoolArray
    objects: Int32Array


def matches_of(coco: COCOeval) -> list[ClassMatches]:
    """The matches of each category.

    Args:
        coco: evaluated; its first range of areas includes every area.
    """
    images, thresholds = len(coco.params.imgIds), len(coco.params.iouThrs)
    by_class = np.array(coco.evalImgs, object).reshape(-1, len(coco.params.areaRng), images)[:, 0]
    found = []
    for records in by_class:
        objects = np.zeros(images, np.int32)
        # An empty entry for a class without detections.
        scores: list[Float64Array] = [np.zeros(0)]
        of_image = [np.zeros(0, np.int32)]
        hits, ignored = [np.zeros((thresholds, 0), bool)], [np.zeros((thresholds, 0), bool)]
        for index, record in enumerate(records):
            if record is not None:
                objects[index] = np.count_nonzero(record["gtIgnore"] == 0)
                scores.append(np.asarray(record["dtScores"], float))
                of_image.append(np.full(len(record["dtScores"]), index, np.int32))
                ignored.append(record["dtIgnore"].astype(bool))
                hits.append(record["dtMatches"].astype(bool) & ~ignored[-1])
        order = np.argsort(-np.concatenate(scores), kind="stable")
        found.append(
            ClassMatches(
                np.concatenate(of_image)[order],
                np.concatenate(hits, axis=1)[:, order],
                np.concatenate(ignored, axis=1)[:, order],
                objects,
            )
        )
    return found


def resample_weights(images: int, resamples: int = RESAMPLES) -> Int32Array:
    """How often each resample takes each image, int32 [I, B]; the same at every call."""
    random = np.random.default_rng(0)
    weights = np.empty((images, resamples), np.int32)
    for number in range(resamples):
        weights[:, number] = np.bincount(random.integers(images, size=images), minlength=images)
    return weights


def resampled_precision(matches: Sequence[ClassMatches], weights: Int32Array) -> Float64Array:
    """Average precision at each IoU, mean over the classes with objects, in each resample.

    Args:
        matches: of each class.
        weights: int32 [I, B], how often an image counts.

    Returns:
        float64 [T, B] in 0..1; NaN in a resample without objects.
    """
    resamples = weights.shape[1]
    total = np.zeros((matches[0].hits.shape[0], resamples)) if matches else np.zeros((0, resamples))
    classes = np.zeros(resamples)
    for one in matches:
        width = max(1, BLOCK // max(len(one.images), int(one.objects.sum()), 1))
        for start in range(0, resamples, width):
            part = slice(start, start + width)
            objects = one.objects @ weights[:, part]  # [B]
            total[:, part] += np.where(objects > 0, _precision(one, weights[:, part], objects), 0)
            classes[part] += objects > 0
    with np.errstate(invalid="ignore"):
        return np.asarray(total / classes)


def _precision(matches: ClassMatches, weights: Int32Array, objects: Int32Array) -> Float64Array:
    """Average precision of a class with objects, float64 [T, B].

    The highest precision from a recall on is at a hit, after its last repetition; other detections only count there.
    """
    columns = np.arange(weights.shape[1])
    # The number of recall steps up to a number of hits, [hits, B]. The step at recall 0 falls to the first hit.
    hits = np.arange(int(objects.max(initial=0)) + 1)[:, None]
    steps = np.searchsorted(RECALL_STEPS, hits / np.maximum(objects, 1), side="right").astype(np.int16)
    steps[0] = 0
    counted = np.cumsum(weights.take(matches.images, axis=0), axis=0, dtype=np.int32)  # [D, B]
    found = np.zeros((len(matches.hits), len(columns)))
    for row, (is_hit, is_ignored) in enumerate(zip(matches.hits, matches.ignored, strict=True)):
        at, aside = np.flatnonzero(is_hit), np.flatnonzero(is_ignored)
        hit = np.cumsum(weights.take(matches.images[at], axis=0), axis=0, dtype=np.int32)
        ignored = np.cumsum(weights.take(matches.images[aside], axis=0), axis=0, dtype=np.int32)
        before = np.vstack([np.zeros_like(columns), ignored])[np.searchsorted(aside, at)] if len(aside) else 0
        precision = hit / (counted.take(at, axis=0) - before + np.spacing(1))
        highest = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = np.diff(steps[hit, columns], axis=0, prepend=np.int16(0))
        found[row] = (highest * reached).sum(axis=0) / len(RECALL_STEPS)
    return found


def delta_intervals(precision: Float64Array, reference: Float64Array) -> dict[str, Interval]:
    """Intervals, at the level `CONFIDENCE`, of differences from a reference on the same resamples.

    Args:
        precision: of `resampled_precision`, [T, B].
        reference: the same of the reference.

    Returns:
        By field of `gridrt.eval.AveragePrecision`: "ap" and those at one IoU, as far as there are objects.
    """
    differences = precision - reference
    differences = differences[:, np.isfinite(differences).all(0)]
    if not differences.size:
        return {}
    tail = 50 * (1 - CONFIDENCE)
    of_figure = {"ap": differences.mean(0), **{name: differences[row] for name, row in IOU_ROWS.items()}}
    limits = {name: np.percentile(each, (tail, 100 - tail)) for name, each in of_figure.items()}
    return {name: (float(low), float(high)) for name, (low, high) in limits.items()}
