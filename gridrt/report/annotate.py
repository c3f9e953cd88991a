"""From picture and video files to the same with detections drawn on them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridrt.data.image import load_image, save_image
from gridrt.data.sources import is_video
from gridrt.data.video import Video, video_writer
from gridrt.detector import Detector
from gridrt.errors import ImageError
from gridrt.report.draw import draw
from gridrt.report.records import Record
from gridrt.types import UInt8Array

JPEG_OR_PNG = (".jpg", ".jpeg", ".png")


def plan_targets(sources: Sequence[Path], folder: Path) -> list[Path]:
    """Where each drawn copy goes: in `folder`, under its own name.

    JPEG and PNG keep their format; `.png` is appended for other pictures and `.mp4` for other videos. Where two of
    one name come from different folders, all keep their folders below the nearest common one.
    """
    targets = [folder / _drawn_name(source) for source in sources]
    if len(set(targets)) < len(targets):
        folders = [source.parent.resolve() for source in sources]
        below = [os.path.relpath(each, os.path.commonpath(folders)) for each in folders]
        targets = [folder / each / _drawn_name(source) for each, source in zip(below, sources, strict=True)]
    return targets


def annotate(detector: Detector, source: Path, target: Path, score_threshold: float) -> Iterator[Record]:
    """Detect in a picture or video, write the drawn copy, and yield what was found, frame by frame.

    Args:
        detector: runs one image at a time.
        source: a picture or a video, told apart by its suffix.
        target: its folder is made where it is missing. It is written when the last record was taken.
        score_threshold: detections below it are neither drawn nor yielded.

    Raises:
        ImageError: `source` cannot be read, or is a video that was cut short; what there is of it is drawn even so.
        OutputError: `target` cannot be written.
    """
    if is_video(source):
        yield from _annotate_video(detector, source, target, score_threshold)
    else:
        image = load_image(source)
        record, drawn = _detect(detector, image, source, None, score_threshold)
        save_image(target, drawn)
        yield record


def frame_count(source: Path) -> int:
    """Frames of a video as its header says, 1 for a picture; for a progress bar, so never an error."""
    if not is_video(source):
        return 1
    try:
        return max(Video(source).frame_count, 1)
    except ImageError:
        return 1


def _annotate_video(detector: Detector, source: Path, target: Path, score_threshold: float) -> Iterator[Record]:
    video = Video(source)
    with video_writer(target, video.fps) as append:
        for index, image in enumerate(video):
            record, drawn = _detect(detector, image, source, index, score_threshold)
            append(drawn)
            yield record
    video.check_whole()


def _detect(
    detector: Detector, image: UInt8Array, source: Path, frame: int | None, score_threshold: float
) -> tuple[Record, UInt8Array]:
    found = detector([image])[0].above(score_threshold)
    height, width = image.shape[:2]
    return Record(source, frame, width, height, found), draw(image, found, detector.class_names)


def _drawn_name(source: Path) -> str:
    if is_video(source):
        return source.name if source.suffix.lower() == ".mp4" else f"{source.name}.mp4"
    return source.name if source.suffix.lower() in JPEG_OR_PNG else f"{source.name}.png"
