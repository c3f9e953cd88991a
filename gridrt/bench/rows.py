"""The rows of the result, from the candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.bench.accuracy import accuracy_of, deltas
from gridrt.bench.candidates import Candidate
from gridrt.bench.result import Accuracy, Row, Speed
from gridrt.bench.timing import latency_of, speedup
from gridrt.data.coco import CocoDataset
from gridrt.errors import DataError
from gridrt.formatting import format_scale


def rows_of(candidates: Sequence[Candidate], dataset: CocoDataset) -> list[Row]:
    """A row for each candidate, all compared with the first.

    Args:
        candidates: after the interleaved runs, the reference first.
        dataset: whose first images they detected in.
    """
    reference = candidates[0]
    accuracies = [_accuracy(candidate, dataset) for candidate in candidates]
    return [
        _row(candidate, accuracy, reference, accuracies[0])
        for candidate, accuracy in zip(candidates, accuracies, strict=True)
    ]


def _accuracy(candidate: Candidate, dataset: CocoDataset) -> Accuracy | None:
    """None where nothing was measured, or where the classes are not those of the synthetic images."""
    if candidate.failure or candidate.description is None or not candidate.detections:
        return None
    done, class_names = dataset.first(len(candidate.detections)), candidate.description.info.class_names
    try:
        return accuracy_of(done, class_names, candidate.detections)
    except DataError:
        return None


def _row(candidate: Candidate, accuracy: Accuracy | None, reference: Candidate, against: Accuracy | None) -> Row:
    info = candidate.description.info if candidate.description else None
    memory = candidate.memory
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
        failure=candidate.failure,
        warnings=[] if candidate.failure else list(_warnings(candidate, reference)),
        accuracy=accuracy,
        deltas=deltas(accuracy, against) if accuracy and against else {},
        speed=_speed(candidate, reference),
        stages=candidate.stages,
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
    mine, theirs = candidate.description, reference.description
    if mine is None or theirs is None:
        return
    digests = [each.info.weights_sha256 for each in (mine, theirs)]
    # Graphs of older versions note the hash of their checkpoint's file.
    files = {digests[0]: candidate.sha256, digests[1]: reference.sha256}
    if digests[0] != digests[1] and not files.keys() & files.values():
        ours, others = (digest[:12] if digest else "not noted" for digest in digests)
        yield f"made from other weights ({ours}) than the reference ({others})"
    if mine.scale != theirs.scale:
        yield f"run at scale {format_scale(mine.scale)}, the reference at {format_scale(theirs.scale)}"
