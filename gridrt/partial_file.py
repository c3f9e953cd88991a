"""Records that a long run keeps until its output is written, so that a killed run can be resumed."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from gridrt.errors import GridRTError, OutputError
from gridrt.files import make_folder
from gridrt.locks import try_lock

Record: TypeAlias = Mapping[str, Any]

CHECKSUM = "crc32"  # the name of a line's checksum, beside those of its content
DETERMINES_DETECTIONS = (
    "gridrt",
    "model_sha256",
    "backend",
    "device",
    "scale",
    "tile",
    "tile_overlap",
    "stretch",
    "max_detections",
)
"""Conditions on which the detections in an image depend, so that they must be equal to resume."""

SHOWN_DIGITS = 12  # of a SHA-256 in a message


class PartialFile:
    """JSON lines: a header, which states what the records belong to, then the records in the order of `append`.

    Each line states the CRC-32 of its content, so that a damaged number is no result.

    A record is written as one whole line and handed to the operating system before `append` returns, so it outlives
    the process. It is not forced to disk: that takes milliseconds, and helps only where the whole machine goes down.
    Then the last records may be lost, and a resumed run makes them again. Numbers come back as the same floats.

    The file is created with the first record, and stays until `finish`. One run at a time writes to it: it is locked
    until `close`, or until the process ends, however it does.

    Args:
        path: of the file.
        header: hashes of model and inputs, and options: what must be equal to go on. Ready for JSON.
        resume: go on after the records of an earlier run. Where there are none, a warning says so.

    Attributes:
        records: those of the earlier run; an incomplete last line, as a killed run leaves it, is dropped.

    Raises:
        GridRTError: the file has another header, is damaged, belongs to a run that goes on, or has records that are not
            to be resumed.
        OutputError: it cannot be read or changed.
    """

    def __init__(self, path: Path, header: Record, *, resume: bool) -> None:
        self._path, self._header = path, json.dumps(header)
        self._file = self._opened() if path.exists() else None
        try:
            found, size = _whole_lines(path)
            self.records = found[1:]
            if not resume and self.records:
                raise GridRTError(
                    "cannot start over: an interrupted run has left its results",
                    place=path,
                    value=f"{len(self.records)} of them",
                    remedy="Go on with `resume`, or remove the file.",
                )
            if resume and found:
                self._refuse_other_header(found[0])
                os.truncate(path, size)
            elif self._file is not None:
                os.truncate(path, 0)
        except OSError as error:
            raise OutputError("cannot use the partial file", place=path, value=error.strerror) from error
        if resume and not found:
            warnings.warn(f"{path}: nothing to resume, so the run starts at the beginning", stacklevel=2)

    def append(self, record: Record) -> None:
        """Add a record, ready for JSON.

        Raises:
            OutputError: it cannot be written.
        """
        if self._file is None:
            make_folder(self._path.parent)
            self._file = self._opened()
        try:
            is_new = self._path.stat().st_size == 0
            self._file.writelines(map(line_of, [json.loads(self._header), record] if is_new else [record]))
            self._file.flush()
        except OSError as error:
            remedy = "Make room, and go on with `resume`."
            raise OutputError(
                "cannot write the partial file", place=self._path, value=error.strerror, remedy=remedy
            ) from error

    def finish(self) -> None:
        """Remove the file, once the output is written."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let another run of this process go on with the file."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> TextIO:
        """The file, locked where its file system has locks."""
        try:
            file = self._path.open("a")
        except OSError as error:
            raise OutputError("cannot use the partial file", place=self._path, value=error.strerror) from error
        if try_lock(file) is False:
            file.close()
            remedy = "Wait for its end, or write to other files."
            raise GridRTError("must belong to one run, and another one writes to it", place=self._path, remedy=remedy)
        return file

    def _refuse_other_header(self, found: Record) -> None:
        differences = list(_differences(found, json.loads(self._header)))
        if differences:
            raise GridRTError(
                "cannot resume with another model, other data or other options",
                place=self._path,
                value="; ".join(differences),
                remedy="Repeat the interrupted command with `resume`, or remove the file to start over.",
            )


def partial_beside(output: Path) -> Path:
    """Where the records of a run are kept until `output` is written."""
    return output.with_name(f"{output.name}.partial.jsonl")


def _whole_lines(path: Path) -> tuple[list[Record], int]:
    """The content of a file up to the end of its last complete line, and the number of bytes to there."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    found: list[Record] = []
    for line in lines:
        record = _record_of(line)
        if record is None and len(found) == len(lines) - 1:
            break
        if record is None:
            raise GridRTError(
                "this is not a file of partial results, or it is damaged",
                place=f"{path}, line {len(found) + 1}",
                remedy="Remove it to start over.",
            )
        found.append(record)
    return found, sum(map(len, lines[: len(found)]))


def line_of(record: Record) -> str:
    """A record with its checksum, as one line."""
    return json.dumps({**record, CHECKSUM: _checksum(record)}) + "\n"


def _checksum(record: Record) -> int:
    return zlib.crc32(json.dumps(record).encode())


def _record_of(line: bytes) -> Record | None:
    """The record of a line, without its checksum; None if the line is incomplete, or was changed."""
    try:
        record = json.loads(line)
        checksum = record.pop(CHECKSUM)
        is_sound = line.endswith(b"\n") and checksum == _checksum(record)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):  # other JSON
        return None
    return record if is_sound else None


def _differences(old: Record, new: Record) -> Iterator[str]:
    """A text for each value that differs, such as `scale [64, 48], asked for [96, 72]`."""
    for name in {**new, **old}:
        if old.get(name) != new.get(name):
            before, now = (
                str(one.get(name))[: SHOWN_DIGITS if name.endswith("sha256") else None] for one in (old, new)
            )
            yield f"{name} {before}, asked for {now}"
