from __future__ import annotations

import time
from functools import partial

import pytest

from gridrt.bench.timing import seconds_in_turns


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in its one entry, which passes only when told to."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", partial(pass_time, now))
    return now


def pass_time(now: list[float], seconds: float) -> None:
    now[0] += seconds


def test_calls_take_turns_and_the_warm_up_comes_first() -> None:
    order: list[str] = []

    seconds = seconds_in_turns({name: partial(order.append, name) for name in "AB"}, warm_up=1, runs=2)

    assert order == ["A", "B"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"A": 2, "B": 2}


def test_a_call_is_timed_alone_without_the_rest_before_it(clock: list[float]) -> None:
    durations = iter([8.0, 1.0, 2.0])

    seconds = seconds_in_turns({"A": lambda: pass_time(clock, next(durations))}, warm_up=1, runs=2)

    assert seconds == {"A": pytest.approx((1.0, 2.0))}
