"""`python -m tests.kills [N] [SEED] [VERB]...`: send N of each signal to verbs at random moments, and look at the rest.

Results must be whole or absent, partial files valid line by line, nothing left in TMPDIR and no child process; the exit
status must be that of the signal. After SIGKILL, temporary files may be left until the next run, which is made.
Exits with 1 where that is not so; the folders of such runs stay.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from tests.kills.kill import SIGNALS, Killed, kill
from tests.kills.verbs import VERBS, write_inputs

PARALLEL = 2
NEVER = 3600.0
TOO_LATE = 1.05
"""Moments are up to this share of a whole run: some come when all is done."""


def main(number: int, seed: int, verbs: Sequence[str], folder: Path) -> int:
    """Show a row for each verb, and violations as they come."""
    (folder / "inputs").mkdir()
    write_inputs(folder / "inputs")
    with ThreadPoolExecutor(PARALLEL) as threads:
        usual = dict(zip(verbs, threads.map(lambda name: _usual_seconds(name, folder), verbs), strict=True))
        plan = list(_plan(number, seed, usual))
        kills = threads.map(
            lambda each: kill(VERBS[each[0]], each[1], each[2], folder / each[3], usual=usual[each[0]]), plan
        )
        counts: Counter[tuple[str, signal.Signals, str]] = Counter()
        for (verb, sent, moment, name), found in zip(plan, kills, strict=True):
            _count(counts, verb, sent, found)
            for violation in found.violations:
                click.echo(f"{verb}, {sent.name} after {moment:.2f} s, {folder / name}: {violation}", err=True)
    return _table(counts, verbs, usual)


def _usual_seconds(name: str, folder: Path) -> float:
    """How long a verb takes that no signal ends."""
    started = time.monotonic()
    found = kill(VERBS[name], signal.SIGKILL, NEVER, folder / f"{name}.whole")
    if found.status != 0 or found.violations:
        raise click.ClickException(f"{name} does not work: status {found.status}, {found.violations}, {found.stderr}")
    return time.monotonic() - started


def _plan(number: int, seed: int, usual: dict[str, float]) -> Iterator[tuple[str, signal.Signals, float, str]]:
    """Verb, signal, moment and folder of each kill; the verbs in turn, each signal beginning with another one."""
    names = list(usual)
    for offset, sent in enumerate(SIGNALS):
        for index in range(number):
            name = names[(index + offset * len(names) // len(SIGNALS)) % len(names)]
            chosen = random.Random(f"{seed} {sent.name} {index}")  # noqa: S311 - a reproducible choice
            yield name, sent, chosen.uniform(0, TOO_LATE * usual[name]), f"{name}.{sent.name}.{index}"


def _count(counts: Counter[tuple[str, signal.Signals, str]], verb: str, sent: signal.Signals, found: Killed) -> None:
    counts[verb, sent, "sent"] += 1
    counts[verb, sent, "ended before"] += found.status == 0
    counts[verb, sent, "violated"] += bool(found.violations)


def _table(counts: Counter[tuple[str, signal.Signals, str]], verbs: Sequence[str], usual: dict[str, float]) -> int:
    """Print it; returns the exit status."""
    click.echo(f"{'':14}{'seconds':>8}" + "".join(f"{sent.name:>16}" for sent in SIGNALS))
    for verb in verbs:
        cells = [
            f"{counts[verb, sent, 'sent']} sent, {counts[verb, sent, 'violated']} bad".rjust(16) for sent in SIGNALS
        ]
        click.echo(f"{verb:14}{usual[verb]:8.1f}" + "".join(cells))
    sums = {what: sum(count for key, count in counts.items() if key[2] == what) for what in ("sent", "ended before")}
    bad = sum(count for key, count in counts.items() if key[2] == "violated")
    click.echo(
        f"{sums['sent']} signals, {sums['ended before']} of them after the end of the verb, {bad} with violations"
    )
    return int(bad > 0)


if __name__ == "__main__":
    chosen = sys.argv[3:] or list(VERBS)
    work = Path(tempfile.mkdtemp(prefix="kills."))
    status = main(int(sys.argv[1]) if sys.argv[1:] else 100, int(sys.argv[2]) if sys.argv[2:] else 0, chosen, work)
    if status == 0:
        import shutil

        shutil.rmtree(work)
    sys.exit(status)
