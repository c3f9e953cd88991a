"""Named weights: those that ship with GridRT, and the published ones, which are downloaded once into a cache.

The names of published files have 8 digits of their SHA-256. These guard against damage alone: another file with the
same 8 digits can be made within minutes. So the whole SHA-256 is recorded beside a file when it is first used, and from
then on no other file is taken.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gridrt.config import DEFAULT_SCALE
from gridrt.errors import CheckpointError, OutputError
from gridrt.files import atomic_path, make_folder, sha256_of, write_text

BASE_URL = "https://download.openmmlab.com/mmdetection/v2.0/grid_rcnn"
CACHE_VARIABLE = "GRIDRT_CACHE"
_TIMEOUT_SECONDS = 30
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class PublishedWeights:
    """A file of mmdetection's model zoo.

    Attributes:
        file: its name: the config, the date and the first 8 hexadecimal digits of its SHA-256.
        box_ap: AP on COCO val2017 as published, in points of 100.
    """

    file: str
    box_ap: float

    @property
    def url(self) -> str:
        """Where it is published: a folder per config, named as the file is without date and hash."""
        folder = re.sub(r"_\d{8}-[0-9a-f]{8}\.pth$", "", self.file)
        return f"{BASE_URL}/{folder}/{self.file}"

    @property
    def sha256_prefix(self) -> str:
        """The first 8 hexadecimal digits of its SHA-256: a guard against damage, not against another file."""
        return Path(self.file).stem.rpartition("-")[2]


PUBLISHED: Mapping[str, PublishedWeights] = {
    "r50": PublishedWeights("grid_rcnn_r50_fpn_gn-head_2x_coco_20200130-6cca8223.pth", 40.4),
    "r101": PublishedWeights("grid_rcnn_r101_fpn_gn-head_2x_coco_20200309-d6eca030.pth", 41.5),
    "x101_32x4d": PublishedWeights("grid_rcnn_x101_32x4d_fpn_gn-head_2x_coco_20200130-d8f0e3ff.pth", 42.9),
    "x101_64x4d": PublishedWeights("grid_rcnn_x101_64x4d_fpn_gn-head_2x_coco_20200204-ec76a754.pth", 43.0),
}

SHIPPED: Mapping[str, Path] = {
    name: Path(__file__).parents[1] / "weights" / f"{name}.pth" for name in ("tiny_bccd", "tiny_synthetic")
}
"""Trained by GridRT. The card beside each file states its data, its training and its accuracy."""

NAMES = (*PUBLISHED, *SHIPPED)
"""Accepted wherever a checkpoint file is."""

PATH_OR_NAME = f"Check the path, or give one of the names {', '.join(NAMES)}."
"""The remedy where a path is neither a file nor one of `NAMES`."""


def locate(path_or_name: str | Path) -> Path:
    """The file of a model: one of `NAMES` is resolved, anything else is a path (`./r50` too)."""
    is_published = isinstance(path_or_name, str) and path_or_name in PUBLISHED
    return resolve(str(path_or_name)) if is_published else place_of(path_or_name)


def place_of(path_or_name: str | Path) -> Path:
    """As `locate`, but published weights are not downloaded: the file need not be there."""
    if isinstance(path_or_name, str) and path_or_name in SHIPPED:
        return SHIPPED[path_or_name]
    if isinstance(path_or_name, str) and path_or_name in PUBLISHED:
        return cache_folder() / PUBLISHED[path_or_name].file
    return Path(path_or_name)


def published_scale(path: Path) -> tuple[int, int] | None:
    """The training scale of a published file, which is recognised by its name; None for other files."""
    return DEFAULT_SCALE if path.name in {published.file for published in PUBLISHED.values()} else None


def resolve(name: str) -> Path:
    """The cached file of the published weights `name`, downloaded if it is not there yet.

    Its SHA-256 is recorded beside it at the first use, in the form that `sha256sum --check` reads.

    Raises:
        CheckpointError: `name` is unknown, the download failed, the file is not the published one, or it is not the one
            that was first used.
        OutputError: the cache cannot be written.
    """
    if name not in PUBLISHED:
        raise CheckpointError(
            "this is not the name of published weights", value=name, remedy=f"Choose one of {', '.join(PUBLISHED)}."
        )
    published = PUBLISHED[name]
    cached = cache_folder() / published.file
    if not cached.exists():
        make_folder(cached.parent)
        _download(published, cached)
        return cached
    remedy = f"Delete it and run again, or download {published.url} elsewhere and put it there."
    digest = sha256_of(cached)
    if not digest.startswith(published.sha256_prefix):
        raise CheckpointError(
            f"the SHA-256 of this file must begin with {published.sha256_prefix}",
            place=cached,
            value=digest[:8],
            remedy=remedy,
        )
    _compare_with_record(cached, digest, remedy)
    return cached


def record_of(cached: Path) -> Path:
    """Where the SHA-256 of a cached file is recorded."""
    return cached.with_name(f"{cached.name}.sha256")


def _compare_with_record(cached: Path, digest: str, remedy: str) -> None:
    """Refuse a file that is not the one that was first used; record one that is used first."""
    record = record_of(cached)
    if not record.exists():
        with suppress(OutputError):  # nobody replaces the files of a cache that cannot be written to
            write_text(record, f"{digest}  {cached.name}\n")
        return
    recorded = record.read_text(errors="replace")
    if recorded.split()[:1] != [digest]:
        raise CheckpointError(
            f"the SHA-256 of this file must be the one in {record.name}, recorded when it was first used",
            place=cached,
            value=f"{digest}, recorded {recorded.strip()[:64] or 'nothing'}",
            remedy=f"{remedy} Delete {record.name} too if you trust the new file.",
        )


def cache_folder() -> Path:
    """The folder of downloaded weights: $GRIDRT_CACHE, else $XDG_CACHE_HOME/gridrt, else ~/.cache/gridrt."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "gridrt"
    return Path.home() / ".cache" / "gridrt"


def _download(published: PublishedWeights, target: Path) -> None:
    digest = hashlib.sha256()
    with atomic_path(target) as part:
        with part.open("wb") as file:
            for block in _download_blocks(published, target):
                digest.update(block)
                file.write(block)
        if not digest.hexdigest().startswith(published.sha256_prefix):
            found = f"a file whose SHA-256 begins with {digest.hexdigest()[:8]} instead of {published.sha256_prefix}"
            raise _cannot_download(published, target, found)
        _compare_with_record(target, digest.hexdigest(), "Ask the publisher why the file has changed.")


def _download_blocks(published: PublishedWeights, target: Path) -> Iterator[bytes]:
    """The bytes behind the URL, under a progress bar. Every network failure becomes the same error."""
    from http.client import HTTPException
    from urllib.request import urlopen

    from tqdm import tqdm

    try:
        with urlopen(published.url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - our own URLs
            expected, received = response.length, 0
            with tqdm(total=expected, desc=published.file, unit="B", unit_scale=True, disable=None) as bar:
                while block := response.read(_BLOCK_BYTES):
                    received += len(block)
                    bar.update(len(block))
                    yield block
        if expected is not None and received != expected:
            raise ConnectionError(f"the connection broke after {received} of {expected} bytes")
    except (OSError, HTTPException) as error:
        raise _cannot_download(published, target, getattr(error, "reason", None) or error) from error


def _cannot_download(published: PublishedWeights, target: Path, found: object) -> CheckpointError:
    return CheckpointError(
        "cannot download the published weights",
        place=published.url,
        value=found,
        remedy=f"Download this address on a machine with a network, and put the file at {target}.",
    )
