"""From what artefacts did to the rows of the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.bench.accuracy import accuracy_of, deltas
from gridrt.bench.entry import Entry
from gridrt.bench.latency import latency_of, speedup
from gridrt.bench.result import Accuracy, Row, Speed
from gridrt.data.coco import CocoDataset
from gridrt.errors import DataError
from gridrt.formatting import format_scale


def rows_of(entries: Sequence[Entry], dataset: CocoDataset) -> list[Row]:
    """A row for each artefact, all held against the first.

    Args:
        entries: after the race.
        dataset: whose first pictures they detected in.
    """
    reference = entries[0]
    accuracies = [_accuracy(entry, dataset) for entry in entries]
    return [
        _row(entry, accuracy, reference, accuracies[0]) for entry, accuracy in zip(entries, accuracies, strict=True)
    ]


def _accuracy(entry: Entry, dataset: CocoDataset) -> Accuracy | None:
    """None where nothing was measured, or where the classes are not those of the drawn pictures."""
    if entry.failure or entry.opened is None or not entry.detections:
        return None
    try:
        return accuracy_of(dataset.first(len(entry.detections)), entry.opened.class_names, entry.detections)
    except DataError:
        return None


def _row(entry: Entry, accuracy: Accuracy | None, reference: Entry, against: Accuracy | None) -> Row:
    artefact, opened, memory = entry.artefact, entry.opened, entry.memory
    return Row(
        artefact=entry.name,
        format=artefact.info.format if artefact else "",
        precision=artefact.info.precision if artefact else "",
        bytes=artefact.bytes if artefact else None,
        sha256=artefact.sha256 if artefact else None,
        weights_sha256=artefact.info.weights_sha256 if artefact else None,
        backend=opened.backend if opened else "",
        failure=entry.failure,
        warnings=list(_warnings(entry, reference)),
        accuracy=accuracy,
        deltas=deltas(accuracy, against) if accuracy and against else {},
        speed=_speed(entry, reference),
        stages=entry.stages,
        memory=memory.main if memory else None,
        gpu_memory=memory.gpu if memory else None,
    )


def _speed(entry: Entry, reference: Entry) -> Speed | None:
    if entry.failure or not entry.detections:
        return None
    return Speed(
        seconds=entry.seconds,
        latency={part: latency_of(seconds) for part, seconds in entry.seconds.items()},
        speedup={
            part: None if reference.failure else speedup(reference.seconds[part], seconds)
            for part, seconds in entry.seconds.items()
        },
    )


def _warnings(entry: Entry, reference: Entry) -> Iterator[str]:
    """What keeps the figures from being comparable, or complete."""
    if entry.failure:
        return  # there are no figures
    yield from entry.missing
    mine, theirs = entry.artefact, reference.artefact
    if mine and theirs and mine.info.weights_sha256 != theirs.info.weights_sha256:
        weights = (_told(artefact.info.weights_sha256) for artefact in (mine, theirs))
        yield "made from other weights ({}) than the reference ({})".format(*weights)
    if entry.opened and reference.opened and entry.opened.scale != reference.opened.scale:
        own, reference_s = format_scale(entry.opened.scale), format_scale(reference.opened.scale)
        yield f"run at scale {own}, the reference at {reference_s}"


def _told(digest: str | None) -> str:
    return digest[:12] if digest else "not told"
