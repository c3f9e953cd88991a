"""Atomic writes, checks of paths before the work, and the hash of a file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from gridrt.errors import GridRTError, OutputError

_PREFIX = ".gridrt."  # of temporary files
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # pathlib turns :// into :/


def is_url(name: str | Path) -> bool:
    """Whether this is a URL rather than a path."""
    return _URL.match(str(name)) is not None


def check_is_file(path: Path, error: type[GridRTError], remedy: str = "Check the path.") -> None:
    """Require that a path leads to a regular file.

    Args:
        path: of a file to read.
        error: the class of the error.
        remedy: of the error if the file is missing.

    Raises:
        GridRTError: of the class `error`, if the file is missing, or the path is a folder, a pipe, a device or a URL.
    """
    if is_url(path):
        url = str(path).replace(":/", "://", 1)  # pathlib removed one slash
        raise error("this must be a file, not a URL", place=url, remedy="Fetch it, and give the path of the file.")
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise error("the file is missing", place=path, remedy=remedy) from None
    except (OSError, ValueError) as reason:  # such as a name too long, or a NUL in it
        value = getattr(reason, "strerror", None) or reason
        raise error("cannot open the file", place=path, value=value, remedy=remedy) from reason
    if stat.S_ISDIR(mode):
        raise error("this must be a file", place=path, value="a folder", remedy="Name a file in it.")
    if not stat.S_ISREG(mode):  # files are read more than once
        remedy = "Copy its content to a file, and name that."
        raise error("this must be a regular file", place=path, value="a pipe or device", remedy=remedy)


def head_of(path: Path, size: int = 64) -> bytes:
    """The first bytes of a file, which identify its format; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def require_suffix(out: Path, suffix: str, what: str) -> None:
    """Require the suffix of an output, by which other commands find it; this also protects files of other kinds.

    Args:
        out: path of the output.
        suffix: such as ".onnx", in lower case.
        what: the kind of output, such as "an ONNX file".

    Raises:
        OutputError: `out` has another suffix.
    """
    if out.suffix.lower() != suffix:
        raise OutputError(f"{what} must end in {suffix}", place=out, remedy="Give `out` that suffix.")


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, which replaces `target` if the block succeeds and is removed if it fails.

    It has the suffix of `target`, by which some writers choose the format. If `target` is a link, the file behind it is
    replaced. Missing folders are made, and removed again if the block fails.

    Raises:
        OutputError: the folder cannot be made or written to, `target` is not a regular file, or the disk is full.
    """
    target = Path(target)
    try:
        file = _file_behind(target)
        with new_folders_removed(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(file.parent)
            handle, name = tempfile.mkstemp(prefix=_own_prefix(), suffix=target.suffix, dir=file.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                yield temporary
                _move_durably(temporary, file)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(target, error) from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for temporary files, removed after the block; of a killed run, by the next one."""
    remove_leftovers(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_own_prefix()) as folder:
        yield Path(folder)


def _own_prefix() -> str:
    """Of the temporary files of this process: it says whose they are."""
    return f"{_PREFIX}{process_ids()}-{os.getpid()}."


@cache
def process_ids() -> str:
    """Identifies the process ids that this process sees: those of one boot, and of one container in it."""
    texts = [os.uname().nodename]
    with suppress(OSError):  # only Linux has them
        texts += [Path("/proc/sys/kernel/random/boot_id").read_text(), str(Path("/proc/self/ns/pid").readlink())]
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]


@cache
def remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders that killed runs left in `folder`; once in a process.

    Those of other machines and containers, and of before the last boot, stay: whether their run goes on is not known.
    """
    own = re.compile(rf"{re.escape(_PREFIX + process_ids())}-(\d+)\.")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = own.match(entry.name)
            if found is None or is_running(int(found[1])):
                continue
            with suppress(OSError):  # of another user, or removed by another process
                shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)  # noqa: PTH108


def is_running(process: int) -> bool:
    """Whether a process of this boot and container runs, or that cannot be told."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no process id
        return True
    return True


def _file_behind(target: Path) -> Path:
    """`target` with links resolved; a folder, a device or a pipe of that name must not be replaced by a file."""
    if target.exists() and not target.is_file():
        raise OutputError(
            "the result cannot be written here",
            place=target,
            value="a folder, device or pipe",
            remedy="Choose another path; for stdout give -, if the option accepts it.",
        )
    return Path(os.path.realpath(target))


@contextmanager
def new_folders_removed(folder: Path) -> Iterator[None]:
    """If the block fails, remove `folder` and those of its parents that are missing now and empty then."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):  # not made, or no longer empty
                each.rmdir()
        raise


def _move_durably(temporary: Path, target: Path) -> None:
    """Give `temporary` the default permissions, flush it to disk, and replace `target` with it."""
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
        remedy="Choose another path, or make room.",
    )


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write `content` to `target`, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: str | Path, content: str) -> None:
    """Write `content` to `target` as UTF-8, atomically; bytes of file names that are not UTF-8 are escaped."""
    write_bytes(target, content.encode(errors="backslashreplace"))


def remove_output(target: str | Path) -> None:
    """Remove what an earlier run has written to `target`, if anything; of a link, the file behind it.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        _file_behind(Path(target)).unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(Path(target), error) from error


def make_folder(folder: str | Path) -> Path:
    """Make `folder` and its parents if they are missing.

    Raises:
        OutputError: it cannot be made, or a file has that name.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return folder


@contextmanager
def folder_for(folder: Path) -> Iterator[None]:
    """Make `folder` as `make_folder` does, and remove it again if the block fails and leaves it empty.

    Raises:
        OutputError: as `make_folder`.
    """
    with new_folders_removed(folder):
        make_folder(folder)
        yield


def check_writable(target: str | Path) -> None:
    """Require that `atomic_path` can write to `target`; to be called before the work whose result goes there.

    What killed runs left in its folder is removed.

    Raises:
        OutputError: `target` is not a regular file, or its folder cannot be made or written to.
    """
    target = Path(target)
    try:
        folders = _file_behind(target).parents
        nearest = next(folder for folder in folders if folder.exists())
        remove_leftovers(nearest)
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise _cannot_write(target, error) from error


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse, before the work, files that could not be written after it, or that would overwrite another file of it.

    Two paths lead to the same file where they resolve to the same path, through links and other spellings, or where
    they are hard links to each other.

    Args:
        outputs: all files that the work writes; None stands for one that was not asked for.
        inputs: all files that it reads.

    Raises:
        OutputError: an output is an input or another output, or cannot be written.
    """
    taken = {_identity(path): f"the input {path}" for path in inputs if path is not None}
    for output in filter(None, outputs):
        if (file := _identity(output)) in taken:
            raise OutputError(
                "this would overwrite an input, or another result: the paths must differ",
                place=output,
                value=taken[file],
                remedy="Choose another path.",
            )
        taken[file] = f"the result {output}"
        check_writable(output)


def _identity(path: Path) -> object:
    """Equal for paths to the same file: device and inode, or where there is no file yet, the path without links."""
    for each in (path, os.path.realpath(path)):  # which also resolves "new/../file", where there is no folder "new"
        with suppress(OSError):
            status = os.stat(each)  # noqa: PTH116 - of a text too
            return status.st_dev, status.st_ino
    return os.path.realpath(path)


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
