"""A comparison as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gridrt.compare.verdict import StageResult

STAGE, WHAT, CELL = 14, 40, 10


def table(results: Sequence[StageResult]) -> str:
    """A line for each figure of each stage; differences that are too large are marked."""
    return "\n".join(_lines(results))


def _lines(results: Sequence[StageResult]) -> Iterator[str]:
    yield f"{'stage':<{STAGE}}{'measured':<{WHAT}}{'found':>{CELL}}{'at most':>{CELL}}"
    for result in results:
        if not result.figures:
            yield f"{result.stage:<{STAGE}}not compared"
        for index, figure in enumerate(result.figures):
            stage, mark = "" if index else result.stage, "  DIFFERS" if figure.exceeds else ""
            found = format_value(figure.value)
            yield f"{stage:<{STAGE}}{figure.what:<{WHAT}}{found:>{CELL}}{figure.tolerance:>{CELL}.2g}{mark}"


def format_difference(result: StageResult) -> str:
    """A stage that differs: `"classes": class names that differ 6 (0 allowed)`."""
    worst = next(figure for figure in result.figures if figure.exceeds)
    return f'"{result.stage}": {worst.what} {format_value(worst.value)} ({worst.tolerance:.2g} allowed)'


def format_value(value: float) -> str:
    """A difference, such as `0.012`; of numbers that are NaN or infinite there is none."""
    return "not finite" if math.isnan(value) else f"{value:.2g}"
