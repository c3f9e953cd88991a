"""Files that must stay as they are while they are read, so that a hash is the hash of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gridrt.errors import GridRTError
from gridrt.files import check_is_file, sha256_of


class FileStates:
    """Which files paths lead to, and when the content of each changed last.

    Where `check` passes, all that was read from these paths since then was of one content: what a hash was taken of,
    and what a library read that takes nothing but a path.

    Args:
        files: to be read.
        error: the class of the errors.

    Raises:
        GridRTError: of the class `error`, if one is missing, or no regular file.
    """

    def __init__(self, files: Sequence[Path], error: type[GridRTError] = GridRTError) -> None:
        for file in files:
            check_is_file(file, error)
        self._files, self._error, self._states = files, error, [state_of(file) for file in files]

    def check(self) -> None:
        """Refuse files that were written to, replaced or removed since then.

        Raises:
            GridRTError: one was.
        """
        for file, state in zip(self._files, self._states, strict=True):
            if state_of(file) != state:
                raise self._error("cannot read a file that changes meanwhile", place=file, remedy="Run it again.")


@contextmanager
def unchanged(files: Sequence[Path], error: type[GridRTError] = GridRTError) -> Iterator[None]:
    """`FileStates` of the beginning of a block, checked at its end. What changes later does no harm."""
    states = FileStates(files, error)
    yield
    states.check()


def sha256_of_all(files: Sequence[Path]) -> str:
    """SHA-256 of one file's bytes; of several files, that of their SHA-256 as lines, in this order. In hexadecimal."""
    digests = [sha256_of(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def state_of(file: Path) -> tuple[int, ...] | None:
    """Equal at two moments if the path led to the same file with the same content; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
