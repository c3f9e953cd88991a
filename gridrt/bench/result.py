"""The result of a bench, as in its JSON; tables and the report are made of it.

Average precision is in 0..1, times are in seconds, sizes in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gridrt.bench.disagreement import Disagreement
from gridrt.bench.timing import Latency, speedup
from gridrt.eval.bootstrap import Interval
from gridrt.formatting import format_count, format_scale

SCHEMA = 2
FIGURES = ("ap", "ap50", "ap75", "ap80", "ap90", "small", "medium", "large")
"""Fields of `gridrt.eval.AveragePrecision` that are compared with the reference's."""
SESSION, DETECTOR = "session", "detector"
"""What is timed: the session alone, from the resized image to the boxes in it; and all, from the file to its boxes."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy on the data set.

    Attributes:
        images: number that was measured.
        overall: fields of `gridrt.eval.AveragePrecision`; None where the data have no such object.
        per_class: the same, by class name.
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
    """Speed of `SESSION` and `DETECTOR`, by these keys.

    Attributes:
        seconds: of each run, in order.
        latency: summary of the same.
        speedup: over the reference; None where the reference was not measured.
    """

    seconds: Mapping[str, Sequence[float]]
    latency: Mapping[str, Latency]
    speedup: Mapping[str, float | None]


@dataclass(frozen=True)
class StageRow:
    """One stage of the session.

    Attributes:
        name: of the stage.
        seconds: in a run on one image.
        bound: roofline in seconds, from the stage's flops and bytes and the device's peaks; None where it is not known.
    """

    name: str
    seconds: float
    bound: float | None


@dataclass(frozen=True)
class Row:
    """One file, run by one backend.

    Attributes:
        name: unique in the bench: the artefact, with the backend where the artefact is in several rows.
        artefact: the file as the user named it.
        backend: name of the backend; empty where none opens the file.
        format: of the file, such as "ONNX"; empty where it could not be opened.
        precision: the narrowest type that its layers compute in; empty where it could not be opened.
        recipe: name of the recipe that its precisions were planned by; None where none was applied.
        bytes: size of the file.
        sha256: of the file.
        weights_sha256: of the checkpoint that it was made from; None where the file does not say.
        run_by: library and device, such as "onnxruntime 1.32.0, CPU"; empty where it could not be opened.
        scale: most pixels on the long and on the short side of a resized image; None where it could not be opened.
        failure: why it has no figures, or not for all images; empty where it has.
        warnings: what a reader has to know, such as that it was made from other weights.
        accuracy: None where there is no ground truth, or no figures.
        deltas: the fields `FIGURES` minus the reference's.
        intervals: low and high end of the interval that holds 95 % of a delta over resampled images, by "ap", "ap50",
            "ap75", "ap80" and "ap90"; empty where they were not measured.
        speed: None where there are no figures.
        memory: peak main memory of its process in bytes; None where the system does not report it.
        gpu_memory: GPU memory of its process in bytes; None without a GPU.
        stages: in order; empty where they were not measured.
        throughput: images per second of the session alone, in the median, by the size of the batch; empty where it was
            not measured.
    """

    name: str
    artefact: str = ""
    backend: str = ""
    format: str = ""
    precision: str = ""
    recipe: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    weights_sha256: str | None = None
    run_by: str = ""
    scale: tuple[int, int] | None = None
    failure: str = ""
    warnings: Sequence[str] = ()
    accuracy: Accuracy | None = None
    deltas: Mapping[str, float | None] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    speed: Speed | None = None
    memory: int | None = None
    gpu_memory: int | None = None
    stages: Sequence[StageRow] = ()
    throughput: Mapping[int, float] = field(default_factory=dict)

    @property
    def precision_and_recipe(self) -> str:
        """Such as "fp16", or "int8 (mixed)" where the recipe has a name of its own."""
        return f"{self.precision} ({self.recipe})" if self.recipe not in (None, self.precision) else self.precision


@dataclass(frozen=True)
class GateResult:
    """A requirement on a row, and what was measured.

    Attributes:
        rule: such as "AP falls by at most 0.5 points".
        row: name of the row.
        limit: the number in `rule`.
        value: what was measured: change of AP in points of 100, negative for a loss, images per second, or the speedup;
            None where it was not measured.
        interval: low and high end of the interval that holds 95 % of `value` over resampled images, in the same unit;
            None where it was not measured.
        met: whether `value` meets the rule.
        decidable: False where the limit is inside `interval`: other images like these could give the other outcome.
        images: that AP was measured on; None for a rule on speed.
        reason: why it is not met, whatever was measured; empty for none.
    """

    rule: str
    row: str
    limit: float
    value: float | None
    met: bool
    interval: Interval | None = None
    decidable: bool = True
    images: int | None = None
    reason: str = ""

    @property
    def measured(self) -> str:
        """What was measured, in words."""
        if self.value is None:
            text = "not measured"
        elif self.interval is None:
            text = f"{self.value:.2f}"
        else:
            # Adding 0.0 takes the sign off what rounds to zero.
            value, low, high = (f"{round(number, 2) + 0.0:+.2f}" for number in (self.value, *self.interval))
            text = f"{value} (95 % interval {low} to {high})"
        return f"{text}; {self.reason}" if self.reason else text

    @property
    def outcome(self) -> str:
        """Whether it is met, in words."""
        met = "met" if self.met else "not met"
        return met if self.decidable else f"{met}, not decidable on {format_count(self.images or 0, 'image')}"


@dataclass(frozen=True)
class BenchResult:
    """All of a bench.

    Attributes:
        complete: False where it was interrupted: figures are then of the images that were done.
        conditions: of the measurement, ready for JSON.
        reference: name of the row that the others are compared with.
        rows: the reference first.
        failed: images that could not be read and do not count, each with the error.
        gates: empty where none was asked for.
        disagreements: the images in which rows differ most from the reference, row by row; not in the JSON.
    """

    complete: bool
    conditions: Mapping[str, Any]
    reference: str
    rows: Sequence[Row]
    failed: Mapping[str, str] = field(default_factory=dict)
    gates: Sequence[GateResult] = ()
    disagreements: Sequence[Disagreement] = ()

    def scale_mismatch(self, row: Row) -> str:
        """How the scale of a row differs from the reference's; empty where it does not, or one is not known."""
        reference = next((one for one in self.rows if one.name == self.reference), None)
        return scale_mismatch(row.scale, reference.scale if reference else None)

    def to_json(self) -> str:
        """All figures, with the version of this schema."""
        figures = asdict(replace(self, disagreements=()))
        del figures["disagreements"]
        return json.dumps({"schema": SCHEMA, **figures}, indent=2) + "\n"


