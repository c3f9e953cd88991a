"""The folder of a training: which files lie there, whether one may begin, and whether there is room."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridrt.errors import CheckpointError, OutputError
from gridrt.files import remove_temporaries

STATE, LAST, BEST = "checkpoint.pth", "last.pth", "best.pth"
LOG, CURVES = "log.jsonl", "curves.png"
FILES = (STATE, LAST, BEST, LOG, CURVES)

MEGABYTE = 1_000_000
# EIO: torch's writer tells no reason, and a full disk is the usual one.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def goes_on(folder: Path, *, resume: bool) -> bool:
    """Whether there is a training to go on with, which was asked for; else a new one begins.

    Raises:
        CheckpointError: a new one would begin among the files of another.
    """
    if resume and (folder / STATE).exists():
        return True
    found = [name for name in FILES if (folder / name).exists()]
    if found:
        by_resuming = "Go on with it by --resume, or choose" if STATE in found else "Remove them, or choose"
        raise CheckpointError(
            "a training lies here already",
            place=folder,
            value=", ".join(found),
            remedy=f"{by_resuming} another folder with --out.",
        )
    return False


def remove_what_a_kill_left(folder: Path) -> None:
    """Remove files that an earlier run had not finished writing when it was killed."""
    remove_temporaries(folder, {Path(name).suffix for name in FILES})


def check_room(folder: Path, state: int, weights: int) -> None:
    """Refuse a disk that cannot hold what will be written.

    Args:
        folder: of the training.
        state: bytes of a training state.
        weights: bytes of the weights.

    Raises:
        OutputError: there is not as much room.
    """
    there = sum((folder / name).stat().st_size for name in (STATE, LAST, BEST) if (folder / name).exists())
    needed = 2 * state + 2 * weights - there  # a new state is whole before the old one goes
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            "there must be room for the states and the weights of a training",
            place=folder,
            value=f"{free / MEGABYTE:.0f} MB free, {needed / MEGABYTE:.0f} MB needed",
            remedy="Make room, or choose another folder with --out.",
        )


@contextmanager
def telling_of_a_full_disk() -> Iterator[None]:
    """An error of writing says so where the disk may be full.

    Raises:
        OutputError: what was raised within.
    """
    try:
        yield
    except OutputError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _NO_ROOM:
            raise
        remedy = "Make room, then go on by the same command with --resume."
        raise OutputError(
            "the file cannot be written, the disk may be full", place=error.place, value=error.value, remedy=remedy
        ) from error
