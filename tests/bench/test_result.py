from __future__ import annotations

from dataclasses import replace

import pytest

from gridrt.bench.result import DETECTOR, SESSION, Row, Speed, precision_advice
from gridrt.bench.timing import latency_of


def row(name: str, precision: str, seconds: list[float], run_by: str = "openvino 2026.4.1, cpu") -> Row:
    parts = {SESSION: seconds, DETECTOR: seconds}
    speed = Speed(parts, {part: latency_of(each) for part, each in parts.items()}, dict.fromkeys(parts, 1.0))
    return Row(name, precision=precision, run_by=run_by, weights_sha256="a", speed=speed)


EXACT = row("a.onnx", "fp32", [0.1, 0.2, 0.1])


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_precision_that_is_slower_here_is_told_with_how_much(precision: str) -> None:
    slower = row("a.half.onnx", precision, [0.15, 0.3, 0.1])  # twice by a half, once equal

    (line,) = precision_advice([EXACT, slower])

    assert line.startswith(f"a.half.onnx: {precision.upper()} is slower than FP32 here, 1.50 of the time of a.onnx")


@pytest.mark.parametrize(
    "other",
    [
        row("faster", "int8", [0.05, 0.1, 0.1]),
        row("another library", "int8", [0.9, 0.9, 0.9], "onnxruntime 1.32.0, cpu"),
        replace(row("other weights", "int8", [0.9, 0.9, 0.9]), weights_sha256="b"),
        row("fp32 too", "fp32", [0.9, 0.9, 0.9]),
        Row("failed", precision="int8", run_by=EXACT.run_by, weights_sha256="a", failure="it does not open"),
    ],
    ids=lambda row: row.name,
)
def test_others_are_not_told(other: Row) -> None:
    assert list(precision_advice([EXACT, other])) == []