def scale_mismatch(scale: tuple[int, int] | None, reference: tuple[int, int] | None) -> str:
    """How a scale differs from the reference's; empty where it does not, or one is not known."""
    if scale is None or reference is None or scale == reference:
        return ""
    return f"run at scale {format_scale(scale)}, the reference at {format_scale(reference)}"


def precision_advice(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each row in INT8, FP16 or BF16 that is slower than the same weights in FP32, run by the same library.

    Args:
        rows: whose runs were interleaved.
    """
    for row in rows:
        exact = next((each for each in rows if _is_fp32_of(each, row)), None)
        if exact is None or exact.speed is None or row.speed is None:
            continue
        faster = speedup(exact.speed.seconds[SESSION], row.speed.seconds[SESSION])
        if faster < 1:
            times = f"{1 / faster:.2f} of the time of {exact.name}"
            yield f"{row.name}: {row.precision.upper()} is slower than FP32 here, {times}: run that one."


def _is_fp32_of(one: Row, row: Row) -> bool:
    """Whether a row has the weights of another that is in a lower precision, by the same library on the same device."""
    libraries = one.run_by == row.run_by and bool(one.run_by)
    same = one.weights_sha256 == row.weights_sha256 is not None
    return one.precision == "fp32" != row.precision and libraries and same and one.speed is not None
