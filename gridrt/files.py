"""Files that are whole or absent: atomic writes, and the hash that names an artefact's parent."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridrt.errors import GridRTError, OutputError

_PREFIX = ".gridrt."  # of temporary files
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # as a path, it keeps one slash of two


def is_url(name: str | Path) -> bool:
    """Whether this is the address of something on a network, rather than a path."""
    return _URL.match(str(name)) is not None


def check_is_file(path: Path, error: type[GridRTError], remedy: str = "Check the path.") -> None:
    """Refuse a path that leads to no file, always in the same words.

    Args:
        path: of a file to read.
        error: what to raise.
        remedy: what to do where there is nothing.

    Raises:
        GridRTError: `error`: there is nothing, a folder, or a URL.
    """
    if is_url(path):
        url = str(path).replace(":/", "://", 1)  # of which the path kept one slash
        raise error("this must be a file, not a URL", place=url, remedy="Fetch it, and give the path of the file.")
    if path.is_dir():
        raise error("this must be a file", place=path, value="a folder", remedy="Name a file in it.")
    if not path.exists():
        raise error("there is no such file", place=path, remedy=remedy)


def head_of(path: Path, size: int = 64) -> bytes:
    """The first bytes of a file, by which its kind is told; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def require_suffix(out: Path, suffix: str, what: str) -> None:
    """Refuse a name for a result that would not be found again by its suffix; this also keeps other files from harm.

    Args:
        out: to be written.
        suffix: such as ".onnx", in lower case.
        what: that is written, such as "an ONNX file".

    Raises:
        OutputError: `out` ends in something else.
    """
    if out.suffix.lower() != suffix:
        raise OutputError(f"{what} must end in {suffix}", place=out, remedy="Give --out that suffix.")


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; it becomes `target` if the block ends well, else it is removed.

    It has the suffix of `target`, by which some writers choose the format. Where `target` is a link, the file behind
    it is written. Missing folders are made, and removed again if the block fails.

    Raises:
        OutputError: the folder cannot be made or written to, something other than a file has this name, or the disk is
            full.
    """
    target = Path(target)
    try:
        file = _file_behind(target)
        with _folder_of(file), _temporary_in(file.parent, target.suffix) as temporary:
            yield temporary
            _settle(temporary, file)
    except OSError as error:
        raise _cannot_write(target, error) from error


def _file_behind(target: Path) -> Path:
    """`target` with its links followed, if a file is there or can be: a device or a pipe must not become one."""
    if target.exists() and not target.is_file():
        raise OutputError(
            "the result cannot be written here",
            place=target,
            value="a folder, device or pipe",
            remedy="Choose another place; where a command takes -, that is stdout.",
        )
    return Path(os.path.realpath(target))


@contextmanager
def _folder_of(file: Path) -> Iterator[None]:
    """Make the folder of `file` and its parents where they are missing; remove those again if the block fails."""
    with _new_folders_removed(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        yield


@contextmanager
def _new_folders_removed(folder: Path) -> Iterator[None]:
    """If the block fails, remove `folder` and its parents as far as they are missing now and empty then."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):  # something lies in it by now
                each.rmdir()
        raise


@contextmanager
def _temporary_in(folder: Path, suffix: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=suffix, dir=folder)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
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
    """Write `content` to `target` as UTF-8, atomically; what of a file name is no text is escaped."""
    write_bytes(target, content.encode(errors="backslashreplace"))


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


@contextmanager
def folder_for(folder: Path) -> Iterator[None]:
    """Make `folder` as `make_folder` does; if the block fails and has put nothing there, it is removed again.

    Raises:
        OutputError: likewise.
    """
    with _new_folders_removed(folder):
        make_folder(folder)
        yield


def remove_temporaries(folder: Path, suffixes: Iterable[str]) -> None:
    """Remove what killed writes left in `folder`: temporary files of these suffixes. No write may be under way there.

    Raises:
        OutputError: the folder cannot be written to.
    """
    try:
        for suffix in suffixes:
            for temporary in folder.glob(f"{_PREFIX}????????{suffix}"):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def check_writable(target: str | Path) -> None:
    """Refuse a place that `atomic_path` could not write to, before the work whose result shall go there.

    Raises:
        OutputError: something other than a file has this name, or its folder cannot be made or written to.
    """
    target = Path(target)
    try:
        folders = _file_behind(target).parents
        nearest = next(folder for folder in folders if folder.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise _cannot_write(target, error) from error


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse results that would take the place of an input, or of another result.

    Raises:
        OutputError: two of these paths lead to one file.
    """
    taken = set(map(os.path.realpath, inputs))
    for output in outputs:
        if os.path.realpath(output) in taken:
            raise OutputError(
                "this would overwrite an input, or another result", place=output, remedy="Choose another place."
            )
        taken.add(os.path.realpath(output))


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
