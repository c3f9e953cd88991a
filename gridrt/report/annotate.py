"""Detection in image and video files, with annotated copies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.data.image import save_image
from gridrt.data.sources import is_video
from gridrt.data.video import Video, video_writer
from gridrt.detector import Detector
from gridrt.errors import ImageError, NonFiniteError
from gridrt.printable import escaped
from gridrt.report.draw import draw
from gridrt.report.records import Record
from gridrt.types import UInt8Array
from gridrt.work import working_on

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


def annotate(detector: Detector, source: Path, target: Path, kept: DetectionFilter) -> Iterator[Record]:
    """Detect objects in an image or video, write the annotated copy, and yield a record per image or frame.

    Args:
        detector: runs one image at a time.
        source: an image or a video, by its suffix.
        target: written after the last record was taken; its folder is made if it is missing.
        kept: which detections count; others are neither drawn nor yielded.

    Raises:
        ImageError: `source` cannot be read, or is a video that is cut short; its frames so far are annotated even so.
        NonFiniteError: the model's output for the image, or for frames of the video, is not finite. The other frames
            are annotated even so; such frames are copied as they are and have no record.
        OutputError: `target` cannot be written.
    """
    if is_video(source):
        yield from _annotate_video(detector, source, target, kept)
    else:
        image = detector.load_image(source)
        try:
            record, drawn = _detect(detector, image, source, None, kept)
        except NonFiniteError as error:
            raise error.at(source) from error
        save_image(target, drawn)
        yield record


def frame_count(source: Path) -> int:
    """The number of frames in a video's header, 1 for an image. For a progress bar: it raises no error."""
    if not is_video(source):
        return 1
    try:
        return max(Video(source).frame_count, 1)
    except ImageError:
        return 1


def _annotate_video(detector: Detector, source: Path, target: Path, kept: DetectionFilter) -> Iterator[Record]:
    video = Video(source)
    failures: list[NonFiniteError] = []
    with video_writer(target, video.fps) as append:
        for index, image in enumerate(video):
            working_on(f"{source}, frame {index}")
            try:
                record, drawn = _detect(detector, image, source, index, kept)
            except NonFiniteError as error:
                failures.append(error.at(f"{source}, frame {index}"))
                append(image)
                continue
            append(drawn)
            yield record
    video.check_whole()
    if failures:
        raise failures[0]


def _detect(
    detector: Detector, image: UInt8Array, source: Path, frame: int | None, kept: DetectionFilter
) -> tuple[Record, UInt8Array]:
    found = detector([image])[0].above(kept.score_threshold)
    is_full = found.is_full(kept.score_threshold)
    found = found if kept.labels is None else found.of_labels(kept.labels)
    height, width = image.shape[:2]
    return Record(source, frame, width, height, found, is_full), draw(image, found, detector.class_names)


def _copy_name(source: Path) -> str:
    name = escaped(source.name)
    if is_video(source):
        return name if source.suffix.lower() == ".mp4" else f"{name}.mp4"
    return name if source.suffix.lower() in JPEG_OR_PNG else f"{name}.png"
