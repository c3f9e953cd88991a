"""Detections as JSON: one entry per image or video frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.types import Detections


@dataclass(frozen=True)
class Record:
    """The detections in one image, or in one frame of a video.

    Attributes:
        file: path of the image or video.
        frame: index within the video, from 0; None for an image.
        width: pixels.
        height: pixels.
        detections: boxes in those pixels.
        is_full: the model returned as many detections as it can, all of the asked score, in the image or in a tile of
            it: more objects may be there.
    """

    file: Path
    frame: int | None
    width: int
    height: int
    detections: Detections
    is_full: bool = False


def to_json(records: Iterable[Record], class_names: Sequence[str]) -> str:
    """A JSON list with one line per record.

    Numbers are the shortest decimals that read back as the same float32.
    """
    entries = [
        {
            "file": str(record.file),
            **({} if record.frame is None else {"frame": record.frame}),
            "width": record.width,
            "height": record.height,
            "detections": record.detections.to_dicts(class_names),
        }
        for record in records
    ]
    return "[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n"
