from __future__ import annotations

import time

import numpy as np
import pytest

from gridrt.bench.timing import TimedSession, latency_of, speedup
from gridrt.types import Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession


def test_percentiles_are_those_of_the_sorted_runs() -> None:
    found = latency_of([seconds / 100 for seconds in np.random.default_rng(0).permutation(range(101))])

    assert (found.runs, found.mean, found.p50, found.p95, found.p99) == (
        101,
        *map(pytest.approx, (0.5, 0.5, 0.95, 0.99)),
    )
    assert found.fps == pytest.approx(2)


def test_a_single_run_is_all_of_its_percentiles() -> None:
    found = latency_of([0.25])

    assert (found.mean, found.p50, found.p99, found.fps) == (0.25, 0.25, 0.25, 4)


def test_the_speedup_does_not_change_while_the_machine_drifts() -> None:
    drift = np.geomspace(1, 50, 30)

    assert speedup((0.3 * drift).tolist(), (0.1 * drift).tolist()) == pytest.approx(3)


def test_one_disturbed_run_does_not_move_the_speedup() -> None:
    assert speedup([2, 2, 90], [1, 1, 1]) == 2


class SlowSession(FakeSession):
    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        time.sleep(0.05)
        return super().run(images, image_sizes)


def test_a_timed_run_takes_at_least_its_time_and_changes_nothing() -> None:
    images, sizes = np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32)
    session = TimedSession(SlowSession())

    started = time.perf_counter()
    raw = session.run(images, sizes)

    assert 0.05 <= session.seconds <= time.perf_counter() - started
    np.testing.assert_array_equal(raw.boxes, FakeSession().run(images, sizes).boxes)


def test_a_timed_session_has_the_info_of_its_session() -> None:
    session = FakeSession(scale=(640, 480))

    assert TimedSession(session).info == session.info


def test_an_error_of_the_session_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession()
    monkeypatch.setattr(session, "run", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        TimedSession(session).run(np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32))
