"""Locks that end with their process, however it ends: the kernel releases them."""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from gridrt.errors import GridRTError, OutputError
from gridrt.files import is_running, process_ids

_held: WeakSet[IO[Any]] = WeakSet()


def try_lock(file: IO[Any]) -> bool | None:
    """Lock an open file until it is closed or the process ends.

    Returns:
        False where another one has locked it; None where the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    _held.add(file)
    return True


def _let_go() -> None:
    """In a forked child, which may outlive its parent: a lock is held until all that have inherited it let it go.

    The files lead nowhere then. Closed ones would write what the parent has not flushed yet.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in _held:
        if not file.closed:
            os.dup2(nowhere, file.fileno(), inheritable=False)
    os.close(nowhere)


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def lock(path: Path, work: str) -> Iterator[None]:
    """Hold a lock file during the block, and remove it after it. It says which process has it.

    A warning tells of a lock that a killed process has left.

    Args:
        path: of the lock file.
        work: what one process does at a time, as a noun.

    Raises:
        GridRTError: another process has the lock, or may have it; or this is not a lock file.
        OutputError: it cannot be written.
    """
    file, is_locked = _opened(path)
    with file:
        owner = _owner_in(file.read(), path)
        if is_locked is False or (is_locked is None and owner is not None and owner.may_run):
            raise GridRTError(
                f"another {work} must end before one can write here",
                place=path.parent,
                value=owner or "a process that has just begun",
                remedy="Choose another folder." if is_locked is False else f"If it has ended, remove {path}.",
            )
        if owner is not None:
            warnings.warn(f"{path}: the {work} of {owner} was killed, its lock is stale and taken over", stacklevel=4)
        file.truncate(0)
        file.write(json.dumps(asdict(_Owner(os.getpid(), os.uname().nodename, process_ids()))) + "\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Owner:
    """The process that wrote a lock file.

    Attributes:
        process: its id.
        host: name of its machine.
        ids: of the boot and the container that the id belongs to.
    """

    process: int
    host: str
    ids: str

    @property
    def may_run(self) -> bool:
        """Whether it runs; of a process of another machine, boot or container, nobody here knows."""
        return self.ids != process_ids() or is_running(self.process)

    def __str__(self) -> str:
        where = "" if self.ids == process_ids() else ", of another machine, boot or container"
        return f"process {self.process} on {self.host}{where}"


def _owner_in(content: str, path: Path) -> _Owner | None:
    """None for a lock file that is empty, as it is for a moment after it was made."""
    if not content:
        return None
    try:
        found = json.loads(content)
        return _Owner(int(found["process"]), str(found["host"]), str(found["ids"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        remedy = "Remove it, or choose another folder."
        raise GridRTError("is not a lock file of GridRT", place=path, remedy=remedy) from None


def _opened(path: Path) -> tuple[IO[str], bool | None]:
    """The lock file, and what `try_lock` says of it."""
    while True:
        try:
            file = path.open("a+", encoding="utf-8", errors="replace")
            is_locked = try_lock(file)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.seek(0)
                return file, is_locked
        except OSError as error:
            raise OutputError("cannot use the lock file", place=path, value=error.strerror) from error
        file.close()  # its owner removed it between these lines
