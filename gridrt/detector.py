"""The detector: takes images and returns detections in their pixels, with any backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np

from gridrt.config import ScaleOrigin
from gridrt.data.image import ImageSource, load_image
from gridrt.data.transform import Batch, Transform, restore_boxes
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.forks import require_no_fork
from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, UInt8Array


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
        """Detect objects in images of any sizes, run as one batch.

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
        if len(images) == 0:
            return []
        batch = self._transform(images)
        raw = self._session.run(batch.images, batch.image_sizes)
        found = []
        for index, factor in enumerate(batch.scale_factors):
            used = raw.labels[index] >= 0  # [D]
            boxes, scores = raw.boxes[index][used], raw.scores[index][used]
            for output, rows in (("boxes", boxes), ("scores", scores[:, None])):
                broken = np.flatnonzero(~np.isfinite(rows).all(1))
                if broken.size:
                    of_first = f"{rows[broken[0]].tolist()} in detection {broken[0]}"
                    value = f"{of_first}, {broken.size} of {len(rows)} such detections"
                    raise self._non_finite(index, images[index], output, value)
            if not used.any():
                self._refuse_overflow(index, images[index])
            full_at = float(scores.min()) if 0 < self.info.max_detections <= len(scores) else None
            found.append(Detections(restore_boxes(boxes, factor), scores, raw.labels[index][used], full_at))
        return found

    def _non_finite(self, index: int, image: UInt8Array, output: str, value: str) -> NonFiniteError:
        """The error for an image; the stage is found once, as that runs the model again."""
        name_stage, self._name_stage = self._name_stage, None
        stage = name_stage(self._transform([image])) if name_stage is not None else None
        return NonFiniteError(
            f"the {output} of the model must be finite numbers",
            place=f"images[{index}]",
            value=f"{value}; first in the output of the stage {stage}" if stage else value,
            remedy=self._remedy,
        )

    def _refuse_overflow(self, index: int, image: UInt8Array) -> None:
        """Refuse an image without detections if the first such image showed that the model overflows."""
        with self._turn:  # others wait for what the first one finds
            check_stages, self._check_stages = self._check_stages, None
            if check_stages is not None:
                self._overflow = check_stages(self._transform([image]))
        if self._overflow is not None:
            raise NonFiniteError(
                "the outputs of all stages must be finite numbers",
                place=f"images[{index}]",
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
