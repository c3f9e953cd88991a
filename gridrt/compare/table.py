"""A comparison for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.compare.verdict import Figure, StageResult

STAGE, WHAT, CELL = 28, 40, 10
NOT_COMPARED = "not compared"


def table(results: Sequence[StageResult]) -> str:
    """A line for each figure of each stage; differences that are too large are marked."""
    head = f"{'stage':<{STAGE}}{'measured':<{WHAT}}{'found':>{CELL}}{'at most':>{CELL}}"
    return "\n".join([head, *(line for result in results for line in _lines(result))])


def _lines(result: StageResult) -> Iterator[str]:
    if not result.figures:
        yield f"{result.stage:<{STAGE}}{NOT_COMPARED}"
    for index, figure in enumerate(result.figures):
        yield f"{'' if index else result.stage:<{STAGE}}{_cells(figure)}"


def _cells(figure: Figure) -> str:
    mark = "  DIFFERS" if figure.exceeds else ""
    return f"{figure.what:<{WHAT}}{_number(figure.value):>{CELL}}{_number(figure.tolerance):>{CELL}}{mark}"


def _number(value: float) -> str:
    return f"{value:.2g}"


def told(result: StageResult) -> str:
    """A stage that differs, in a sentence."""
    worst = next(figure for figure in result.figures if figure.exceeds)
    return f"{result.stage}: {worst.what} {_number(worst.value)}, at most {_number(worst.tolerance)}"
