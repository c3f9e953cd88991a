"""What a calibration observed, in a file: an interrupted one continues, and other range methods run no image again."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridrt.calib.observers import BINS, Observer
from gridrt.errors import GridRTError
from gridrt.files import atomic_path

_NPY: Any = np.lib.format  # without types before NumPy 2.3

MOST_BYTES = 1 << 30
"""Of an array; counts of all activations of the largest detector take 20 MB."""


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
            with zipfile.ZipFile(path) as archive:
                if str(_member(archive, "key", (), "U")) == key.text():
                    state = _restored(key, archive)
                    if set(state.seen) <= set(images):
                        return state
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
    arrays: dict[str, Any] = {
        "key": np.array(state.key.text()),
        "seen": np.array(state.seen, "U64"),
        "detections": np.array(state.detections),
        "extent": np.array([(one.low, one.high, one.limit) for one in observers], np.float64).reshape(-1, 3),
        "counts": np.array([one.counts for one in observers], np.int64).reshape(-1, BINS),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, digest=np.array(_digest(arrays)), **arrays)


def _restored(key: Key, archive: zipfile.ZipFile) -> CalibrationCache:
    """The state in a file for `key`; raises ValueError where it is not one that `write_cache` wrote."""
    arrays = {
        "key": np.array(key.text()),
        "seen": _member(archive, "seen", (-1,), "U"),
        "detections": _member(archive, "detections", (), "i"),
        "extent": _member(archive, "extent", (len(key.names), 3), "f"),
        "counts": _member(archive, "counts", (len(key.names), BINS), "i"),
    }
    if str(_member(archive, "digest", (), "U")) != _digest(arrays):
        raise ValueError("its digest differs from its content")
    observers = {name: Observer(name) for name in key.names}
    for observer, extent, counts in zip(observers.values(), arrays["extent"], arrays["counts"], strict=True):
        observer.low, observer.high, observer.limit = map(float, extent)
        observer.counts = counts
        observer.check()
    return CalibrationCache(key, observers, arrays["seen"].tolist(), int(arrays["detections"]))


def _member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], kind: str) -> npt.NDArray[Any]:
    """An array, read only where its header states the shape (-1 for any length), the kind of number and a sane size."""
    with archive.open(f"{name}.npy") as member:
        version = _NPY.read_magic(member)
        if version != (1, 0):
            raise ValueError(f"{name} has version {version}")
        found, _, dtype = _NPY.read_array_header_1_0(member)
    fits = len(found) == len(shape) and all(wanted in (-1, size) for wanted, size in zip(shape, found, strict=True))
    if not fits or dtype.kind != kind or math.prod(found) * dtype.itemsize > MOST_BYTES:
        raise ValueError(f"{name} has the shape {found} of {dtype}")
    with archive.open(f"{name}.npy") as member:
        array: npt.NDArray[Any] = _NPY.read_array(member, allow_pickle=False)
        return array


def _digest(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Of all arrays: one that was changed would give other ranges, and nothing else would show it."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.tolist()}".encode() if array.dtype.kind == "U" else array.tobytes())
    return digest.hexdigest()
