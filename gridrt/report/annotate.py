"""Annotated copies of images and videos: where they go, and what writes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gridrt.data.image import save_image
from gridrt.data.sources import is_video
from gridrt.data.video import Video, video_writer
from gridrt.errors import ImageError
from gridrt.pipeline import Workers
from gridrt.printable import escaped_name
from gridrt.report.draw import draw
from gridrt.types import Detections, UInt8Array

Result = TypeVar("Result")

JPEG_OR_PNG = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class DetectionFilter:
    """Which detections are drawn and listed.

    Attributes:
        score_threshold: the lowest score.
        labels: of the classes; None takes all.
    """

    score_threshold: float = 0.0
    labels: Sequence[int] | None = None

    def __call__(self, found: Detections) -> Detections:
        """Those of them that count."""
        scored = found.above(self.score_threshold)
        return scored if self.labels is None else scored.of_labels(self.labels)


def plan_targets(sources: Sequence[Path], folder: Path) -> list[Path]:
    """The path of each annotated copy: in `folder`, with the name of its source, control characters escaped.

    JPEG and PNG keep their format; `.png` is appended to other images and `.mp4` to other videos. If two sources in
    different folders have the same name, all keep their folders below the nearest common one.
    """
    targets = [folder / _copy_name(source) for source in sources]
    if len(set(targets)) < len(targets):
        folders = [source.parent.resolve() for source in sources]
        below = [os.path.relpath(each, os.path.commonpath(folders)) for each in folders]
        targets = [folder / each / _copy_name(source) for each, source in zip(below, sources, strict=True)]
    return targets


def save_annotated(target: Path, pixels: UInt8Array, found: Detections, class_names: Sequence[str]) -> None:
    """Write the copy of an image; its folder is made if it is missing.

    Raises:
        OutputError: it cannot be written.
    """
    save_image(target, draw(pixels, found, class_names))


class AnnotatedVideos:
    """Writes the annotated copies of videos, one after the other, in a thread of its own that takes frames in order.

    The frames are drawn side by side in other threads. As a context manager it waits for what has begun, and leaves no
    copy of a video that has not been ended.

    Args:
        workers: draw.
        class_names: in the order of the labels.
    """

    def __init__(self, workers: Workers, class_names: Sequence[str]) -> None:
        self._workers, self._class_names = workers, class_names
        self._encoder = ThreadPoolExecutor(1, "gridrt-video")
        self._video = ExitStack()
        self._append: Callable[[UInt8Array], None] | None = None

    def __enter__(self) -> AnnotatedVideos:  # noqa: PYI034 - typing.Self is of Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._encoder.shutdown(wait=True, cancel_futures=True)
        with suppress(GeneratorExit), self._video:
            raise GeneratorExit  # nothing happens where the video has been ended

    def append(self, target: Path, fps: float, pixels: UInt8Array, found: Detections | None) -> Future[None]:
        """Append a frame to the copy of a video, which its first frame begins; without detections, as it is.

        The future raises OutputError if a video of this size and rate cannot be written.
        """
        drawn = None if found is None else self._workers.submit(draw, pixels, found, self._class_names)
        return self._encoder.submit(lambda: self._encode(target, fps, pixels if drawn is None else drawn.result()))

    def end(self, then: Callable[[], Result]) -> Future[Result]:
        """Put the copy of the video in place, if it has a frame; then call a function for the result."""

        def end() -> Result:
            self._append = None
            self._video.close()
            return then()

        return self._encoder.submit(end)

    def _encode(self, target: Path, fps: float, frame: UInt8Array) -> None:
        if self._append is None:
            self._append = self._video.enter_context(video_writer(target, fps))
        self._append(frame)


def frame_count(source: Path) -> int:
    """The number of frames in a video's header, 1 for an image. For a progress bar: it raises no error."""
    if not is_video(source):
        return 1
    try:
        return max(Video(source).frame_count, 1)
    except ImageError:
        return 1


def _copy_name(source: Path) -> str:
    name = escaped_name(source.name)
    if is_video(source):
        return name if source.suffix.lower() == ".mp4" else f"{name}.mp4"
    return name if source.suffix.lower() in JPEG_OR_PNG else f"{name}.png"
