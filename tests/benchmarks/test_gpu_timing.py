"""Calls are interleaved, and their times become a median, a percentile and a count; the GPU's clock is a stand-in."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu_timing import (
    LAUNCHES,
    MOST_SETS,
    ROTATED,
    input_sets,
    interleaved_milliseconds,
    replayed,
    summary,
)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done; each entry takes a millisecond."""
    done: list[str] = []

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing
            self.at = -1

        def record(self) -> None:
            self.at = len(done)

        def synchronize(self) -> None:
            assert self.at >= 0

        def elapsed_time(self, end: Event) -> float:
            return end.at - self.at

    monkeypatch.setattr(torch.cuda, "Event", Event)
    return done


def test_calls_are_interleaved_and_what_comes_before_is_not_timed(journal: list[str]) -> None:
    calls = {"a": lambda: journal.append("a"), "b": lambda: journal.extend("bb")}

    times = interleaved_milliseconds(calls, warm_up=1, runs=2, seconds=60, before=lambda: journal.append("-"))

    assert "".join(journal) == "abb" + 2 * "-a-bb"
    assert times == {"a": [1, 1], "b": [2, 2]}


def test_there_is_one_round_where_time_is_up(journal: list[str]) -> None:
    times = interleaved_milliseconds({"a": lambda: journal.append("a")}, warm_up=0, runs=50, seconds=-1)

    assert times == {"a": [1]}


def test_the_summary_has_median_percentile_and_count() -> None:
    assert summary([float(number) for number in range(100, 0, -1)]) == {"median_ms": 50.5, "p95_ms": 95, "count": 100}
    assert summary([7.0]) == {"median_ms": 7, "p95_ms": 7, "count": 1}


def test_a_graph_holds_some_launches_over_inputs_in_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    graph = SimpleNamespace(replay=lambda: called.append(-1))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda _graph: nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: called.append(-2))

    replay = replayed([lambda: called.append(0), lambda: called.append(1), lambda: called.append(2)])

    assert called == [0, 1, 2, -2, *(number % 3 for number in range(LAUNCHES))]
    replay()
    assert called[-1] == -1


@pytest.mark.parametrize(("size", "sets"), [(1, MOST_SETS), (ROTATED // 8, 8), (10 * ROTATED, 2)])
def test_inputs_in_rotation_are_more_than_a_cache_holds_and_never_one_alone(size: int, sets: int) -> None:
    assert input_sets(size) == sets
