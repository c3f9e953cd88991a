from __future__ import annotations

import pytest

from gridrt.bench.gates import Limits, gates_of
from gridrt.bench.result import Row
from tests.bench_results import bench_result, plain_row

REFERENCE = plain_row("a.pth")
WORSE = plain_row("b.onnx", ap=0.495, ap90=0.19, seconds=(0.01, 0.015, 0.02))


@pytest.mark.parametrize(
    ("looser", "tighter", "found"),
    [
        (Limits(max_ap_drop=0.5), Limits(max_ap_drop=0.49), "-0.50"),
        (Limits(max_ap90_drop=1), Limits(max_ap90_drop=0.9), "-1.00"),
        (Limits(min_fps=66.6), Limits(min_fps=66.7), "66.67"),
        (Limits(min_speedup=2), Limits(min_speedup=2.01), "2.00"),
    ],
)
def test_a_limit_is_met_up_to_what_is_true(looser: Limits, tighter: Limits, found: str) -> None:
    result = bench_result([REFERENCE, WORSE])

    assert [(gate.artefact, gate.value, gate.met) for gate in gates_of(result, looser)] == [("b.onnx", found, True)]
    assert [(gate.artefact, gate.value, gate.met) for gate in gates_of(result, tighter)] == [("b.onnx", found, False)]


def test_a_gain_meets_any_limit_on_a_drop() -> None:
    result = bench_result([REFERENCE, plain_row("b.onnx", ap=0.6)])

    assert [gate.met for gate in gates_of(result, Limits(max_ap_drop=0))] == [True]


def test_what_was_not_measured_meets_no_limit() -> None:
    result = bench_result([REFERENCE, Row("b.onnx", failure="damaged")])

    gates = gates_of(result, Limits(max_ap_drop=100, max_ap90_drop=100, min_fps=0, min_speedup=0))

    assert [(gate.met, gate.value) for gate in gates] == [(False, "not measured")] * 4


def test_a_reference_that_is_alone_is_held_against_the_limits() -> None:
    gates = gates_of(bench_result([REFERENCE]), Limits(max_ap_drop=0, min_fps=34))

    assert [(gate.artefact, gate.met) for gate in gates] == [("a.pth", True), ("a.pth", False)]


def test_without_limits_there_are_no_gates() -> None:
    assert gates_of(bench_result([REFERENCE, WORSE]), Limits()) == []


def test_a_difference_that_rounds_to_nothing_has_no_sign_of_its_own() -> None:
    [gate] = gates_of(bench_result([REFERENCE, plain_row("b.onnx", ap=0.499999)]), Limits(max_ap_drop=0.1))

    assert gate.value == "+0.00"
