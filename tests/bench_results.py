"""Plausible results of benches that were not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gridrt.bench.accuracy import deltas
from gridrt.bench.disagreement import Disagreement
from gridrt.bench.result import (
    DETECTOR,
    FIGURES,
    SESSION,
    Accuracy,
    BenchResult,
    GateResult,
    Row,
    Speed,
    StageRow,
)
from gridrt.bench.timing import latency_of, speedup
from gridrt.classes import names_for
from gridrt.data.image import load_image
from gridrt.types import Detections

IMAGES = 120
IOUS = tuple(f"{0.5 + 0.05 * step:.2f}" for step in range(10))
STAGES = {
    "input": 0.02,
    "backbone": 0.41,
    "fpn": 0.12,
    "rpn": 0.1,
    "nms": 0.04,
    "roi_align": 0.05,
    "box_head": 0.12,
    "grid_head": 0.1,
    "decode": 0.01,
    "other": 0.03,
}
REFERENCE = "runs/blood/tiny_bccd.pth"
PLAIN_SECONDS = (0.02, 0.03, 0.04)


def accuracy(drop: float = 0.0, classes: Sequence[str] = ("RBC", "WBC", "Platelets")) -> Accuracy:
    """An accuracy that falls with IoU, `drop` below the reference's at the strictest and little at the loosest."""
    by_iou = {iou: max(0.0, 0.93 - 3.2 * (float(iou) - 0.5) ** 2.1 - drop * 2 * (float(iou) - 0.45)) for iou in IOUS}
    mean = float(np.mean(list(by_iou.values())))
    overall: dict[str, float | None] = {
        "objects": 812,
        "ap": mean,
        "ap50": by_iou["0.50"],
        "ap75": by_iou["0.75"],
        "ap80": by_iou["0.80"],
        "ap90": by_iou["0.90"],
        "small": None,
        "medium": mean - 0.04,
        "large": mean + 0.03,
    }
    per_class = {
        name: {key: None if value is None else value * (0.8 + 0.02 * (index % 10)) for key, value in overall.items()}
        for index, name in enumerate(classes)
    }
    curves = {iou: _curve(by_iou[iou]) for iou in ("0.50", "0.75", "0.90")}
    return Accuracy(IMAGES, overall, per_class, dict(by_iou), curves)


def _curve(area: float) -> list[float]:
    recall = np.linspace(0, 1, 101)
    return [float(value) for value in np.clip(1 - recall ** (1 / (1.02 - area)), 0, 1)]


def seconds(median: float, seed: int, images: int = IMAGES) -> list[float]:
    """Latencies with a tail."""
    noise = np.random.default_rng(seed).gamma(2, 0.03, images)
    return [float(value) for value in median * (0.94 + noise)]


def speed(session: float, seed: int, images: int = IMAGES) -> Speed:
    """Of a session that takes about so many seconds, against a reference of 83 ms."""
    mine = {SESSION: seconds(session, seed, images), DETECTOR: seconds(session + 0.011, seed + 1, images)}
    return _speed(mine, {SESSION: seconds(0.083, 0, images), DETECTOR: seconds(0.094, 1, images)})


def _speed(mine: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]) -> Speed:
    return Speed(
        mine,
        {part: latency_of(each) for part, each in mine.items()},
        {part: speedup(theirs[part], mine[part]) for part in mine},
    )


def stages(session: float) -> list[StageRow]:
    """Stages of such a session; the bound of one is not known."""
    return [
        StageRow(name, share * session, None if name == "nms" else share * session * 0.55 * (0.4 + share))
        for name, share in STAGES.items()
    ]


def row(name: str, *, drop: float, session: float, megabytes: float, seed: int, kind: str, precision: str) -> Row:
    """A row that was measured."""
    measured = accuracy(drop)
    return Row(
        name=name,
        artefact=name,
        backend="onnxruntime" if kind == "ONNX" else "pytorch",
        format=kind,
        precision=precision,
        bytes=int(megabytes * 1e6),
        sha256=f"{seed:02x}" * 32,
        weights_sha256="00" * 32,
        run_by="ONNX Runtime 1.32.0, cpu" if kind == "ONNX" else "torch 2.13.0, cpu",
        accuracy=measured,
        deltas=deltas(measured, accuracy()),
        speed=speed(session, seed),
        memory=int(4e8 + megabytes * 3e6),
        stages=stages(session),
    )


def plain_accuracy(ap: float, ap90: float) -> Accuracy:
    """Every figure is `ap` but that at IoU 0.90, and nothing is large."""
    overall: dict[str, float | None] = dict.fromkeys(FIGURES, ap)
    overall |= {"ap90": ap90, "large": None}
    return Accuracy(IMAGES, {"objects": 5, **overall}, {}, {"0.50": ap}, {"0.50": [ap] * 101})


