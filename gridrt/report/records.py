"""Detections as JSON: one entry per picture or video frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridrt.types import Detections


@dataclass(frozen=True)
class Record:
    """What was found in one picture, or in one frame of a video.

    Attributes:
        file: where the picture or video was read.
        frame: index within the video, from 0; None for a picture.
        width: pixels.
        height: pixels.
        detections: boxes in those pixels.
    """

    file: Path
    frame: int | None
    width: int
    height: int
    detections: Detections


def to_json(records: Iterable[Record], class_names: Sequence[str]) -> str:
    """A JSON list with one line per record.

    Numbers are the shortest decimals that read back as the same float32.
    """
    lines = [json.dumps(_entry(record, class_names)) for record in records]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _entry(record: Record, class_names: Sequence[str]) -> dict[str, object]:
    found = record.detections
    return {
        "file": str(record.file),
        **({} if record.frame is None else {"frame": record.frame}),
        "width": record.width,
        "height": record.height,
        "detections": [
            {
                "box": [_shortest(coordinate) for coordinate in box],
                "score": _shortest(score),
                "label": int(label),
                "name": class_names[label],
            }
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True)
        ],
    }


def _shortest(number: np.float32) -> float:
    return float(str(number))
