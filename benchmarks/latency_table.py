"""The figures of a latency benchmark, and how they are shown."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import CONTENDERS, PYTORCH
from benchmarks.graph_parts import OpTime
from benchmarks.program_cost import ProgramCost

SHOWN_SHARE = 0.005
"""Operators that take less are not shown."""


@dataclass(frozen=True)
class Latency:
    """What was measured.

    Attributes:
        conditions: of all that follows.
        seconds: per part of the detector and per contender, each run's.
        export: what `gridrt export` cost, with its verification.
        help_seconds: the best of some runs of `gridrt --help`.
        operators: per precision of ONNX Runtime, where it spends the time of a whole run; empty if not profiled.
    """

    conditions: Mapping[str, Any]
    seconds: Mapping[str, Mapping[str, Sequence[float]]]
    export: ProgramCost
    help_seconds: float
    operators: Mapping[str, Sequence[OpTime]]

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """Per part and contender, its median over PyTorch's."""
        return {
            part: {
                name: statistics.median(each) / statistics.median(seconds[PYTORCH]) for name, each in seconds.items()
            }
            for part, seconds in self.seconds.items()
        }

    def to_json(self) -> str:
        """All of it, and the ratios."""
        return json.dumps({**dataclasses.asdict(self), "ratios": self.ratios}, indent=2) + "\n"


def lines(latency: Latency) -> Iterator[str]:
    """The figures as a table, with their conditions."""
    yield f"{'seconds, median (best), ratio':<30}" + "".join(f"{name:>24}" for name in CONTENDERS)
    for part, seconds in latency.seconds.items():
        ratios = latency.ratios[part]
        yield f"{part:<30}" + "".join(
            f"{_median_and_best(seconds[name]):>17}{ratios[name]:>7.3f}" for name in CONTENDERS
        )
    yield f"gridrt export: {latency.export.seconds:.1f} s, at most {latency.export.peak_memory_gib:.2f} GiB of memory"
    yield f"gridrt --help: {latency.help_seconds:.3f} s at best"
    for name, operators in latency.operators.items():
        yield from _operator_lines(name, operators)
    yield from _condition_lines(latency.conditions)


def _median_and_best(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f})"


def _operator_lines(name: str, operators: Sequence[OpTime]) -> Iterator[str]:
    yield f"\n{f'{name} spends on':<32}{'nodes':>6}{'seconds':>10}{'share':>8}"
    for each in operators:
        if each.share >= SHOWN_SHARE:
            yield f"{each.op:<32}{each.nodes:>6}{each.seconds:>10.4f}{each.share:>8.1%}"


def _condition_lines(conditions: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    for name, value in conditions.items():
        yield f"{name.replace('_', ' '):<24}{_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
