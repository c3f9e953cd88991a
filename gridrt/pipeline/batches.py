"""Images through a detector, in batches of those that share a canvas."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gridrt.data.transform import Prepared
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.pipeline.workers import MAX_BYTES, Workers
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, UInt8Array
from gridrt.work import working_on

Job = TypeVar("Job")

AUTO_ON_CPU = 1
AUTO_ON_GPU = 8
SCANNED = 4
"""A batch is sought among so many times its images, in order."""


@dataclass(eq=False)
class Outcome(Generic[Job]):
    """What became of an image.

    Attributes:
        job: as it was given.
        height: pixels of the original image; 0 where it cannot be read.
        width: the same.
        pixels: the original image; None where they were not to be kept, or it cannot be read.
        found: the detections, or why there are none: the image cannot be read, or the output is not finite.
    """

    job: Job
    height: int = 0
    width: int = 0
    pixels: UInt8Array | None = None
    found: Detections | GridRTError | None = None
    prepared: Prepared | None = field(default=None, repr=False)

    @property
    def nbytes(self) -> int:
        """Memory of its pixels."""
        images = (self.pixels, None if self.prepared is None else self.prepared.pixels)
        return sum(image.nbytes for image in images if image is not None)


def batch_size(info: ModelInfo, asked: int | None, *, tiled: bool = False) -> int:
    """How many images run at a time.

    Args:
        info: of the model.
        asked: None chooses.
        tiled: images are cut into tiles; then they run one by one.

    Raises:
        GridRTError: the model does not take as many, or images are cut into tiles.
    """
    most = 1 if tiled else info.max_batch
    if asked is None:
        chosen = AUTO_ON_CPU if info.device in ("", "cpu") else AUTO_ON_GPU
        return chosen if most is None else min(chosen, most)
    if most is not None and asked > most:
        what = "images that are cut into tiles" if tiled else "images of this model"
        raise GridRTError(f"must be at most {most} for {what}", place="`batch`", value=asked)
    return asked


def detect_in_order(
    detector: Detector,
    jobs: Iterable[Job],
    read: Callable[[Job], UInt8Array],
    workers: Workers,
    batch: int,
    *,
    name: Callable[[Job], object] = str,
    keep_pixels: bool = False,
) -> Iterator[Outcome[Job]]:
    """Detect in many images, in order; each has the canvas that it has alone.

    A batch is the first image that has not run, and those behind it with the same canvas: so many of them as `batch`,
    sought among `SCANNED` times as many images, or as many as `MAX_BYTES` hold. So the batches depend on the images and
    their order alone.

    Args:
        detector: runs in this thread.
        jobs: one for each image.
        read: gives the pixels of a job; called in other threads.
        workers: read and resize.
        batch: most images in a batch.
        name: of a job, for the line that tells what a crash happened at.
        keep_pixels: of the original images, for who draws on them.
    """

    def load(job: Job) -> Outcome[Job]:
        try:
            pixels = read(job)
            prepared = detector.prepare(pixels)
        except GridRTError as error:
            return Outcome(job, found=error)
        height, width = pixels.shape[:2]
        return Outcome(job, height, width, pixels if keep_pixels else None, prepared=prepared)

    scanned = 1 if batch == 1 else SCANNED * batch
    ahead = 1 if detector.tile is not None else batch + 2 * workers.count
    waiting: deque[Outcome[Job]] = deque()
    for _, outcome in workers.read_ahead(jobs, load, ahead, lambda outcome: outcome.nbytes):
        waiting.append(outcome)
        is_full = len(waiting) >= scanned or sum(one.nbytes for one in waiting) > MAX_BYTES
        if is_full or len(_first_batch(waiting, batch)) == batch:
            _run(detector, _first_batch(waiting, batch), name)
        while waiting and waiting[0].found is not None:
            yield waiting.popleft()
    while waiting:
        _run(detector, _first_batch(waiting, batch), name)
        while waiting and waiting[0].found is not None:
            yield waiting.popleft()


def _first_batch(waiting: Iterable[Outcome[Job]], batch: int) -> list[Outcome[Job]]:
    """The images to run next: the first that has not run, and others of its canvas."""
    ready = [(one, one.prepared.canvas) for one in waiting if one.prepared is not None]
    return [one for one, canvas in ready if canvas == ready[0][1]][:batch]


def _run(detector: Detector, outcomes: list[Outcome[Job]], name: Callable[[Job], object]) -> None:
    if outcomes:
        others = f" and {len(outcomes) - 1} more in its batch" if len(outcomes) > 1 else ""
        working_on(f"{name(outcomes[0].job)}{others}")
    prepared = [one.prepared for one in outcomes if one.prepared is not None]
    for outcome, found in zip(outcomes, detector.run(prepared), strict=True):
        outcome.found, outcome.prepared = found, None
