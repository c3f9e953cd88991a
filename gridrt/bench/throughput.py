"""Images per second by batch size: all candidates in rotating order, on copies of one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gridrt.bench.candidates import Candidate

WARM_UP = 1
"""Rounds before those that count, of each batch size."""
RUNS = 5


def measure_throughput(candidates: Sequence[Candidate], image: Path, batches: Sequence[int]) -> None:
    """Record the seconds of batches in each candidate; one that fails at a size is not measured at that size.

    Args:
        candidates: open ones; those that have failed are skipped.
        image: of which batches are made.
        batches: their sizes.
    """
    for size in batches:
        able = [candidate for candidate in candidates if not candidate.failure]
        for number in range(WARM_UP + RUNS):
            first = number % max(len(able), 1)
            for candidate in (*able[first:], *able[:first]):
                seconds = None
                with candidate.optional(f"a batch of {size}"):
                    seconds = candidate.call("run_batch", image, size)
                if seconds is None:
                    able.remove(candidate)
                    candidate.batch_seconds.pop(size, None)
                elif number >= WARM_UP:
                    candidate.batch_seconds.setdefault(size, []).append(seconds)
