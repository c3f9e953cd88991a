"""Detections as JSON: one entry per image or video frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
        seconds: from the start of the video to the frame, by the file's time stamps; None for an image.
    """

    file: Path
    frame: int | None
    width: int
    height: int
    detections: Detections
    is_full: bool = False
    seconds: float | None = None

    @property
    def place(self) -> str:
        """The file, and of a video the frame."""
        return str(self.file) if self.frame is None else f"{self.file}, frame {self.frame}"


def entry_of(record: Record, class_names: Sequence[str]) -> dict[str, Any]:
    """A record, ready for JSON. Numbers are the shortest decimals that read back as the same float32."""
    frame = {} if record.frame is None else {"frame": record.frame}
    seconds = {} if record.seconds is None else {"seconds": round(record.seconds, 6)}
    return {
        "file": str(record.file),
        **frame,
        **seconds,
        "width": record.width,
        "height": record.height,
        "detections": record.detections.to_dicts(class_names),
    }


def record_in(entry: Mapping[str, Any]) -> Record:
    """The record of an entry of `entry_of`, with `is_full` where it has that."""
    found = entry["detections"]
    detections = Detections(
        np.array([one["box"] for one in found], np.float32).reshape(-1, 4),
        np.array([one["score"] for one in found], np.float32),
        np.array([one["label"] for one in found], np.int32),
    )
    file, frame = Path(entry["file"]), entry.get("frame")
    is_full, seconds = entry.get("is_full", False), entry.get("seconds")
    return Record(file, frame, entry["width"], entry["height"], detections, is_full, seconds)
