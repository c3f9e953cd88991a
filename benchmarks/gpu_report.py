"""The report of a part of `benchmarks.gpu`: rows of a table, on the disk as soon as they are known.

A row is a dictionary with `what` was measured and, in words, the `result`, the `problem`, or why it is `inapplicable`
to this machine, which is no problem; an unexpected problem has its `traceback`.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import click

from benchmarks.gpu_conditions import gpu_conditions, require_gpu
from gridrt.errors import GridRTError
from gridrt.files import check_writable, write_text

RESULTS = Path(__file__).parent / "results"
LONGEST_REASON = 400
"""Characters; compilers and CUDA write pages."""

TRACEBACK_LINES = 30

Row: TypeAlias = Mapping[str, Any]


class Report:
    """Rows, written whenever one is added, so that a crash loses at most one row.

    Args:
        out: JSON file.
        conditions: of all rows.
    """

    def __init__(self, out: Path, conditions: Mapping[str, Any]) -> None:
        self._out, self._conditions = out, conditions
        self._rows: list[Row] = []
        self._write()

    def add(self, what: str, result: str, **figures: object) -> None:
        """Add a measurement."""
        self._append({"what": what, "result": result, **figures})

    def problem(self, what: str, reason: object) -> None:
        """Add the reason why something was not measured."""
        self._append(problem_row(what, reason))

    def inapplicable(self, what: str, reason: object) -> None:
        """Add the reason why something does not apply to this machine."""
        self._append(inapplicable_row(what, reason))

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Report a failure within as a problem, and go on after it."""
        try:
            yield
        except GridRTError as error:
            self.problem(what, error)
        except Exception as error:  # noqa: BLE001 - on an unknown machine anything may fail
            where = {"traceback": traceback.format_exc().splitlines()[-TRACEBACK_LINES:]}
            self._append({**problem_row(what, f"{type(error).__name__}: {error}"), **where})

    @property
    def has_problems(self) -> bool:
        """Whether anything was not measured."""
        return any("problem" in row for row in self._rows)

    def _append(self, row: Row) -> None:
        self._rows.append(row)
        click.echo(row_line(row))
        self._write()

    def _write(self) -> None:
        write_report(self._out, self._rows, self._conditions)


def problem_row(what: str, reason: object) -> Row:
    """A row for what was not measured."""
    return {"what": what, "problem": " ".join(str(reason).split())[:LONGEST_REASON]}


def inapplicable_row(what: str, reason: object) -> Row:
    """A row for what does not apply to this machine."""
    return {"what": what, "inapplicable": " ".join(str(reason).split())[:LONGEST_REASON]}


def row_line(row: Row) -> str:
    """A line of the table."""
    if "problem" in row:
        return f"  {row['what']:<44}  PROBLEM: {row['problem']}"
    return f"  {row['what']:<44}  {row['result'] if 'result' in row else 'not applicable: ' + row['inapplicable']}"


def write_report(out: Path, rows: list[Row], conditions: Mapping[str, Any]) -> None:
    """The file that `read_report` reads."""
    write_text(out, json.dumps({"rows": rows, "conditions": conditions}, indent=2) + "\n")


def read_report(out: Path) -> tuple[list[Row], Mapping[str, Any]]:
    """Rows and conditions; none where the file is not there."""
    if not out.exists():
        return [], {}
    read = json.loads(out.read_text())
    return read["rows"], read["conditions"]


def run_part(out: Path, measure: Callable[[Report], None], **conditions: object) -> None:
    """Measure on the GPU of this machine, write the report, and exit with 1 if it has problems.

    Args:
        out: JSON file.
        measure: adds the rows.
        conditions: besides those of the machine.
    """
    try:
        require_gpu()
        check_writable(out)
        report = Report(out, gpu_conditions() | conditions)
        with report.attempt(out.stem):
            measure(report)
    except GridRTError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Written to {out}")
    sys.exit(int(report.has_problems))
