"""The rows of the result and its conditions, from the candidates."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from gridrt.bench.accuracy import accuracy_of, deltas, evaluation_of
from gridrt.bench.candidates import Candidate
from gridrt.bench.interleave import REST_SECONDS, WARM_UP
from gridrt.bench.result import Accuracy, Row, Speed, scale_mismatch
from gridrt.bench.timing import latency_of, speedup
from gridrt.data.coco import CocoDataset
from gridrt.errors import DataError
from gridrt.eval.bootstrap import delta_intervals, resample_weights, resampled_precision
from gridrt.machine.conditions import machine
from gridrt.runtime.info import weights_note
from gridrt.types import Float64Array


def rows_of(candidates: Sequence[Candidate], dataset: CocoDataset) -> list[Row]:
    """A row for each candidate, all compared with the first.

    Args:
        candidates: after the interleaved runs, the reference first.
        dataset: whose first images they detected in.
    """
    reference, measured = candidates[0], [_measure(candidate, dataset) for candidate in candidates]
    return [_row(candidate, mine, reference, measured[0]) for candidate, mine in zip(candidates, measured, strict=True)]


@dataclass(frozen=True)
class _Measured:
    """Accuracy of a candidate, and its average precision on resampled images, float64 [T, B]."""

    accuracy: Accuracy
    resampled: Float64Array


def _measure(candidate: Candidate, dataset: CocoDataset) -> _Measured | None:
    """None where nothing was measured, or where the classes are not those of the synthetic images."""
    if candidate.failure or candidate.info is None or not candidate.detections:
        return None
    try:
        evaluation = evaluation_of(dataset, candidate.info.class_names, candidate.detections)
    except DataError:
        return None
    # The same for all candidates, which have seen the same images.
    weights = resample_weights(len(candidate.detections))
    return _Measured(accuracy_of(evaluation), resampled_precision(evaluation.matches(), weights))


def _row(candidate: Candidate, mine: _Measured | None, reference: Candidate, theirs: _Measured | None) -> Row:
    info, memory = candidate.info, candidate.memory
    return Row(
        name=candidate.name,
        artefact=candidate.artefact,
        backend=candidate.backend.name if candidate.backend else "",
        format=info.format if info else "",
        precision=info.precision if info else "",
        recipe=info.recipe if info else None,
        bytes=candidate.bytes,
        sha256=candidate.sha256,
        weights_sha256=info.weights_sha256 if info else None,
        run_by=", ".join(filter(None, (info.backend, info.device))) if info else "",
        scale=candidate.scale,
        failure=candidate.failure,
        warnings=[] if candidate.failure else list(_warnings(candidate, reference)),
        accuracy=mine.accuracy if mine else None,
        deltas=deltas(mine.accuracy, theirs.accuracy) if mine and theirs else {},
        intervals=delta_intervals(mine.resampled, theirs.resampled) if mine and theirs else {},
        speed=_speed(candidate, reference),
        stages=candidate.stages,
        throughput={size: size / statistics.median(seconds) for size, seconds in candidate.batch_seconds.items()},
        memory=memory.main if memory else None,
        gpu_memory=memory.gpu if memory else None,
    )


def _speed(candidate: Candidate, reference: Candidate) -> Speed | None:
    if candidate.failure or not candidate.detections:
        return None
    return Speed(
        seconds=candidate.seconds,
        latency={part: latency_of(seconds) for part, seconds in candidate.seconds.items()},
        speedup={
            part: None if reference.failure else speedup(reference.seconds[part], seconds)
            for part, seconds in candidate.seconds.items()
        },
    )


def _warnings(candidate: Candidate, reference: Candidate) -> Iterator[str]:
    """What keeps the figures from being comparable, or complete."""
    yield from candidate.not_measured
    mine, theirs = candidate.info, reference.info
    if mine is None or theirs is None:
        return
    if note := weights_note(mine, candidate.sha256, theirs, reference.sha256, "the reference"):
        yield note
    if mismatch := scale_mismatch(candidate.scale, reference.scale):
        yield mismatch


def conditions(
    dataset: CocoDataset, images_done: int, threads: int | None, least_runs: int, reference: Candidate
) -> dict[str, Any]:
    """Machine, images and method, ready for JSON.

    Args:
        dataset: the images.
        images_done: how many of them were measured.
        threads: CPU threads that were asked for.
        least_runs: how many were asked for of each candidate.
        reference: of the bench.
    """
    return {
        **machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "annotations": dataset.place,
        "annotations_sha256": dataset.sha256,
        "images": len(dataset),
        "images_done": images_done,
        "scale": list(reference.scale) if reference.scale else None,
        "scale_origin": reference.scale_origin if reference.scale else None,
        "batch": 1,
        "threads": threads,
        "order": "interleaved: each image by all candidates in rotating order, each in a process of its own",
        "warm_up": WARM_UP,
        "least_runs": least_runs,
        "rest_seconds": REST_SECONDS,
        "clock": "CUDA events where PyTorch runs on a GPU, else the wall clock",
        "session": "from the resized image to the boxes in it",
        "detector": "from the image file to the boxes in its own pixels",
    }
