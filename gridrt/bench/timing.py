"""Time calls in turns, A B A B ..., so that whatever else the machine does slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tqdm import tqdm

# A pool of threads spins for a while after its work, on the cores that the next call needs.
REST_SECONDS = 0.2


def seconds_in_turns(
    calls: Mapping[str, Callable[[], object]], *, warm_up: int, runs: int
) -> dict[str, tuple[float, ...]]:
    """How long each run of each call took, by the wall clock; with a progress bar on a terminal.

    Args:
        calls: what to time, by name.
        warm_up: how often to run each before.
        runs: how often to time each.
    """
    rounds = [_one_round(calls) for _ in tqdm(range(warm_up + runs), "timing", unit="round", leave=False, disable=None)]
    return {name: tuple(each[name] for each in rounds[warm_up:]) for name in calls}


def _one_round(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    return {name: _seconds(call) for name, call in calls.items()}


def _seconds(call: Callable[[], object]) -> float:
    time.sleep(REST_SECONDS)
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
