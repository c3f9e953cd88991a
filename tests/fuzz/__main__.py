"""`python -m tests.fuzz FILES SEED`: damage files of each format, and count how the commands that read them end.

Exits with 1 where there is a violation, `tests.fuzz.judge.VIOLATIONS`. A file is known by its format, seed and number:
`--format "ONNX graph" --file 17` makes that one again.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads cannot be forked

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from gridrt.formatting import format_count
from tests.fuzz.campaign import Campaign, Verdict
from tests.fuzz.formats import FORMATS
from tests.fuzz.judge import FINE, VIOLATIONS

SHOWN = 3  # violations of one kind in a format
LONGEST = 2000  # characters of what a command wrote
WIDTHS = {"format": 18, "files": 6, **{kind: max(len(kind), 5) for kind in (*FINE, *VIOLATIONS)}, "MB": 5, "s": 5}


def fuzz(name: str, numbers: range, seed: int, workers: int) -> dict[str, Any]:
    """A row of the table, ready for JSON; the first violations of a kind are shown as they come."""
    counts = Counter[str]()
    violations = []
    peak, slowest = 0, 0.0
    bar = click.progressbar(length=len(numbers), label=name, file=sys.stderr)  # tqdm's children would redraw its bars
    with TemporaryDirectory() as folder, bar:
        for verdict in Campaign(name, seed, Path(folder), workers).verdicts(numbers):
            bar.update(1)
            counts[verdict.kind] += 1
            peak, slowest = max(peak, verdict.ended.peak), max(slowest, verdict.ended.seconds)
            if verdict.kind in VIOLATIONS:
                violations.append(_described(name, verdict))
                if counts[verdict.kind] <= SHOWN:
                    click.echo(f"\n{json.dumps(violations[-1], indent=1)}", err=True)
    row = {"format": name, "files": len(numbers), **{kind: counts[kind] for kind in (*FINE, *VIOLATIONS)}}
    return {**row, "MB": peak // 1_000_000, "s": round(slowest, 1), "violations": violations}


def _described(name: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "format": name,
        "file": verdict.file.number,
        "kind": verdict.kind,
        "mutation": verdict.file.mutation.__name__,
        "command": " ".join(FORMATS[name].commands[verdict.file.command].words),
        "exit_code": verdict.ended.code,
        "stderr": verdict.ended.stderr[-LONGEST:],
    }


@click.command()
@click.argument("files", type=click.IntRange(min=1), default=200)
@click.argument("seed", type=int, default=0)
@click.option("--format", "names", type=click.Choice(list(FORMATS)), multiple=True, help="Only this one. Repeat it.")
@click.option("--file", "number", type=int, help="Only the file of this number.")
@click.option("--workers", type=click.IntRange(min=1), default=len(os.sched_getaffinity(0)), help="Files at a time.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the table here, after each format.")
def main(
    *, files: int, seed: int, names: Sequence[str], number: int | None, workers: int, json_file: Path | None
) -> None:
    """Damage so many FILES of each format, from SEED."""
    numbers = range(files) if number is None else range(number, number + 1)
    click.echo(f"seed {seed}")
    click.echo(" ".join(f"{column:>{width}}" for column, width in WIDTHS.items()))
    rows = []
    for name in names or FORMATS:
        rows.append(fuzz(name, numbers, seed, workers))
        click.echo(" ".join(f"{rows[-1][column]:>{width}}" for column, width in WIDTHS.items()))
        if json_file is not None:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(json.dumps({"seed": seed, "formats": rows}, indent=1) + "\n")
    found = sum(len(row["violations"]) for row in rows)
    click.echo(f"{format_count(len(rows) * len(numbers), 'file')}, {format_count(found, 'violation')}")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
