from __future__ import annotations

import time

import numpy as np
import pytest

from gridrt.bench.stopwatch import Stopwatch
from gridrt.types import Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession


class SlowSession(FakeSession):
    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        time.sleep(0.05)
        return super().run(images, image_sizes)


def test_a_run_is_timed_and_changes_nothing() -> None:
    images, sizes = np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32)
    stopwatch = Stopwatch(SlowSession())

    raw = stopwatch.run(images, sizes)

    assert 0.05 <= stopwatch.seconds < 1
    np.testing.assert_array_equal(raw.boxes, FakeSession().run(images, sizes).boxes)


def test_it_is_known_as_what_it_times() -> None:
    session = FakeSession(scale=(640, 480), scale_is_noted=False)

    stopwatch = Stopwatch(session)

    assert (stopwatch.class_names, stopwatch.scale, stopwatch.scale_is_noted) == (("cat", "dog"), (640, 480), False)


def test_what_a_session_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession()
    monkeypatch.setattr(session, "run", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        Stopwatch(session).run(np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32))
