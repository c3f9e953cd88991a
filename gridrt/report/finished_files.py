"""The files that a run of `detect` has finished, in a partial file, from which a killed run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gridrt.files import sha256_of
from gridrt.partial_file import PartialFile
from gridrt.report.records import Record, entry_of, record_in


class FinishedFiles:
    """Images and videos with their records. A video is finished with its last frame, and begun again otherwise.

    A line of the partial file is an entry of `gridrt.report.records`, and `sha256` of its file where that is finished
    with it. The end of a video has a line of its own, without detections.

    Args:
        partial: of an earlier run, or a new one.
        class_names: in the order of the labels.

    Attributes:
        count: of the files that the earlier run has finished.
    """

    def __init__(self, partial: PartialFile, class_names: Sequence[str]) -> None:
        self._partial, self._class_names = partial, class_names
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._hashes: dict[str, str] = {}
        for line in partial.records:
            entries = self._entries.setdefault(line["file"], [])
            if "detections" in line:
                if not line.get("frame"):
                    entries.clear()  # begun again
                entries.append(dict(line))
            if line["sha256"]:
                self._hashes[line["file"]] = line["sha256"]
        self.count = len(self._hashes)

    def records_of(self, source: Path, targets: Sequence[Path]) -> list[Record] | None:
        """The records of a file that is finished; None of another, that has changed since, or whose copy is missing."""
        with suppress(OSError):  # no longer readable, which the next attempt reports
            if self._hashes.get(str(source)) == sha256_of(source) and all(target.exists() for target in targets):
                return [record_in(entry) for entry in self._entries[str(source)]]
        return None

    def add(self, source: Path, record: Record | None, sha256: str | None) -> None:
        """Keep a record, or the end of a file.

        Args:
            source: the file.
            record: in it; None at the end of a video.
            sha256: of the file, if it is finished.

        Raises:
            OutputError: the partial file cannot be written.
        """
        if record is not None:
            entry = entry_of(record, self._class_names)
            self._partial.append({**entry, "is_full": record.is_full, "sha256": sha256})
        elif sha256 is not None:
            self._partial.append({"file": str(source), "sha256": sha256})

    def forget(self) -> None:
        """Remove the partial file, once all is written."""
        self._partial.finish()

    def close(self) -> None:
        """Let another run of this process go on with the partial file."""
        self._partial.close()
