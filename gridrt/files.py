"""Files that are whole or absent: atomic writes, and the hash that names an artefact's parent."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridrt.errors import OutputError


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; it becomes `target` if the block ends well, else it is removed.

    It has the suffix of `target`, by which some writers choose the format.

    Raises:
        OutputError: the folder is missing, not writable, or the disk is full.
    """
    target = Path(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.part.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise _cannot_write(target, error) from error
    temporary = Path(name)
    try:
        yield temporary
        _settle(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _settle(temporary: Path, target: Path) -> None:
    """Give `temporary` the usual permissions, force it to disk, and put it in the place of `target`."""
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o666 & ~mask)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(target)


def _cannot_write(target: Path, error: OSError) -> OutputError:
    return OutputError(
        "the result cannot be written here",
        place=target,
        value=error.strerror or str(error),
        remedy="Choose another place, or make room.",
    )


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write `content` to `target`, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: str | Path, content: str) -> None:
    """Write `content` to `target` as UTF-8, atomically."""
    write_bytes(target, content.encode())


def make_folder(folder: str | Path) -> Path:
    """Make `folder` and its parents where they are missing.

    Raises:
        OutputError: it cannot be made, or a file of that name is in the way.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


def check_writable(target: str | Path) -> None:
    """Refuse a place that cannot be written to, before the work whose result shall go there.

    Makes the folder of `target` where it is missing.

    Raises:
        OutputError: a folder of that name is in the way, or its folder cannot be made or written to.
    """
    target = Path(target)
    make_folder(target.parent)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise _cannot_write(target, error) from error


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
