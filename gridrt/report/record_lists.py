"""Which files a run of `detect` lists its records in, and the partial file beside them until they are whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from gridrt.errors import GridRTError
from gridrt.formatting import format_count
from gridrt.partial_file import DETERMINES_DETECTIONS, PartialFile, partial_beside
from gridrt.report.coco_results import CocoResults, check_are_images, dataset_beside, ids_in, numbered
from gridrt.report.finished_files import FinishedFiles
from gridrt.report.parquet import ParquetFile, parquet_schema
from gridrt.report.record_files import JsonLines, JsonRecords, RecordFile


@dataclass(frozen=True)
class RecordLists:
    """The lists that are asked for; None stands for one that is not.

    Attributes:
        json_file: a JSON list, whole at the end.
        json_lines: a line of JSON for each record, as they come.
        coco_results: COCO's results.
        coco_ids: the annotation file with the ids for them.
        parquet: a Parquet file.
    """

    json_file: Path | TextIO | None = None
    json_lines: Path | TextIO | None = None
    coco_results: Path | None = None
    coco_ids: Path | None = None
    parquet: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """The files that are written."""
        targets = [self.json_file, self.json_lines, self.coco_results, self.parquet]
        if self.coco_results is not None and self.coco_ids is None:
            targets.append(dataset_beside(self.coco_results))
        return [target for target in targets if isinstance(target, Path)]

    def check(self, sources: Sequence[Path]) -> None:
        """Refuse what could not be listed.

        Raises:
            DependencyError: a package is missing.
            GridRTError: ids without results, or COCO's results of a video.
        """
        if self.coco_ids is not None and self.coco_results is None:
            raise GridRTError("ids must come with the file of results", place="`coco_ids`", value=self.coco_ids)
        if self.coco_results is not None:
            check_are_images(sources)
        if self.parquet is not None:
            parquet_schema()

    def opener(self, sources: Sequence[Path], class_names: Sequence[str]) -> Callable[[], Sequence[RecordFile]]:
        """What opens the lists.

        Raises:
            DataError: the annotation file does not list an image, or none of the classes.
        """
        if self.coco_ids is None:
            ids, listed = numbered(sources, class_names), class_names
        else:
            ids, listed = ids_in(self.coco_ids, sources, class_names), None

        def open_lists() -> list[RecordFile]:
            files: list[RecordFile] = []
            if self.json_file is not None:
                files.append(JsonRecords(self.json_file, class_names))
            if self.json_lines is not None:
                files.append(JsonLines(self.json_lines, class_names))
            if self.coco_results is not None:
                files.append(CocoResults(self.coco_results, ids, listed))
            if self.parquet is not None:
                files.append(ParquetFile(self.parquet, class_names))
            return files

        return open_lists

    def partial(
        self, out: Path | None, conditions: Mapping[str, Any], class_names: Sequence[str], *, resume: bool | None
    ) -> Callable[[], FinishedFiles] | None:
        """What opens the partial file: beside the first list, else in the folder of the copies.

        Args:
            out: that folder; None where nothing is drawn.
            conditions: of the run.
            class_names: in the order of the labels.
            resume: go on after the files in it; None keeps no partial file.

        Raises:
            GridRTError: there is nothing to resume from: no output, or no file of the model.
        """
        if resume is None:
            return None
        place = partial_beside(self.paths[0]) if self.paths else None if out is None else out / "partial.jsonl"
        if not resume and (place is None or conditions["model_sha256"] is None):
            return None
        if place is None or conditions["model_sha256"] is None:
            remedy = "Name the model's file, and the output of the interrupted run."
            raise GridRTError(
                "a run must have a model file and an output to be resumed", place="`resume`", remedy=remedy
            )
        header = {name: conditions[name] for name in (*DETERMINES_DETECTIONS, "score_threshold", "labels")}

        def open_partial() -> FinishedFiles:
            finished = FinishedFiles(PartialFile(place, header, resume=bool(resume)), class_names)
            if finished.count:
                count = format_count(finished.count, "file")
                tqdm.write(f"resumed: {count} done; those that failed or have changed are run again", file=sys.stderr)
            return finished

        return open_partial
