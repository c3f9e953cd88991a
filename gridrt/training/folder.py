"""The output folder of a training: its files, whether a training may start there, and whether it has room."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridrt import processes
from gridrt.errors import CheckpointError, OutputError
from gridrt.files import folder_for
from gridrt.locks import lock

STATE, LAST, BEST = "checkpoint.pth", "last.pth", "best.pth"
LOG, CURVES = "log.jsonl", "curves.png"
FILES = (STATE, LAST, BEST, LOG, CURVES)
LOCK = "train.lock"

MEGABYTE = 1_000_000
# EIO: torch's writer gives no reason; a full disk is the usual one.
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Make the folder, where it is missing, and keep other trainings out of it during the block.

    Under `torchrun` the first process does, for all. A warning tells of a lock that a killed training has left.

    Raises:
        OutputError: the folder cannot be made or written to.
        GridRTError: another training writes to it.
    """
    with folder_for(folder):
        if processes.rank() > 0:
            yield
            return
        with lock(folder / LOCK, "training"):
            yield


def resumes(folder: Path, *, resume: bool) -> bool:
    """Whether a training in the folder is to be resumed; if not, a new one starts.

    Raises:
        CheckpointError: a new training would start among the files of another one.
    """
    if resume and (folder / STATE).exists():
        return True
    found = [name for name in FILES if (folder / name).exists()]
    if found:
        alternative = "Continue that one with `resume`" if STATE in found else "Remove them"
        raise CheckpointError(
            "cannot start a training in a folder with files of another one",
            place=folder,
            value=", ".join(found),
            remedy=f"{alternative}, or choose another folder with `out`.",
        )
    return False


def check_room(folder: Path, state: int, weights: int) -> None:
    """Require room on the disk for the files of a training.

    Args:
        folder: of the training.
        state: bytes of a training state.
        weights: bytes of the weights.

    Raises:
        OutputError: the disk has less room.
    """
    existing = sum((folder / name).stat().st_size for name in (STATE, LAST, BEST) if (folder / name).exists())
    needed = 2 * state + 2 * weights - existing  # the old state stays until the new one is complete
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            "the disk must have room for the states and weights of the training",
            place=folder,
            value=f"{free / MEGABYTE:.0f} MB free, {needed / MEGABYTE:.0f} MB needed",
            remedy="Make room, or choose another folder with `out`.",
        )


@contextmanager
def explain_full_disk() -> Iterator[None]:
    """Extend an `OutputError` of the block with a remedy if its cause may be a full disk.

    Raises:
        OutputError: the block raised it.
    """
    try:
        yield
    except OutputError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _FULL_DISK:
            raise
        raise OutputError(
            "cannot write the file, the disk may be full",
            place=error.place,
            value=error.value,
            remedy="Make room, then start the training again with `resume`.",
        ) from error