def plain_row(name: str, *, ap: float = 0.5, ap90: float = 0.2, seconds: Sequence[float] = PLAIN_SECONDS) -> Row:
    """A row of round figures, against a reference of AP 0.5, AP90 0.2 and `PLAIN_SECONDS`."""
    measured, parts = plain_accuracy(ap, ap90), (SESSION, DETECTOR)
    return Row(
        name,
        artefact=name,
        format="ONNX",
        precision="fp32",
        bytes=2_500_000,
        accuracy=measured,
        deltas=deltas(measured, plain_accuracy(0.5, 0.2)),
        speed=_speed(dict.fromkeys(parts, seconds), dict.fromkeys(parts, PLAIN_SECONDS)),
        memory=300_000_000,
    )


def rows() -> list[Row]:
    """A checkpoint, and three models that were made from it."""
    stem = "runs/blood/tiny_bccd"
    return [
        row(REFERENCE, drop=0, session=0.083, megabytes=46.2, seed=0, kind="PyTorch", precision="fp32"),
        row(f"{stem}.onnx", drop=0, session=0.052, megabytes=46.4, seed=2, kind="ONNX", precision="fp32"),
        row(f"{stem}.fp16.onnx", drop=0.002, session=0.049, megabytes=23.3, seed=4, kind="ONNX", precision="fp16"),
        row(f"{stem}.int8.onnx", drop=0.016, session=0.031, megabytes=11.9, seed=6, kind="ONNX", precision="int8"),
    ]


CONDITIONS = {
    "cpu": "AMD EPYC 7763, 2 cores",
    "versions": {"python": "3.11.2", "torch": "2.13.0", "onnxruntime": "1.32.0"},
    "date": "2026-01-20T14:05:00+00:00",
    "annotations": "bccd/test.json",
    "images": IMAGES,
    "images_done": IMAGES,
    "batch": 1,
    "gpus": [],
    "scale": [640, 480],
    "threads": None,
    "warm_up": 3,
}


def gates() -> list[GateResult]:
    """Two requirements on two rows, one of them not met."""
    drop, speed = ("AP falls by at most 0.5 points", "at least 2 times as fast")
    half, int8 = ("runs/blood/tiny_bccd.fp16.onnx", "runs/blood/tiny_bccd.int8.onnx")
    return [
        GateResult(drop, half, 0.5, -0.1, met=True, interval=(-0.3, 0.1), images=IMAGES),
        GateResult(speed, half, 2, 1.7, met=False),
        GateResult(drop, int8, 0.5, -0.8, met=False, interval=(-1.2, -0.4), decidable=False, images=IMAGES),
        GateResult(speed, int8, 2, 2.7, met=True),
    ]


def bench_result(
    measured: Sequence[Row] | None = None,
    *,
    complete: bool = True,
    gates: Sequence[GateResult] = (),
    disagreements: Sequence[Disagreement] = (),
) -> BenchResult:
    """A bench of these rows, the first of which is the reference; `rows()` by default."""
    measured = rows() if measured is None else measured
    return BenchResult(
        complete,
        CONDITIONS,
        measured[0].name if measured else REFERENCE,
        measured,
        gates=gates,
        disagreements=disagreements,
    )


def many_rows(count: int) -> list[Row]:
    """As many rows, each unlike the others."""
    return [
        row(
            f"sweep/model_{index:02d}.int8.onnx",
            drop=0.003 * index,
            session=0.083 / (1 + 0.2 * index),
            megabytes=46.2 - 3 * index,
            seed=2 * index,
            kind="ONNX",
            precision="int8",
        )
        for index in range(count)
    ]


def detections(*found: tuple[float, float, float, float, float, int]) -> Detections:
    """Rows of (x1, y1, x2, y2, score, label)."""
    every = np.array(found, np.float32).reshape(-1, 6)
    return Detections(every[:, :4], every[:, 4], every[:, 5].astype(np.int32))


def disagreement(file: Path, row: str = "runs/blood/tiny_bccd.int8.onnx") -> Disagreement:
    """One object of both, one of the reference alone, and one of the row alone, in an image of 100 x 80."""
    shared = (10, 10, 40, 40, 0.9, 0)
    return Disagreement(
        row,
        file,
        load_image(file),
        names_for(3),
        detections(shared, (50, 20, 90, 70, 0.8, 1)),
        detections(shared, (5, 45, 30, 75, 0.4, 2)),
        weight=2.0,
    )
