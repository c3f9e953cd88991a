"""The log of a training: a line of JSON for every few iterations and for every evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridrt.errors import OutputError
from gridrt.files import write_text

Record = Mapping[str, Any]


class Log:
    """A file of records, each with the `iteration` that it tells of.

    Args:
        path: made with the first record.
        kept: so many records that lie there stay, the others are dropped.

    Attributes:
        count: of the records.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, kept: int) -> None:
        self._path = path
        records = self.records()[:kept]
        self.count = len(records)
        if path.exists():
            write_text(path, "".join(_line(record) for record in records))

    def write(self, record: Record) -> None:
        """Append a record.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            with self._path.open("a") as file:
                file.write(_line(record))
        except OSError as error:
            raise OutputError("the log cannot be written", place=self._path, value=error.strerror) from error
        self.count += 1

    def records(self) -> list[Record]:
        """All records; a line that a killed run left half written is none."""
        text = self._path.read_text() if self._path.is_file() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
