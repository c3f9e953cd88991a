"""What became of each image of an evaluation, and its record in the partial file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gridrt.data.coco import CocoDataset
from gridrt.files import sha256_of
from gridrt.partial_file import Record
from gridrt.types import CocoResult


@dataclass(frozen=True)
class Outcome:
    """Of one image: its results, or the error why it failed.

    Attributes:
        index: of the image in the data set.
        results: best score first.
        is_full: whether these are as many detections as the model can return.
        error: empty where the image did not fail.
    """

    index: int
    results: Sequence[CocoResult] = ()
    is_full: bool = False
    error: str = ""


def hash_of(outcome: Outcome, dataset: CocoDataset, *, wanted: bool) -> str | None:
    """The SHA-256 of an image's file, if it is wanted; None where the image failed."""
    return sha256_of(dataset.path(outcome.index)) if wanted and not outcome.error else None


def record_of(outcome: Outcome, dataset: CocoDataset, sha256: str | None, seconds: float) -> Record:
    """The record of an image: its id, the hash of its file, or None where it failed, and the fields of `outcome`.

    Args:
        outcome: of the image.
        dataset: the images.
        sha256: of its file.
        seconds: from the start of the evaluation to the end of this image.
    """
    return {
        "image_id": dataset.images[outcome.index].id,
        "image_sha256": sha256,
        "seconds": seconds,
        "results": outcome.results,
        "is_full": outcome.is_full,
        "error": outcome.error,
    }


def outcomes_in(records: Sequence[Record], dataset: CocoDataset) -> list[Outcome]:
    """Of each image with a record, unless it failed or its file has changed since; the last record of an image counts.

    An image that failed may have been repaired.
    """
    last = {record["image_id"]: record for record in records}
    return [
        Outcome(index, record["results"], record["is_full"])
        for index, image in enumerate(dataset.images)
        if (record := last.get(image.id)) and _has(dataset.path(index), record["image_sha256"])
    ]


def _has(path: Path, sha256: str | None) -> bool:
    with suppress(OSError):  # no longer readable, which the next attempt reports
        return sha256_of(path) == sha256
    return False
