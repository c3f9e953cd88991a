"""Detections in many image and video files, with annotated copies and a JSON list of all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from gridrt.detector import Detector
from gridrt.errors import GridRTError, ImageError, NonFiniteError, OutputError
from gridrt.files import remove_output, write_text
from gridrt.formatting import format_full_images
from gridrt.report.annotate import DetectionFilter, annotate, frame_count
from gridrt.report.records import Record, to_json
from gridrt.work import working_on


@dataclass(frozen=True)
class FileDetections:
    """Runs a detector over files, one record at a time, as it is iterated over.

    Each iteration starts from the first file, shows a progress bar on a terminal, and writes the JSON list at its end,
    also where it ends early: with an error, an interruption, or because its consumer stops. A warning at the end counts
    the images and frames with as many detections as the model can return.

    Attributes:
        detector: runs on one image at a time.
        sources: images and videos, told apart by their suffixes.
        targets: of the annotated copies, one for each source.
        kept: which detections count; others are left out.
        json_file: a file or a stream that the records are listed in; None lists them nowhere. Where there is no record,
            nothing is written, and a file of an earlier run is removed: it would pass for the list of this one.
        on_error: called with the error of a source that cannot be read as a whole, or for which the output is not
            finite, before the next source; None raises the error.
    """

    detector: Detector
    sources: Sequence[Path]
    targets: Sequence[Path]
    kept: DetectionFilter
    json_file: Path | TextIO | None
    on_error: Callable[[GridRTError], None] | None

    def __iter__(self) -> Iterator[Record]:
        records: list[Record] = []
        try:
            for record in self._annotated():
                records.append(record)
                yield record
        finally:
            if self.json_file is not None:
                _list(records, self.detector.class_names, self.json_file)
            full = [
                each.file if each.frame is None else f"{each.file}, frame {each.frame}"
                for each in records
                if each.is_full
            ]
            if full:
                limit = self.detector.info.max_detections
                warnings.warn(format_full_images(full, limit, self.detector.tile), stacklevel=1)

    def _annotated(self) -> Iterator[Record]:
        total = sum(map(frame_count, self.sources))
        with tqdm(total=total, unit="image", disable=None if total > 1 else True) as bar:
            for source, target in zip(self.sources, self.targets, strict=True):
                working_on(source)
                try:
                    for record in annotate(self.detector, source, target, self.kept):
                        yield record
                        bar.update()
                except (ImageError, NonFiniteError) as error:
                    if self.on_error is None:
                        raise
                    self.on_error(error)


def _list(records: Sequence[Record], class_names: Sequence[str], file: Path | TextIO) -> None:
    text = to_json(records, class_names) if records else ""
    if not isinstance(file, Path):
        file.write(text)
    elif records:
        write_text(file, text)
    else:
        remove_output(file)


def check_folder(folder: Path) -> None:
    """Refuse a file in the place of the folder of the annotated copies.

    Raises:
        OutputError: `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        remedy = "Annotated copies keep their names in that folder."
        raise OutputError("`out` must be a folder", place=folder, value="a file", remedy=remedy)
