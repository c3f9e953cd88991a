"""Calls are interleaved, and their times become a median, a percentile and a count; the GPU's clock is a stand-in."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu_timing import interleaved_milliseconds, summary


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
