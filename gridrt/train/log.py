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
        path: made where it is missing, else carried on.
        iteration: records of later ones are dropped: a run that goes on writes them again.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, iteration: int) -> None:
        self._path = path
        kept = [record for record in self.records() if record["iteration"] <= iteration]
        write_text(path, "".join(_line(record) for record in kept))

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

    def records(self) -> list[Record]:
        """All records; a line that a killed run left half written is none."""
        text = self._path.read_text() if self._path.is_file() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"
