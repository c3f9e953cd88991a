from __future__ import annotations

from dataclasses import replace

import pytest

from gridrt.bench.gates import Gates, check_gates
from gridrt.bench.result import Row
from tests.bench_results import bench_result, plain_row

REFERENCE = plain_row("a.pth")
WORSE = plain_row("b.onnx", ap=0.495, ap90=0.19, seconds=(0.01, 0.015, 0.02))


@pytest.mark.parametrize(
    ("looser", "tighter", "found"),
    [
        (Gates(max_ap_drop=0.5), Gates(max_ap_drop=0.49), -0.5),
        (Gates(max_ap90_drop=1), Gates(max_ap90_drop=0.9), -1.0),
        (Gates(min_fps=66.6), Gates(min_fps=66.7), 200 / 3),
        (Gates(min_speedup=2), Gates(min_speedup=2.01), 2.0),
    ],
)
def test_a_gate_is_met_up_to_what_was_measured(looser: Gates, tighter: Gates, found: float) -> None:
    result = bench_result([REFERENCE, WORSE])

    for gates, met in ((looser, True), (tighter, False)):
        [gate] = check_gates(result, gates)
        assert (gate.row, gate.met) == ("b.onnx", met)
        assert gate.value == pytest.approx(found)


def test_a_gain_meets_any_gate_on_a_drop() -> None:
    result = bench_result([REFERENCE, plain_row("b.onnx", ap=0.6)])

    assert [gate.met for gate in check_gates(result, Gates(max_ap_drop=0))] == [True]


def test_what_was_not_measured_meets_no_gate() -> None:
    result = bench_result([REFERENCE, Row("b.onnx", failure="damaged")])

    gates = check_gates(result, Gates(max_ap_drop=100, max_ap90_drop=100, min_fps=0, min_speedup=0))

    assert [(gate.met, gate.value, gate.measured) for gate in gates] == [(False, None, "not measured")] * 4


def test_a_reference_that_is_alone_is_checked() -> None:
    gates = check_gates(bench_result([REFERENCE]), Gates(max_ap_drop=0, min_fps=34))

    assert [(gate.row, gate.met) for gate in gates] == [("a.pth", True), ("a.pth", False)]


def test_without_requirements_there_are_no_gates() -> None:
    assert check_gates(bench_result([REFERENCE, WORSE]), Gates()) == []


def with_interval(low: float, high: float) -> Row:
    return replace(plain_row("b.onnx", ap=0.497), intervals={"ap": (low, high)})


@pytest.mark.parametrize(
    ("most", "outcome"),
    [
        (0.1, "not met"),
        (0.25, "not met, not decidable on 120 images"),
        (0.5, "met, not decidable on 120 images"),
        (1, "met"),
    ],
)
def test_a_limit_inside_the_interval_cannot_be_decided(most: float, outcome: str) -> None:
    result = bench_result([REFERENCE, with_interval(-0.008, -0.002)])

    [gate] = check_gates(result, Gates(max_ap_drop=most))

    assert gate.outcome == outcome
    assert gate.decidable == ("decidable" not in outcome)
    assert (gate.limit, gate.images) == (most, 120)
    assert gate.interval == pytest.approx((-0.8, -0.2))
    assert gate.measured == "-0.30 (95 % interval -0.80 to -0.20)"


def test_a_copy_of_the_reference_is_decidable_at_no_drop() -> None:
    copy = replace(plain_row("b.onnx"), intervals={"ap": (0.0, 0.0)})

    [gate] = check_gates(bench_result([REFERENCE, copy]), Gates(max_ap_drop=0))

    assert gate.outcome == "met"


def test_a_row_at_another_scale_meets_no_gate() -> None:
    better = replace(plain_row("b.onnx", ap=0.8, seconds=(0.001, 0.001, 0.001)), scale=(480, 360))
    result = bench_result([replace(REFERENCE, scale=(1333, 800)), better])

    gates = check_gates(result, Gates(max_ap_drop=1, max_ap90_drop=1, min_fps=1, min_speedup=1))

    assert [gate.met for gate in gates] == [False] * 4
    assert all("480 x 360" in gate.measured for gate in gates)
    assert gates[0].value == pytest.approx(30)


def test_a_difference_that_rounds_to_nothing_has_no_sign_of_its_own() -> None:
    worse = replace(plain_row("b.onnx", ap=0.499999), intervals={"ap": (-0.000001, 0.0)})

    [gate] = check_gates(bench_result([REFERENCE, worse]), Gates(max_ap_drop=0.1))

    assert gate.measured == "+0.00 (95 % interval +0.00 to +0.00)"
