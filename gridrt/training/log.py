"""The log of a training: one line of JSON every few iterations and for each evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gridrt.errors import OutputError
from gridrt.files import write_text

Record = Mapping[str, Any]


class Log:
    """A file of records, each with its `iteration`.

    Args:
        path: the file is created with the first record.
        kept: the number of records in the file to keep; later ones are dropped.

    Attributes:
        count: number of records.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, kept: int) -> None:
        self._path = path
        records = self.records()[:kept]
        self.count = len(records)
        if path.exists():
            write_text(path, "".join(json.dumps(record) + "\n" for record in records))

    def write(self, record: Record) -> None:
        """Append a record.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise OutputError("cannot write the log", place=self._path, value=error.strerror) from error
        self.count += 1

    def records(self) -> list[Record]:
        """All records; an incomplete last line, as a killed run leaves it, is dropped."""
        text = self._path.read_text() if self._path.is_file() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
