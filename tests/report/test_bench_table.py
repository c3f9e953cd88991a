from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gridrt.bench.result import BenchResult, GateResult, Row, StageRow
from gridrt.report.bench_table import bench_lines, success_line
from gridrt.stages import STAGES
from tests.bench_results import bench_result, plain_row

REFERENCE = plain_row("weights.pth")
QUICK = plain_row("weights.fp16.onnx", ap=0.4951, ap90=0.2, seconds=(0.01, 0.015, 0.02))


def line_of(result: BenchResult, start: str, number: int = 0) -> list[str]:
    return [line.split() for line in bench_lines(result) if line.startswith(start)][number]


def test_accuracy_is_in_points_of_100_with_the_change_below() -> None:
    lines = list(bench_lines(bench_result([REFERENCE, QUICK])))

    assert lines[0].split() == ["precision", "MB", "AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large"]
    assert lines[1].split() == ["weights.pth", "fp32", "2.5", *["50.00"] * 4, "20.00", *["50.00"] * 2, "-"]
    assert lines[2].split() == ["weights.fp16.onnx", "fp32", "2.5", *["49.51"] * 4, "20.00", *["49.51"] * 2, "-"]
    assert lines[3].split() == [*["-0.49"] * 4, "+0.00", *["-0.49"] * 2, "-"]


def test_times_are_in_milliseconds() -> None:
    assert line_of(bench_result([REFERENCE, QUICK]), "weights.fp16.onnx", 1) == [
        *("weights.fp16.onnx", "15.0", "15.0", "19.5", "19.9", "66.7", "2.00x", "15.0", "66.7", "2.00x", "300"),
    ]


def test_columns_line_up() -> None:
    lines = list(bench_lines(bench_result([REFERENCE, QUICK])))

    assert len({len(line) for line in lines[:4]}) == 1
    assert len({len(line) for line in lines[6:9]}) == 1


def test_stages_are_in_milliseconds_of_one_image() -> None:
    staged = replace(REFERENCE, stages=[StageRow("backbone", 0.012, None), StageRow("nms", 0.0005, 0.0001)])
    result = bench_result([staged, QUICK])

    assert line_of(result, "ms of one image") == ["ms", "of", "one", "image", "backbone", "nms"]
    assert line_of(result, "weights.pth", 2) == ["weights.pth", "12.0", "0.5"]


def test_names_of_stages_do_not_touch() -> None:
    staged = replace(REFERENCE, stages=[StageRow(name, 0.001, None) for name in STAGES])

    assert line_of(bench_result([staged]), "ms of one image")[4:] == list(STAGES)


def test_failures_warnings_and_gates_follow_the_tables() -> None:
    warned = replace(QUICK, warnings=["made from other weights"])
    gate = GateResult("AP falls by at most 0.1 points", QUICK.name, 0.1, -0.49, met=False)
    undecided = GateResult("AP falls by at most 1 points", QUICK.name, 1, -0.49, True, (-1.2, 0.1), False, 120)
    result = replace(
        bench_result([REFERENCE, warned, Row("b.onnx", failure="damaged")]),
        gates=[gate, undecided],
        failed={"c.png": "cannot be read"},
    )

    lines = list(bench_lines(result))

    assert "b.onnx: NOT MEASURED: damaged" in lines
    assert "weights.fp16.onnx: WARNING: made from other weights" in lines
    assert "weights.fp16.onnx: AP falls by at most 0.1 points: -0.49, NOT MET" in lines
    [doubt] = [line for line in lines if "at most 1 points" in line]
    assert doubt.endswith("-0.49 (95 % interval -1.20 to +0.10), met, not decidable on 120 images")
    assert any(line.startswith("1 of 120 images failed") for line in lines)


def test_the_interval_of_a_change_is_below_it() -> None:
    known = replace(QUICK, intervals={"ap": (-0.01, 0.002), "ap90": (-0.02, 0.02)})

    lines = list(bench_lines(bench_result([REFERENCE, known])))

    assert lines[4].split() == ["95", "%", "from", "-1.00", "-", "-", "-", "-2.00", "-", "-", "-"]
    assert lines[5].split() == ["to", "+0.20", "-", "-", "-", "+2.00", "-", "-", "-"]
    assert len({len(line) for line in lines[:6]}) == 1


def test_conditions_come_last() -> None:
    *_, last = bench_lines(bench_result([REFERENCE]))

    for stated in (
        "reference weights.pth",
        "120 of 120 images",
        "interleaved",
        "batch 1",
        "3 warm-up",
        "default threads",
    ):
        assert stated in last
    assert last.endswith("AMD EPYC 7763, 2 cores; python 3.11.2, torch 2.13.0, onnxruntime 1.32.0")


def test_a_long_precision_and_recipe_keeps_the_columns_in_line() -> None:
    mixed = replace(QUICK, precision="int8", recipe="mixed_by_sensitivity")

    lines = list(bench_lines(bench_result([REFERENCE, mixed])))

    assert "int8 (mixed_by_sensitivity)" in lines[2]
    assert len({len(line) for line in lines[:4]}) == 1


def test_without_accuracy_the_reason_is_given() -> None:
    measured = [replace(REFERENCE, accuracy=None, deltas={}), Row("b.onnx", failure="damaged")]

    *_, last = bench_lines(bench_result(measured))

    assert last.startswith("no AP")


@pytest.mark.parametrize(
    ("result", "written", "line"),
    [
        (bench_result([REFERENCE, QUICK]), [], "2 models measured on 120 of 120 images, 1.2 s."),
        (
            bench_result([REFERENCE, Row("b.onnx", failure="damaged")], complete=False),
            [Path("a.json"), Path("a.html")],
            "1 of 2 models interrupted, measured on 120 of 120 images, in a.json, a.html, 1.2 s.",
        ),
    ],
)
def test_success_is_one_line(result: BenchResult, written: list[Path], line: str) -> None:
    assert success_line(result, written, 1.23) == line


def test_a_reference_that_failed_leaves_dashes() -> None:
    assert QUICK.speed is not None
    alone = replace(QUICK, deltas={}, speed=replace(QUICK.speed, speedup={"session": None, "detector": None}))

    lines = list(bench_lines(bench_result([Row("weights.pth", failure="damaged"), alone])))

    assert lines[2] == ""
    assert lines[5].split()[6] == "-"
