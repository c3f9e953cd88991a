"""Reading pickled checkpoints without running their code.

A pickle can call any function. torch's weights-only unpickler refuses every name that tensors do not need. Training
states of mmengine need a few more: the log buffers of its message hub and the numpy arrays in them. GridRT needs none
of these objects, so an inert stand-in replaces them: the tensors are read, and the file calls neither mmengine nor
numpy.
"""

from __future__ import annotations

import pickle
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gridrt.errors import CheckpointError
from gridrt.files import head_of
from gridrt.formatting import listed
from gridrt.limits import MOST_STORED_SHARE

_ZIP = b"PK\x03\x04"

_HARMLESS_NAMES = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",  # how protocol 2 writes the methods that a HistoryBuffer keeps
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
)


class _Discarded:
    """Replaces an object of a checkpoint: accepts any arguments and any state, and ignores them."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


# torch keeps one list of allowed names per process: without the lock, a thread that is done removes another's names.
_allowed_names_lock = threading.Lock()


def load_pickled(path: Path, *, trust_checkpoint: bool) -> object:
    """The object that `torch.save` wrote to `path`, in the zip or the legacy format, its tensors on the CPU.

    Args:
        path: a file in one of torch's two formats.
        trust_checkpoint: unpickle any class. That can run any code the file's author wrote.

    Raises:
        CheckpointError: the file is damaged, or needs classes that are not trusted.
    """
    _refuse_compressed(path)
    try:
        return _load_weights_only(path)
    except _RefusedError as refusal:
        if not trust_checkpoint:
            raise CheckpointError(
                "these weights cannot be read safely",
                place=path,
                value=refusal,
                remedy="Reading them can run code inside the file: if you trust its author, pass `trust_checkpoint`.",
            ) from None
    try:
        return _torch_load(path, weights_only=False)
    except Exception as error:  # the file's own code, or a missing module, can raise anything
        raise _damaged(path, error) from error


def _refuse_compressed(path: Path) -> None:
    """Refuse an archive whose members declare more than the file has: torch would unpack them in memory."""
    if not head_of(path).startswith(_ZIP):
        return  # the legacy format, or damaged, which torch reports
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # such as UnicodeDecodeError of a damaged name
        raise _damaged(path, error) from error
    if declared > MOST_STORED_SHARE * path.stat().st_size:
        raise CheckpointError(
            "an archive of weights must not be compressed",
            place=path,
            value=f"{declared:,} bytes in a file of {path.stat().st_size:,}",
            remedy="Save it again by torch.save.",
        )


class _RefusedError(Exception):
    """The weights-only unpickler met a name that it does not allow."""


def _load_weights_only(path: Path) -> object:
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [(_Discarded, n) for n in _HARMLESS_NAMES]
    with _allowed_names_lock, torch.serialization.safe_globals(stand_ins):
        try:
            return _torch_load(path, weights_only=True)
        except pickle.UnpicklingError as error:
            raise _RefusedError(_what_was_refused(path, str(error))) from None
        except Exception as error:  # a damaged pickle can make the unpickler raise anything
            raise _damaged(path, error) from error


def _what_was_refused(path: Path, message: str) -> str:
    """The names in the pickle that are not allowed, or torch's reason where it is something else."""
    try:
        names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except (ValueError, pickle.UnpicklingError):  # the legacy format: torch reports the first name only
        names = re.findall(r"GLOBAL (\S+) (?:was not an allowed|whose module)", message)
    if names:
        return f"use of {listed(names)}"
    return message.rpartition("WeightsUnpickler error:")[2].strip().split("\n")[0]


def _torch_load(path: Path, *, weights_only: bool) -> object:
    with path.open("rb") as file:  # given a path, torch would look at its suffix
        return torch.load(file, map_location="cpu", weights_only=weights_only)


def _damaged(path: Path, error: Exception) -> CheckpointError:
    first_line = (str(error).strip().splitlines() or ["no reason given"])[0]
    return CheckpointError(
        "the weights cannot be read: the file is damaged, or not what it seems",
        place=path,
        value=f"{type(error).__name__}: {first_line[:200]}",
        remedy="Download or copy it again.",
    )
