"""Detections as a Parquet file: a row for each image or video frame."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridrt.errors import DependencyError, OutputError
from gridrt.files import atomic_path, remove_output
from gridrt.report.records import Record

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_IN_A_GROUP = 1000


def parquet_schema() -> pa.Schema:
    """The columns: those of an entry of JSON, with the fields of the detections as lists.

    Stated, because types that are inferred differ between a file with detections and one without.

    Raises:
        DependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        remedy = "pip install 'gridrt[parquet]'"
        raise DependencyError("Parquet files need a package that is missing", place="pyarrow", remedy=remedy) from error
    box = pa.list_(pa.field("coordinate", pa.float32(), nullable=False), 4)
    return pa.schema([
        pa.field("file", pa.string(), nullable=False),
        pa.field("frame", pa.int32()),
        pa.field("seconds", pa.float64()),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("boxes", pa.list_(pa.field("box", box, nullable=False)), nullable=False),
        pa.field("scores", pa.list_(pa.field("score", pa.float32(), nullable=False)), nullable=False),
        pa.field("labels", pa.list_(pa.field("label", pa.int32(), nullable=False)), nullable=False),
        pa.field("names", pa.list_(pa.field("name", pa.string(), nullable=False)), nullable=False),
    ])  # fmt: skip


class ParquetFile:
    """A Parquet file, written in groups of rows, which replaces `target` when it is closed.

    Args:
        target: the file.
        class_names: in the order of the labels.

    Raises:
        DependencyError: pyarrow is not installed.
    """

    def __init__(self, target: Path, class_names: Sequence[str]) -> None:
        self._target, self._class_names, self._schema = target, class_names, parquet_schema()
        self._files = ExitStack()
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None

    def append(self, record: Record) -> None:
        """Add a row."""
        found = record.detections
        self._rows.append({
            "file": str(record.file),
            "frame": record.frame,
            "seconds": record.seconds,
            "width": record.width,
            "height": record.height,
            "boxes": list(found.boxes),
            "scores": found.scores,
            "labels": found.labels,
            "names": [self._class_names[label] for label in found.labels],
        })  # fmt: skip
        if len(self._rows) == ROWS_IN_A_GROUP:
            self._write_rows()

    def close(self) -> None:
        """Write the last rows, and put the file in place."""
        with self._files:
            if self._rows:
                self._write_rows()
        if self._writer is None:
            remove_output(self._target)

    def _write_rows(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            if self._writer is None:
                temporary = self._files.enter_context(atomic_path(self._target))
                self._writer = self._files.enter_context(parquet.ParquetWriter(temporary, self._schema))
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        except OSError as error:
            raise OutputError("the result cannot be written here", place=self._target, value=error) from error
        self._rows.clear()
