"""The outcome of a bench, as it stands in its JSON; tables and reports are made of it, and of pictures.

Average precision is in 0..1, times are in seconds, sizes in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gridrt.bench.latency import Latency

SCHEMA = 1
FIGURES = ("ap", "ap50", "ap75", "ap80", "ap90", "small", "medium", "large")
"""Fields of `AveragePrecision` that artefacts are held against the reference in."""
SESSION, DETECTOR = "session", "detector"
"""What is timed: the session alone, from the resized image to the boxes in it; and all, from the file to its boxes."""


@dataclass(frozen=True)
class Accuracy:
    """How good an artefact is on the data set.

    Attributes:
        images: that were measured.
        overall: fields of `gridrt.eval.AveragePrecision`; None where no object is of that kind.
        per_class: the same, by the class's name.
        by_iou: average precision at IoU "0.50", "0.55", ..., "0.95".
        precision_recall: by IoU, such as "0.50", precision at recall 0.00, 0.01, ..., 1.00, mean over classes.
    """

    images: int
    overall: Mapping[str, float | None]
    per_class: Mapping[str, Mapping[str, float | None]]
    by_iou: Mapping[str, float | None]
    precision_recall: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Speed:
    """How fast an artefact is.

    Attributes:
        seconds: of each image in turn, of `SESSION` and `DETECTOR`.
        latency: the same, summed up.
        speedup: how often faster than the reference, likewise; None where the reference was not measured.
    """

    seconds: Mapping[str, Sequence[float]]
    latency: Mapping[str, Latency]
    speedup: Mapping[str, float | None]


@dataclass(frozen=True)
class StageRow:
    """Where the time of the session goes.

    Attributes:
        name: of the stage.
        seconds: in a run on one image.
        floor: seconds below which no program gets here, by its FLOPs, its bytes and this machine's limits; None where
            that is not known.
    """

    name: str
    seconds: float
    floor: float | None


@dataclass(frozen=True)
class Row:
    """One artefact.

    Attributes:
        artefact: as the user named it.
        format: "PyTorch", "ONNX" or "TensorRT"; empty for a file that is none.
        precision: "fp32", or the recipe that the graph was written by; empty where that cannot be told.
        bytes: of the file.
        sha256: of the file.
        weights_sha256: of the checkpoint that it was made from; None where it does not tell.
        backend: what ran it, such as "torch 2.13.0, cpu".
        failure: why there are no figures, or not of all images; empty where there are.
        warnings: what a reader has to know, such as that it was made from other weights.
        accuracy: None where there is no ground truth, or no figures.
        deltas: the fields `FIGURES` less the reference's.
        speed: None where there are no figures.
        memory: most bytes of main memory that its process held; None where the system does not tell.
        gpu_memory: bytes of GPU memory that its process held; None without a GPU.
        stages: in order; empty where they were not measured.
    """

    artefact: str
    format: str = ""
    precision: str = ""
    bytes: int | None = None
    sha256: str | None = None
    weights_sha256: str | None = None
    backend: str = ""
    failure: str = ""
    warnings: Sequence[str] = ()
    accuracy: Accuracy | None = None
    deltas: Mapping[str, float | None] = field(default_factory=dict)
    speed: Speed | None = None
    memory: int | None = None
    gpu_memory: int | None = None
    stages: Sequence[StageRow] = ()


@dataclass(frozen=True)
class Gate:
    """A demand on an artefact, and what was found.

    Attributes:
        rule: such as "AP may drop by at most 0.5 points".
        artefact: it was asked of.
        value: what was found, in words.
        met: whether it holds.
    """

    rule: str
    artefact: str
    value: str
    met: bool


@dataclass(frozen=True)
class BenchResult:
    """All of a bench.

    Attributes:
        complete: False where it was interrupted: figures are then of the images that were done.
        conditions: under which it was measured, ready for JSON.
        reference: the artefact that the others are held against.
        rows: one per artefact, the reference first.
        gates: empty where none was asked for.
    """

    complete: bool
    conditions: Mapping[str, Any]
    reference: str
    rows: Sequence[Row]
    gates: Sequence[Gate] = ()

    def to_json(self) -> str:
        """All of it, with the version of this form."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n"
