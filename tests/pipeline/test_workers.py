from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np
import pytest

from gridrt.pipeline import workers as module
from gridrt.pipeline.workers import Workers, in_order


def test_results_come_in_the_order_of_the_jobs_whatever_takes_longest() -> None:
    waits = np.random.default_rng(0).uniform(0, 0.005, 40)

    def read(job: int) -> int:
        time.sleep(waits[job])
        return job * job

    with Workers(4) as workers:
        results = list(workers.read_ahead(range(40), read, 8, lambda _: 1))

    assert results == [(job, job * job) for job in range(40)]


def test_no_more_is_read_ahead_than_allowed() -> None:
    begun: list[int] = []
    with Workers(3) as workers:
        for job, _ in workers.read_ahead(range(50), begun.append, 5, lambda _: 1):
            time.sleep(0.001)
            assert len(begun) <= job + 1 + 5

    assert sorted(begun) == list(range(50))


def test_of_large_results_fewer_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    begun: list[int] = []
    with Workers(2) as workers:
        for job, _ in workers.read_ahead(range(20), begun.append, 9, lambda _: 50):
            time.sleep(0.002)
            assert len(begun) <= job + 1 + 2


def test_an_error_of_the_jobs_is_raised_after_those_before_it() -> None:
    def jobs() -> Iterator[int]:
        yield from range(3)
        raise ValueError("no more")

    done: list[int] = []
    with pytest.raises(ValueError, match="no more"), Workers(2) as workers:
        done.extend(job for job, _ in workers.read_ahead(jobs(), str, 2, len))
    assert done == [0, 1, 2]


def test_the_threads_end_with_the_block() -> None:
    before = threading.active_count()
    with Workers(3) as workers:
        next(workers.read_ahead(range(1000), str, 4, len))

    assert threading.active_count() == before


def test_what_is_written_behind_comes_back_in_order_and_no_more_than_allowed_waits() -> None:
    futures = [Future[int]() for _ in range(6)]
    taken: list[int] = []

    def pending() -> Iterator[tuple[int, Future[int]]]:
        for number, future in enumerate(futures):
            taken.append(number)
            yield number, future

    futures[1].set_result(10)

    def end_all() -> None:
        for each in futures[:1] + futures[2:]:
            each.set_result(0)

    timer = threading.Timer(0.05, end_all)
    timer.start()
    results = in_order(pending(), 2)
    first = next(results)
    timer.join()

    assert (first, taken) == ((0, 0), [0, 1, 2])
    assert [number for number, _ in results] == [1, 2, 3, 4, 5]
