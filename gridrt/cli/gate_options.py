"""Options of the gates of `gridrt bench`, and its exit status."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce, wraps
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes

if TYPE_CHECKING:
    from gridrt.bench.result import BenchResult


class _Threshold(click.FloatRange):
    """At least 0, and a number: every comparison with nan is false."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return float(number)


THRESHOLD = _Threshold(min=0)
OPTIONS = (
    click.option(
        "--max-ap-drop", type=THRESHOLD, metavar="POINTS", help="Gate: AP below the reference's, points of 100."
    ),
    click.option("--max-ap90-drop", type=THRESHOLD, metavar="POINTS", help="Gate: the same of AP at IoU 0.90."),
    click.option("--min-fps", type=THRESHOLD, metavar="FPS", help="Gate: images per second of the session alone."),
    click.option("--min-speedup", type=THRESHOLD, metavar="TIMES", help="Gate: minimum speedup over the reference."),
    click.option(
        "--decidable",
        is_flag=True,
        help="A gate on AP that the images are too few to decide also sets exit status 3: its limit is inside the "
        "interval that holds 95 % of the change over resampled images.",
    ),
)


def gates(command: Callable[..., None]) -> Callable[..., None]:
    """Options that come to the command as `gates`, `gridrt.bench.gates.Gates`, and `decidable`."""

    @wraps(command)
    def gathered(
        *,
        max_ap_drop: float | None,
        max_ap90_drop: float | None,
        min_fps: float | None,
        min_speedup: float | None,
        **others: Any,  # noqa: ANN401 - those of the command
    ) -> None:
        from gridrt.bench.gates import Gates

        command(gates=Gates(max_ap_drop, max_ap90_drop, min_fps, min_speedup), **others)

    return reduce(lambda wrapped, option: option(wrapped), reversed(OPTIONS), gathered)


def exit_status(result: BenchResult, *, decidable: bool) -> int:
    """The exit status of a bench; a reference that was not measured and images that failed count where no gate does.

    Args:
        result: with its gates checked.
        decidable: a gate that is met but not decidable counts as not met.
    """
    if not result.complete:
        return exit_codes.INTERRUPTED
    if not all(gate.met and (gate.decidable or not decidable) for gate in result.gates):
        return exit_codes.GATE_NOT_MET
    reference = next(row for row in result.rows if row.name == result.reference)
    return exit_codes.USER_ERROR if result.failed or reference.failure else 0
