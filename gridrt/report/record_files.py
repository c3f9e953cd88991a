"""Files that records are listed in as they come, so that memory does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from gridrt.errors import OutputError
from gridrt.files import atomic_path, make_folder, remove_output
from gridrt.report.records import Record, entry_of


class RecordFile(Protocol):
    """Takes records one by one. The file is begun with the first one.

    Without records none is written, and a file of an earlier run is removed: it would pass for the list of this one.
    """

    def append(self, record: Record) -> None:
        """Add a record."""
        ...

    def close(self) -> None:
        """Make the file whole, also after fewer records than expected."""
        ...


class JsonLines:
    """One line of JSON for each record, handed to the operating system at once, for readers that follow the file.

    An older file is replaced with the first record.

    Args:
        target: a file, or an open text stream.
        class_names: in the order of the labels.
    """

    def __init__(self, target: Path | TextIO, class_names: Sequence[str]) -> None:
        self._target, self._class_names = target, class_names
        self._stream: TextIO | None = None

    def append(self, record: Record) -> None:
        """Add a line."""
        with _naming_the_file(self._target):
            if self._stream is None:
                self._stream = self._opened()
            self._stream.write(json.dumps(entry_of(record, self._class_names)) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close a file; a stream stays open."""
        if self._stream is None and isinstance(self._target, Path):
            remove_output(self._target)
        elif self._stream is not None and isinstance(self._target, Path):
            with _naming_the_file(self._target):
                self._stream.close()

    def _opened(self) -> TextIO:
        if not isinstance(self._target, Path):
            return self._target
        make_folder(self._target.parent)
        return self._target.open("w")


class JsonList:
    """A JSON list with a line for each entry, which replaces `target` when it is closed.

    Args:
        target: a file, or an open text stream.
        around: JSON before and after the list.
    """

    def __init__(self, target: Path | TextIO, around: tuple[str, str] = ("", "")) -> None:
        self._target, self._around, self._files = target, around, ExitStack()
        self._stream: TextIO | None = None
        self._separator = ""

    def begin(self) -> None:
        """Begin the list, which may stay empty."""
        if self._stream is None:
            with _naming_the_file(self._target):
                self._stream = self._opened()
                self._stream.write(f"{self._around[0]}[")

    def append(self, entry: object) -> None:
        """Add an entry, ready for JSON."""
        self.begin()
        if self._stream is not None:
            with _naming_the_file(self._target):
                self._stream.write(f"{self._separator}\n{json.dumps(entry)}")
        self._separator = ","

    def close(self) -> None:
        """End the list and put the file in place."""
        if self._stream is None and isinstance(self._target, Path):
            remove_output(self._target)
        elif self._stream is not None:
            with self._files, _naming_the_file(self._target):
                self._stream.write(f"\n]{self._around[1]}\n")

    def _opened(self) -> TextIO:
        if not isinstance(self._target, Path):
            return self._target
        temporary = self._files.enter_context(atomic_path(self._target))
        return self._files.enter_context(temporary.open("w"))


class JsonRecords:
    """A JSON list of records.

    Args:
        target: a file, or an open text stream.
        class_names: in the order of the labels.
    """

    def __init__(self, target: Path | TextIO, class_names: Sequence[str]) -> None:
        self._list, self._class_names = JsonList(target), class_names

    def append(self, record: Record) -> None:
        """Add an entry."""
        self._list.append(entry_of(record, self._class_names))

    def close(self) -> None:
        """End the list and put the file in place."""
        self._list.close()


@contextmanager
def _naming_the_file(target: Path | TextIO) -> Iterator[None]:
    """An error of the operating system names the file; the command line handles that of stdout."""
    try:
        yield
    except OSError as error:
        if not isinstance(target, Path):
            raise
        raise OutputError("the result cannot be written here", place=target, value=error.strerror) from error


@contextmanager
def closing_all(files: Sequence[RecordFile]) -> Iterator[None]:
    """Close all of the files after the block, however it ends."""
    with ExitStack() as stack:
        for file in files:
            stack.callback(file.close)
        yield
