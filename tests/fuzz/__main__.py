"""`python -m tests.fuzz [N] [SEED]`: damage N files of each format, and count what reading them leads to.

Exits with 1 where reading one ends in a traceback, hangs, or ends the process. "changed" counts files that are read
without a warning and give another result: those that a checksum does not cover, such as other class names or boxes.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.fuzz.formats import FORMATS
from tests.fuzz.worker import Reader

OUTCOMES = ("refused", "same", "warned", "changed", "traceback", "hang", "died")
FAILURES = ("traceback", "hang", "died")


def fuzz(name: str, number: int, seed: int, reader: Reader) -> Iterator[tuple[str, str]]:
    """The outcome of each of so many damaged files of a format, with what was found."""
    form = FORMATS[name]
    random_ = random.Random(f"{seed} {name}")  # noqa: S311 - a reproducible choice
    with TemporaryDirectory() as folder:
        path = form.write(Path(folder))
        sound = path.read_bytes()
        kind, expected = reader.outcome(name, path)
        assert kind in ("read", "warned"), expected
        for _ in range(number):
            mutation = random_.choice(form.mutations)
            path.write_bytes(mutation(sound, random_))
            kind, text = reader.outcome(name, path)
            if kind == "read":
                kind = "same" if text == expected else "changed"
            yield kind, f"{mutation.__name__}: {text}"


def main(number: int, seed: int) -> int:
    """Show a row for each format, and failures as they come."""
    reader = Reader()
    failed = False
    click.echo(f"{'':20}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    for name in FORMATS:
        counts: Counter[str] = Counter()
        for kind, text in fuzz(name, number, seed, reader):
            counts[kind] += 1
            if kind in FAILURES:
                failed = True
                click.echo(f"{name}: {kind}: {text}", err=True)
        click.echo(f"{name:20}" + "".join(f"{counts[outcome]:>10}" for outcome in OUTCOMES))
    reader.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, (*sys.argv[1:], *("200", "0")[len(sys.argv) - 1 :]))))
