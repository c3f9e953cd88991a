"""Detections in a whole data set, in COCO's results format."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tqdm import tqdm

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.data.warn_once import warn_once
from gridrt.detector import Detector
from gridrt.errors import DataError, GridRTError, ImageError, NonFiniteError
from gridrt.eval.outcomes import Outcome, outcomes_in, record_of
from gridrt.files import sha256_of
from gridrt.formatting import format_count
from gridrt.partial_file import PartialFile
from gridrt.pipeline import Workers, detect_in_order
from gridrt.types import CocoId, CocoResult, Detections, UInt8Array
from gridrt.unchanged import unchanged
from gridrt.work import working_on

Result: TypeAlias = CocoResult

COCO_LIMIT = 100  # detections of a class in an image, of which the best count
LISTED_NAMES = 10  # in a message, at most


@dataclass(frozen=True)
class DatasetResults:
    """The detections in a data set.

    Attributes:
        results: by image in the data set's order, best score first.
        failed: the images that failed, each with the error.
        full: the images in which, or in a tile of which, the model returned as many detections as it can: more objects
            may be there.
        seconds: that it took, with those of an interrupted run that was resumed.
    """

    results: Sequence[Result]
    failed: Mapping[Path, str]
    full: Sequence[Path]
    seconds: float


def detect_all(
    detector: Detector,
    dataset: CocoDataset,
    partial: PartialFile | None = None,
    *,
    batch: int = 1,
    workers: int | None = None,
) -> DatasetResults:
    """Detect in every image, with a progress bar. Images that fail are skipped.

    An image fails if it cannot be read, or if the detector's output for it is not finite.

    Under `torchrun` the processes share the images, and each returns the results of all.

    Args:
        detector: runs in this thread, while others read.
        dataset: the images.
        partial: of this process; a record of each image is added to it. Images that it has from an earlier run are not
            run again, unless they failed or have changed.
        batch: most images in a batch.
        workers: threads that read; None is one for each CPU.

    Raises:
        DataError: the classes of the detector are not those of the data.
        GridRTError: every image fails.
        OutputError: the partial file cannot be written.
    """
    before = partial.records[-1]["seconds"] if partial is not None and partial.records else 0
    started = time.perf_counter() - before
    category_ids = categories_of_labels(detector.class_names, dataset)
    done = processes.gathered([] if partial is None else outcomes_in(partial.records, dataset))
    if done and processes.rank() == 0:
        count = f"{len(done)} of {format_count(len(dataset), 'image')} done"
        tqdm.write(f"resumed: {count}; those that failed or have changed are run again", file=sys.stderr)
    missing = sorted(set(range(len(dataset))) - {outcome.index for outcome in done})
    share = missing[processes.rank() :: processes.count()]
    own: list[Outcome] = []
    quiet = True if processes.rank() > 0 else None  # None: unless nobody watches
    hashes: dict[int, str] = {}

    def read(index: int) -> UInt8Array:
        path = dataset.path(index)
        try:
            with unchanged([path], ImageError):
                image = dataset.load_image(index, detector.load_image)
                hashes[index] = sha256_of(path)
        except OSError as error:
            raise ImageError("cannot read the image", place=path, value=error.strerror) from error
        return image

    with Workers(workers) as threads, tqdm(total=len(share), unit="image", disable=quiet) as bar:
        for each in detect_in_order(detector, share, read, threads, batch, name=dataset.path):
            own.append(_outcome_of(each.job, each.found, hashes.get(each.job), dataset, category_ids))
            if partial is not None:
                partial.append(record_of(own[-1], dataset, time.perf_counter() - started))
            bar.update()
    working_on("after the last image")
    outcomes_of_all = sorted([*done, *processes.gathered(own)], key=lambda outcome: outcome.index)
    return _joined(outcomes_of_all, dataset, time.perf_counter() - started)


def _joined(outcomes: Sequence[Outcome], dataset: CocoDataset, seconds: float) -> DatasetResults:
    failed = {dataset.path(outcome.index): outcome.error for outcome in outcomes if outcome.error}
    if len(failed) == len(dataset):
        first = next(iter(failed.values()), "no images")
        raise GridRTError("every image failed", place=dataset.place, value=first)
    full = [dataset.path(outcome.index) for outcome in outcomes if outcome.is_full]
    return DatasetResults([result for outcome in outcomes for result in outcome.results], failed, full, seconds)


def _outcome_of(
    index: int,
    found: Detections | GridRTError | None,
    image_sha256: str | None,
    dataset: CocoDataset,
    category_ids: Sequence[CocoId | None],
) -> Outcome:
    if isinstance(found, NonFiniteError):
        found = found.at(f"{dataset.path(index)}{found.place or ''}")
    if not isinstance(found, Detections):
        return Outcome(index, error=str(found))
    return Outcome(index, found.to_coco(dataset.images[index].id, category_ids), found.is_full(), image_sha256)


def categories_of_labels(class_names: Sequence[str], dataset: CocoDataset) -> tuple[CocoId | None, ...]:
    """For each label of a model the data set's category of that name; None where there is none, with a warning.

    Where the model's classes have no names of their own (`class 0`, `class 1`, ...), the categories in order of their
    ids, with a warning.

    Raises:
        DataError: the data has objects of a category that is not among the classes, or the classes have no names and
            are not as many as the categories.
    """
    if all(name == f"class {label}" for label, name in enumerate(class_names)):
        if len(class_names) != len(dataset.class_names):
            raise DataError(
                "a model without class names must have as many classes as the data has categories",
                place=dataset.place,
                value=f"{len(class_names)} classes, {len(dataset.class_names)} categories",
            )
        if processes.rank() == 0:
            order = _some([f"{one} is {other}" for one, other in zip(class_names, dataset.class_names, strict=True)])
            warn_once(
                f"{dataset.place}: the model has no class names, so the categories are taken in order of their ids: "
                f"{order}; gridrt export --class-names names the classes"
            )
        return dataset.category_ids
    used = {annotation.category_id for annotation in dataset.annotations}
    id_of = dict(zip(dataset.class_names, dataset.category_ids, strict=True))
    unknown = [name for name in id_of if name not in class_names]
    absent = [name for name in class_names if name not in id_of]
    if any(id_of[name] in used for name in unknown) or len(absent) == len(class_names):
        raise DataError(
            "the categories of the data must be classes of the model",
            place=dataset.place,
            value=f"{_some(unknown)} in the data alone, {_some(absent) or 'none'} in the model alone",
            remedy="Rename the categories in the annotation file where they mean the same.",
        )
    for names, where in ((absent, "categories of the data"), (unknown, "classes of the model, and have no objects")):
        if names and processes.rank() == 0:
            warn_once(f"{dataset.place}: not evaluated, as they are not {where}: {_some(names)}")
    return tuple(id_of.get(name) for name in class_names)


def format_uncounted(results: Sequence[Result]) -> str:
    """A note on detections that COCO's average precision leaves out; empty where there are none."""
    counts = Counter((result["image_id"], result["category_id"]) for result in results)
    over = {key: count - COCO_LIMIT for key, count in counts.items() if count > COCO_LIMIT}
    images = format_count(len({image for image, _ in over}), "image")
    note = f"COCO counts the best {COCO_LIMIT} detections of a class in an image"
    return f"{note}: {sum(over.values())} of {len(results)} are not counted, in {images}" if over else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:LISTED_NAMES], *(["..."] if len(names) > LISTED_NAMES else [])])
