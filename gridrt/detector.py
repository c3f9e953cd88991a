"""The detector: takes images and returns detections in their pixels, with any backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np

from gridrt.config import ScaleOrigin
from gridrt.data.image import ImageSource, load_image
from gridrt.data.transform import Batch, Prepared, Transform, batch_of, restore_boxes
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.forks import require_no_fork
from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, Float32Array, UInt8Array


class Detector:
    """A session with its pre- and post-processing: resizing, padding, restoring coordinates.

    Threads may share a detector, and get what they would get one after the other; see
    `gridrt.runtime.backend.Session` for which backends work on several images at once.

    A detector that `gridrt.open_detector` opened can be pickled, to be sent to a process started by spawn or
    forkserver: it opens its file again there, which must have the same weights. A process that is forked after a
    detector was opened is refused, since it would wait for threads that it does not have.

    Args:
        session: runs the model.
        scale: most pixels on the long and on the short side of a resized image; None takes that of the training.
        find_stage: for a batch of one image, names the first stage whose output is not finite, or gives None. It runs
            the model again, so it is called at most twice: for the first image whose boxes or scores are not finite,
            and for the first image without detections.
        stretch: whether `load_image` scales 16-bit gray to the range of the image.
        reopen: opens the same detector again, in the process that unpickles it; None for a session that no file stands
            for.

    Attributes:
        scale_origin: where `scale` comes from; an "assumed" scale may be wrong, which costs accuracy.
        tile: side in pixels of the tiles that images are cut into; None, as they are not.
        tile_overlap: of neighbouring tiles, at least, as a share of their side.
        stretch: as given.

    Raises:
        GridRTError: a side of `scale` is not positive, or this process was forked from one with detectors.
    """

    tile: int | None = None
    tile_overlap: float | None = None

    def __init__(
        self,
        session: Session,
        scale: tuple[int, int] | None = None,
        find_stage: Callable[[Batch], str | None] | None = None,
        *,
        stretch: bool = False,
        reopen: Callable[[], Detector] | None = None,
    ) -> None:
        require_no_fork()
        self._session, self._reopen = session, reopen
        self.stretch = stretch
        self._turn = Lock()  # of the threads that have found no detections
        self._name_stage = self._check_stages = find_stage  # each is called once
        if session.info.precision == "fp16" and session.info.device == "cpu":
            self._check_stages = None  # it computes in FP32: only the stages, rounded as on a GPU, would overflow
        self._overflow: str | None = None  # the stage, in the first image without detections
        self._transform = Transform(session.info.scale if scale is None else scale)
        self.scale_origin: ScaleOrigin = session.info.scale_origin if scale is None else "as asked"

    @property
    def info(self) -> ModelInfo:
        """What it runs, and on what."""
        return self._session.info

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names, in the order of the labels."""
        return self._session.info.class_names

    @property
    def scale(self) -> tuple[int, int]:
        """Most pixels on the long and on the short side of a resized image."""
        return self._transform.scale

    def load_image(self, source: ImageSource) -> UInt8Array:
        """An image to detect in, stretched if the detector was opened so.

        Raises:
            ImageError: it cannot be read.
        """
        return load_image(source, stretch=self.stretch)

    def __reduce__(self) -> tuple[Any, ...]:
        """What unpickling calls.

        Raises:
            GridRTError: it was not opened from a file.
        """
        if self._reopen is None:
            raise GridRTError(
                "cannot pickle a detector that was not opened from a file",
                value=self.info.backend,
                remedy="Open it by gridrt.open_detector.",
            )
        return _reopened, (self._reopen, self.info.weights_sha256, self.class_names)

    def __call__(self, images: Sequence[UInt8Array]) -> list[Detections]:
        """Detect objects in images of any sizes. Those that have one canvas after resizing run as one batch.

        A canvas is the resized image with both sides rounded up to multiples of 32. No image runs on a larger one: the
        group normalisation of some variants sees the padding, which moves boxes by pixels. So

            detector(images) == [detector([image])[0] for image in images]

        up to the rounding of a batch.

        Args:
            images: uint8 [H, W, 3] each, RGB.

        Returns:
            The detections in each image, best score first, in its own pixels.

        Raises:
            GridRTError: one of `images` is not such an array, or this process was forked from one with detectors.
            NonFiniteError: a box or a score of an image is NaN or infinite; the place is `images[index]`. The first
                such error of a detector names the stage where that begins, if its stages can be run. An image without
                detections fails too if the outputs of the stages were not finite in the first such image: NaN scores
                are below every threshold, so the model returns nothing. To get the detections of the other images,
                run them without this one.
        """
        require_no_fork()
        check_images(images)
        prepared = [self.prepare(image) for image in images]
        groups: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(prepared):
            groups.setdefault(image.canvas, []).append(index)
        found: dict[int, Detections] = {}
        for indices in groups.values():
            for index, result in zip(indices, self.run([prepared[index] for index in indices]), strict=True):
                if isinstance(result, NonFiniteError):
                    raise result.at(f"images[{index}]{result.place or ''}")
                found[index] = result
        return [found[index] for index in range(len(images))]

    def prepare(self, image: UInt8Array) -> Prepared:
        """Resize an image, uint8 [H, W, 3] RGB, for `run`; may be called in any thread."""
        return self._transform.prepare(image)

    def run(self, images: Sequence[Prepared]) -> list[Detections | NonFiniteError]:
        """Detect objects in images that `prepare` returned, as one batch; their canvases should be equal.

        Returns:
            As `__call__`; for an image whose output is not finite the error, whose place the caller knows.

        Raises:
            GridRTError: this process was forked from one with detectors.
        """
        require_no_fork()
        if not images:
            return []
        batch = batch_of(images)
        raw = self._session.run(batch.images, batch.image_sizes)
        found: list[Detections | NonFiniteError] = []
        for index, image in enumerate(images):
            used = raw.labels[index] >= 0  # [D]
            boxes, scores = raw.boxes[index][used], raw.scores[index][used]
            fault = self._fault(image, boxes, scores)
            full_at = float(scores.min()) if 0 < self.info.max_detections <= len(scores) else None
            restored = restore_boxes(boxes, image.scale_factor)
            found.append(fault or Detections(restored, scores, raw.labels[index][used], full_at))
        return found

    def _fault(self, image: Prepared, boxes: Float32Array, scores: Float32Array) -> NonFiniteError | None:
        """The error of an image whose output is not finite; None if it is finite."""
        for output, rows in (("boxes", boxes), ("scores", scores[:, None])):
            broken = np.flatnonzero(~np.isfinite(rows).all(1))
            if broken.size:
                of_first = f"{rows[broken[0]].tolist()} in detection {broken[0]}"
                value = f"{of_first}, {broken.size} of {len(rows)} such detections"
                return self._non_finite(image, output, value)
        return None if len(scores) else self._overflow_in(image)

    def _non_finite(self, image: Prepared, output: str, value: str) -> NonFiniteError:
        """The error for an image; the stage is found once, as that runs the model again."""
        name_stage, self._name_stage = self._name_stage, None
        stage = name_stage(batch_of([image])) if name_stage is not None else None
        return NonFiniteError(
            f"the {output} of the model must be finite numbers",
            value=f"{value}; first in the output of the stage {stage}" if stage else value,
            remedy=self._remedy,
        )

    def _overflow_in(self, image: Prepared) -> NonFiniteError | None:
        """The error of an image without detections if the first such image showed that the model overflows."""
        with self._turn:  # others wait for what the first one finds
            check_stages, self._check_stages = self._check_stages, None
            if check_stages is not None:
                self._overflow = check_stages(batch_of([image]))
        if self._overflow is None:
            return None
        return NonFiniteError(
            "the outputs of all stages must be finite numbers",
            value=f"no detections, and the first image without any is not finite in the stage {self._overflow}",
            remedy=self._remedy,
        )

    @property
    def _remedy(self) -> str:
        return "Numbers beyond 65504 are infinite in FP16: use FP32." if self.info.precision == "fp16" else ""


def _reopened(reopen: Callable[[], Detector], weights_sha256: str | None, class_names: tuple[str, ...]) -> Detector:
    """A detector that was pickled.

    Raises:
        GridRTError: its file has other weights by now.
    """
    detector = reopen()
    found = detector.info.weights_sha256
    if (found, detector.class_names) != (weights_sha256, class_names):
        raise GridRTError(
            "the model file has changed since its detector was pickled: weights or classes differ",
            value=f"{found or 'not noted'}, pickled {weights_sha256 or 'not noted'}",
            remedy="Open it again, and pickle that.",
        )
    return detector


def check_images(images: Sequence[object]) -> None:
    """Refuse what is not a list of images.

    Raises:
        GridRTError: one of them is not a uint8 array of shape [H, W, 3], or is empty.
    """
    for index, image in enumerate(images):
        if not isinstance(image, np.ndarray):
            found = type(image).__name__
        elif image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            found = f"{image.dtype} {list(image.shape)}"
        else:
            continue
        raise GridRTError(
            "an image must be a uint8 array of shape [height, width, 3] in RGB",
            place=f"images[{index}]",
            value=found,
            remedy="gridrt.load_image reads one from a file.",
        )
