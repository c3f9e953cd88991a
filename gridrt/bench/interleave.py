"""Interleaved runs, A B A B ...: whatever else the machine does affects all candidates alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from gridrt.bench.candidates import Candidate

T = TypeVar("T")

REST_SECONDS = 0.2
"""Before each run: a thread pool spins for a while after its work, on the cores that the next run needs."""
WARM_UP = 3
"""Rounds before those that count."""
LEAST_RUNS = 50
"""Of each candidate, unless asked otherwise."""
BATCH_WARM_UP, BATCH_RUNS = 1, 5
"""Rounds of each batch size: those before the ones that count, and those."""
LOG_SECONDS = 30.0
"""Between two lines of a log."""


def run_interleaved(candidates: Sequence[Candidate], images: Sequence[Path], least_runs: int) -> bool:
    """Run all images through all candidates, in rotating order; one that fails drops out, the others go on.

    A round is recorded as a whole, so that runs with the same index were made side by side. Control-C ends the runs.

    Args:
        candidates: open ones; those that have failed are skipped.
        images: at least one.
        least_runs: images are run again until each candidate has at least so many times; detections count once.

    Returns:
        Whether all rounds were run.
    """
    passes = -(-least_runs // len(images))
    rounds = [images[0]] * WARM_UP + list(images) * passes
    try:
        for number, image in enumerate(with_progress(rounds, "bench")):
            running = [candidate for candidate in candidates if not candidate.failure]
            first = number % max(len(running), 1)
            runs = []
            for candidate in (*running[first:], *running[:first]):
                time.sleep(REST_SECONDS)
                with candidate.required():
                    runs.append((candidate, candidate.call("detect", image)))
            if number >= WARM_UP:
                for candidate, run in runs:
                    candidate.add(image, run)
    except KeyboardInterrupt:
        return False
    return True


def measure_throughput(candidates: Sequence[Candidate], image: Path, batches: Sequence[int]) -> None:
    """Record the seconds of batches, run in rotating order; one that fails at a size is not measured at that size.

    Args:
        candidates: open ones; those that have failed are skipped.
        image: of which batches are made.
        batches: their sizes.
    """
    for size in batches:
        able = [candidate for candidate in candidates if not candidate.failure]
        for number in range(BATCH_WARM_UP + BATCH_RUNS):
            first = number % max(len(able), 1)
            for candidate in (*able[first:], *able[:first]):
                seconds = None
                with candidate.optional(f"a batch of {size}"):
                    seconds = candidate.call("run_batch", image, size)
                if seconds is None:
                    able.remove(candidate)
                    candidate.batch_seconds.pop(size, None)
                elif number >= BATCH_WARM_UP:
                    candidate.batch_seconds.setdefault(size, []).append(seconds)


def interleaved_seconds(
    calls: Mapping[str, Callable[[], object]], *, warm_up: int, runs: int
) -> dict[str, tuple[float, ...]]:
    """Wall-clock seconds of each run of each call; shows a progress bar on a terminal.

    Args:
        calls: what to time, by name.
        warm_up: untimed rounds before.
        runs: timed rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in tqdm(range(warm_up + runs), "timing", unit="round", leave=False, disable=None):
        for name, call in calls.items():
            time.sleep(REST_SECONDS)
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: tuple(each[warm_up:]) for name, each in seconds.items()}


def with_progress(items: Sequence[T], doing: str) -> Iterator[T]:
    """Iterate over images: with a bar on a terminal, elsewhere with a line on stderr every `LOG_SECONDS`.

    Args:
        items: one for each image.
        doing: what is done to them, in one word.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, doing, unit="image", leave=False)
        return
    started = logged = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - logged >= LOG_SECONDS:
            left = (now - started) / done * (len(items) - done)
            sys.stderr.write(f"{doing}: {done} of {len(items)} images, {left:.0f} s left\n")
            sys.stderr.flush()
            logged = now
        yield item
