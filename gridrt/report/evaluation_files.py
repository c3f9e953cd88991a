"""The files that an evaluation writes, and the partial file beside them until then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.errors import GridRTError
from gridrt.eval import Evaluation
from gridrt.eval.report import EvaluationReport
from gridrt.files import check_outputs, write_text
from gridrt.partial_file import DETERMINES_DETECTIONS, PartialFile, partial_beside
from gridrt.report.evaluation_pictures import planned_pictures, save_evaluation_pictures
from gridrt.types import UInt8Array

DETERMINES_RESULTS = (*DETERMINES_DETECTIONS, "annotations_sha256", "max_images", "processes")
"""Conditions that must be equal to resume. Images are not among them: each is known by its own hash."""


@dataclass(frozen=True)
class EvaluationFiles:
    """Where an evaluation writes to; None writes no such file.

    Attributes:
        results: all detections, in COCO's format of results.
        figures: conditions and average precision, as JSON.
        pictures: folder of precision over recall and the worst mistakes.
    """

    results: Path | None
    figures: Path | None
    pictures: Path | None

    def check(self, inputs: Iterable[Path]) -> None:
        """Refuse, before an evaluation, what could not be written after it.

        Raises:
            DependencyError: matplotlib is not installed, and there are to be pictures.
            OutputError: one of them cannot be written, or would overwrite one of `inputs` or another.
        """
        drawn = [] if self.pictures is None else planned_pictures(self.pictures)
        check_outputs([self.results, self.figures, *drawn], inputs)

    def partial(self, conditions: Mapping[str, Any], *, resume: bool) -> PartialFile | None:
        """The partial file of this process, beside the first of these files.

        Args:
            conditions: of the evaluation.
            resume: whether to go on after the images that are in it.

        Returns:
            None where no file is written, or the model has none, by which a later run would know it.

        Raises:
            GridRTError: the evaluation cannot be resumed; or as `PartialFile`.
        """
        output = self.results or self.figures or self.pictures
        if output is None or conditions["model_sha256"] is None:
            if resume:
                raise GridRTError(
                    "an evaluation must have a model file and an output to be resumed",
                    place="`resume`",
                    remedy="Name the model's file, and the output of the interrupted run.",
                )
            return None
        # A folder may be the only place that can be written to.
        path = output / "partial.jsonl" if output == self.pictures else partial_beside(output)
        if processes.rank() > 0:
            path = path.with_suffix(f".{processes.rank()}{path.suffix}")
        return PartialFile(path, {name: conditions[name] for name in DETERMINES_RESULTS}, resume=resume)

    def write(
        self,
        report: EvaluationReport,
        dataset: CocoDataset,
        evaluation: Evaluation,
        read: Callable[[Path], UInt8Array],
    ) -> None:
        """Write them, from the first process only; every process must call this. `read` is for the pictures.

        Raises:
            OutputError: one of them cannot be written.
        """
        if processes.rank() == 0:
            if self.figures is not None:
                write_text(self.figures, json.dumps(report.to_json(), indent=2) + "\n")
            if self.results is not None:
                write_text(self.results, json.dumps(report.results) + "\n")
            if self.pictures is not None:
                save_evaluation_pictures(self.pictures, dataset, evaluation, read)
        processes.wait_for_all()
