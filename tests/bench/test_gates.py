from __future__ import annotations

import pytest

from gridrt.bench.gates import Gates, check_gates
from gridrt.bench.result import Row
from tests.bench_results import bench_result, plain_row

REFERENCE = plain_row("a.pth")
WORSE = plain_row("b.onnx", ap=0.495, ap90=0.19, seconds=(0.01, 0.015, 0.02))


@pytest.mark.parametrize(
    ("looser", "tighter", "found"),
    [
        (Gates(max_ap_drop=0.5), Gates(max_ap_drop=0.49), "-0.50"),
        (Gates(max_ap90_drop=1), Gates(max_ap90_drop=0.9), "-1.00"),
        (Gates(min_fps=66.6), Gates(min_fps=66.7), "66.67"),
        (Gates(min_speedup=2), Gates(min_speedup=2.01), "2.00"),
    ],
)
def test_a_gate_is_met_up_to_what_was_measured(looser: Gates, tighter: Gates, found: str) -> None:
    result = bench_result([REFERENCE, WORSE])

    assert [(gate.row, gate.value, gate.met) for gate in check_gates(result, looser)] == [("b.onnx", found, True)]
    assert [(gate.row, gate.value, gate.met) for gate in check_gates(result, tighter)] == [("b.onnx", found, False)]


def test_a_gain_meets_any_gate_on_a_drop() -> None:
    result = bench_result([REFERENCE, plain_row("b.onnx", ap=0.6)])

    assert [gate.met for gate in check_gates(result, Gates(max_ap_drop=0))] == [True]


def test_what_was_not_measured_meets_no_gate() -> None:
    result = bench_result([REFERENCE, Row("b.onnx", failure="damaged")])

    gates = check_gates(result, Gates(max_ap_drop=100, max_ap90_drop=100, min_fps=0, min_speedup=0))

    assert [(gate.met, gate.value) for gate in gates] == [(False, "not measured")] * 4


def test_a_reference_that_is_alone_is_checked() -> None:
    gates = check_gates(bench_result([REFERENCE]), Gates(max_ap_drop=0, min_fps=34))

    assert [(gate.row, gate.met) for gate in gates] == [("a.pth", True), ("a.pth", False)]


def test_without_requirements_there_are_no_gates() -> None:
    assert check_gates(bench_result([REFERENCE, WORSE]), Gates()) == []


def test_a_difference_that_rounds_to_nothing_has_no_sign_of_its_own() -> None:
    [gate] = check_gates(bench_result([REFERENCE, plain_row("b.onnx", ap=0.499999)]), Gates(max_ap_drop=0.1))

    assert gate.value == "+0.00"
