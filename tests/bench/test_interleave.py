from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from gridrt.bench import interleave
from gridrt.bench.candidates import Candidate
from gridrt.bench.interleave import (
    LEAST_RUNS,
    LOG_SECONDS,
    WARM_UP,
    interleaved_seconds,
    measure_throughput,
    run_interleaved,
    with_progress,
)
from gridrt.bench.process import CandidateError, CandidateProcess
from gridrt.bench.result import DETECTOR, SESSION
from gridrt.bench.worker import TimedRun
from gridrt.types import Detections

NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))
IMAGES = [Path(f"{number}.png") for number in range(LEAST_RUNS)]


class Instant(Candidate):
    """Without a process: records what it is asked for, and answers at once."""

    def __init__(
        self, name: str, asked: list[tuple[str, str]], trouble: Callable[[int], None] = lambda _: None
    ) -> None:
        super().__init__(name)
        self.asked, self.trouble, self.runs = asked, trouble, 0

    def call(self, method: str, *arguments: object) -> TimedRun:
        [image] = arguments
        assert method == "detect"
        assert isinstance(image, Path)
        self.runs += 1
        self.trouble(self.runs)
        self.asked.append((self.artefact, image.stem))
        return TimedRun(NOTHING, session=float(self.runs), detector=float(self.runs) + 0.5)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a list of one number, which passes only when told to."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", partial(pass_time, now))
    return now


def pass_time(now: list[float], seconds: float) -> None:
    now[0] += seconds


def test_each_image_goes_through_all_candidates_in_rotating_order() -> None:
    asked: list[tuple[str, str]] = []

    complete = run_interleaved([Instant("A", asked), Instant("B", asked)], IMAGES, LEAST_RUNS)

    assert complete
    counted = asked[2 * WARM_UP :]
    assert counted[:4] == [("B", "0"), ("A", "0"), ("A", "1"), ("B", "1")]
    assert len(counted) == 2 * len(IMAGES)


def test_the_warm_up_does_not_count() -> None:
    candidate = Instant("A", [])

    run_interleaved([candidate], IMAGES, LEAST_RUNS)

    assert candidate.seconds[SESSION][0] == WARM_UP + 1
    assert candidate.seconds[DETECTOR][0] == WARM_UP + 1.5
    assert len(candidate.seconds[SESSION]) == len(IMAGES) == len(candidate.detections)


def test_few_images_are_run_again_until_there_are_enough_times() -> None:
    candidate = Instant("A", [])

    run_interleaved([candidate], IMAGES[:3], LEAST_RUNS)

    assert len(candidate.seconds[SESSION]) >= LEAST_RUNS
    assert len(candidate.seconds[SESSION]) % 3 == 0
    assert list(candidate.detections) == IMAGES[:3]


def test_one_that_fails_drops_out_and_the_others_go_on() -> None:
    def break_down(runs: int) -> None:
        if runs == 10:
            raise CandidateError("broken")

    broken, sound = Instant("A", [], break_down), Instant("B", [])
    run_interleaved([broken, sound], IMAGES, LEAST_RUNS)

    assert (broken.failure, sound.failure) == ("broken", "")
    assert broken.runs == 10
    assert len(sound.detections) == len(IMAGES)


def test_control_c_ends_with_whole_rounds() -> None:
    def interrupt(runs: int) -> None:
        if runs == WARM_UP + 5:
            raise KeyboardInterrupt

    candidates = [Instant("A", [], interrupt), Instant("B", [])]
    complete = run_interleaved(candidates, IMAGES, LEAST_RUNS)

    assert not complete
    assert [len(candidate.detections) for candidate in candidates] == [4, 4]


def test_calls_are_interleaved_and_the_warm_up_comes_first() -> None:
    order: list[str] = []

    seconds = interleaved_seconds({name: partial(order.append, name) for name in "AB"}, warm_up=1, runs=2)

    assert order == ["A", "B"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"A": 2, "B": 2}


def test_a_call_is_timed_without_the_rest_before_it(clock: list[float]) -> None:
    durations = iter([8.0, 1.0, 2.0])

    seconds = interleaved_seconds({"A": lambda: pass_time(clock, next(durations))}, warm_up=1, runs=2)

    assert seconds == {"A": pytest.approx((1.0, 2.0))}


class Batched:
    """A candidate's process that takes a number of seconds for each image, and at most so many images."""

    def __init__(self, name: str, calls: list[str], seconds: float, most: int) -> None:
        self.name, self.calls, self.seconds, self.most = name, calls, seconds, most

    def call(self, method: str, image: Path, size: int) -> float:
        assert (method, image) == ("run_batch", IMAGES[0])
        self.calls.append(f"{self.name}{size}")
        if size > self.most:
            raise CandidateError("too many images")
        return self.seconds * size


def batched(name: str, calls: list[str], seconds: float = 1.0, most: int = 9) -> Candidate:
    return Candidate(name, name, process=cast("CandidateProcess", Batched(name, calls, seconds, most)))


def test_each_size_is_run_by_all_in_rotating_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleave, "BATCH_RUNS", 2)
    calls: list[str] = []
    candidates = [batched("a", calls, 1), batched("b", calls, 2)]

    measure_throughput(candidates, IMAGES[0], [1, 4])

    assert "".join(calls) == "a1b1b1a1a1b1" + "a4b4b4a4a4b4"
    assert [each.batch_seconds for each in candidates] == [{1: [1, 1], 4: [4, 4]}, {1: [2, 2], 4: [8, 8]}]


def test_a_size_that_one_cannot_run_is_noted_once_and_the_others_go_on() -> None:
    calls: list[str] = []
    able, small = batched("a", calls), batched("b", calls, most=2)

    measure_throughput([able, small], IMAGES[0], [4, 2])

    assert list(able.batch_seconds) == [4, 2]
    assert list(small.batch_seconds) == [2]
    assert small.not_measured == ["a batch of 4 not measured: too many images"]
    assert not small.failure


def test_what_has_failed_is_not_run() -> None:
    calls: list[str] = []
    failed = batched("a", calls)
    failed.failure = "broken"

    measure_throughput([failed], IMAGES[0], [1])

    assert calls == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def log_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_a_line_now_and_then_with_what_is_done_and_the_time_left(
    log_clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in with_progress(range(10), "bench"):
        log_clock[0] += LOG_SECONDS / 2

    assert capsys.readouterr().err.splitlines() == [
        f"bench: {done} of 10 images, {(10 - done) * LOG_SECONDS / 2:.0f} s left" for done in (2, 4, 6, 8)
    ]


def test_a_short_loop_leaves_no_line(log_clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in with_progress(range(10), "bench"):
        log_clock[0] += LOG_SECONDS / 20

    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert list(with_progress([3, 1], "bench")) == [3, 1]

    assert "0/2" in terminal.getvalue()
