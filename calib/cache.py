"""What a calibration observed, in a file: an interrupted one continues, and other range methods run no image again."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gridrt.calib.observers import BINS, Observer
from gridrt.errors import GridRTError
from gridrt.files import atomic_path


class Key(NamedTuple):
    """What must be equal for a cache to be used.

    Attributes:
        graph_sha256: of the ONNX file.
        scale: most pixels on the long and on the short side of a resized image.
        names: of the observed activations.
    """

    graph_sha256: str
    scale: tuple[int, int]
    names: tuple[str, ...]

    def text(self) -> str:
        """The form in the file."""
        return json.dumps([*self, BINS])


@dataclass
class CalibrationCache:
    """The state of a calibration between two images.

    Attributes:
        key: what was calibrated.
        observers: by the names of the activations.
        seen: SHA-256 of the images that the observers have seen.
        detections: how many objects were found in those images.
    """

    key: Key
    observers: dict[str, Observer]
    seen: list[str] = field(default_factory=list)
    detections: int = 0


def read_cache(path: Path, key: Key, images: Collection[str]) -> CalibrationCache:
    """The state in a file, if it is for `key` and saw no image that is not in `images`; else an empty one.

    Args:
        path: the file, which need not exist; a warning says that it is for something else.
        key: what is calibrated.
        images: SHA-256 of the images to calibrate with.

    Raises:
        GridRTError: the file is not a cache.
    """
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as arrays:
                content = dict(arrays)
            if str(content["key"]) == key.text() and set(content["seen"].tolist()) <= set(images):
                return _restored(key, content)
        except Exception as error:  # damaged files make zipfile and numpy raise anything, zlib's errors among it
            raise GridRTError(
                "this is not a calibration cache, or it is damaged",
                place=path,
                value=error,
                remedy="Remove it, or name another one.",
            ) from error
        warnings.warn(f"{path} is for another graph, scale or set of images: calibration starts anew", stacklevel=2)
    return CalibrationCache(key, {name: Observer(name) for name in key.names})


def write_cache(path: Path, state: CalibrationCache) -> None:
    """Write the state, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    observers = [state.observers[name] for name in state.key.names]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            key=np.array(state.key.text()),
            seen=np.array(state.seen, "U64"),
            detections=np.array(state.detections),
            extent=np.array([(one.low, one.high, one.limit) for one in observers], np.float64).reshape(-1, 3),
            counts=np.array([one.counts for one in observers], np.int64).reshape(-1, BINS),
        )


def _restored(key: Key, content: dict[str, Any]) -> CalibrationCache:
    observers = {name: Observer(name) for name in key.names}
    for observer, (low, high, limit), counts in zip(
        observers.values(), content["extent"], content["counts"], strict=True
    ):
        observer.low, observer.high, observer.limit = float(low), float(high), float(limit)
        observer.counts = counts
    return CalibrationCache(key, observers, content["seen"].tolist(), int(content["detections"]))
