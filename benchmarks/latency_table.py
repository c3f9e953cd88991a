"""The figures of a latency benchmark, and their table."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.candidates import CANDIDATES, PYTORCH
from benchmarks.graph_parts import OpTime
from benchmarks.program_cost import ProgramCost

SHOWN_SHARE = 0.005
"""Operators below this share are left out."""


@dataclass(frozen=True)
class Latency:
    """What was measured.

    Attributes:
        conditions: of all that follows.
        seconds: per part of the detector and per candidate, each run's.
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
        """Per part and candidate, its median over PyTorch's."""
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
    yield f"{'seconds, median (best), ratio':<30}" + "".join(f"{name:>24}" for name in CANDIDATES)
    for part, seconds in latency.seconds.items():
        ratios = latency.ratios[part]
        cells = {name: f"{statistics.median(each):.3f} ({min(each):.3f})" for name, each in seconds.items()}
        yield f"{part:<30}" + "".join(f"{cells[name]:>17}{ratios[name]:>7.3f}" for name in CANDIDATES)
    yield f"gridrt export: {latency.export.seconds:.1f} s, at most {latency.export.peak_memory_gib:.2f} GiB of memory"
    yield f"gridrt --help: {latency.help_seconds:.3f} s at best"
    for name, operators in latency.operators.items():
        yield f"\n{f'{name} spends on':<32}{'nodes':>6}{'seconds':>10}{'share':>8}"
        for each in operators:
            if each.share >= SHOWN_SHARE:
                yield f"{each.op:<32}{each.nodes:>6}{each.seconds:>10.4f}{each.share:>8.1%}"
    yield ""
    yield from (f"{name.replace('_', ' '):<24}{_format_value(value)}" for name, value in latency.conditions.items())


def _format_value(value: object) -> str:
    """A condition in words: dictionaries and lists with commas."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
