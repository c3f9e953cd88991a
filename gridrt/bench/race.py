"""Artefacts side by side: each picture by each of them in turn, so that a machine that drifts slows all alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from gridrt.bench.contestant import Contestant, Timed
from gridrt.bench.entry import Entry
from gridrt.bench.timing import REST_SECONDS

WARM_UP = 3
"""Rounds before those that count."""
LEAST_RUNS = 50
"""Pictures are run again until each artefact has so many times; what is found counts once."""


def race(entries: Sequence[tuple[Entry, Contestant]], pictures: Sequence[Path]) -> bool:
    """Run all pictures through all artefacts; one that fails is out, the others go on.

    A round is noted as a whole, so that runs of the same number were made side by side. Control-C ends the race.

    Args:
        entries: with the processes that run them, open.
        pictures: at least one.

    Returns:
        Whether all was done.
    """
    passes = -(-LEAST_RUNS // len(pictures))
    rounds = [pictures[0]] * WARM_UP + list(pictures) * passes
    try:
        for number, picture in enumerate(tqdm(rounds, "bench", unit="image", leave=False, disable=None)):
            of_round = _one_round(entries, picture, first=number)
            if number >= WARM_UP:
                for entry, timed in of_round:
                    entry.add(picture, timed)
    except KeyboardInterrupt:
        return False
    return True


def _one_round(entries: Sequence[tuple[Entry, Contestant]], picture: Path, first: int) -> list[tuple[Entry, Timed]]:
    """Each artefact once, another one first in each round."""
    running = [pair for pair in entries if not pair[0].failure]
    start = first % max(len(running), 1)
    found = []
    for entry, contestant in (*running[start:], *running[:start]):
        time.sleep(REST_SECONDS)
        with entry.tried():
            found.append((entry, contestant.ask("detect", picture)))
    return found
