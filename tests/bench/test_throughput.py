from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from gridrt.bench import throughput
from gridrt.bench.candidates import Candidate
from gridrt.bench.process import CandidateError, CandidateProcess
from gridrt.bench.throughput import measure_throughput

IMAGE = Path("a.png")


class Fake:
    """A candidate's process that takes a number of seconds for each image, and at most so many images."""

    def __init__(self, name: str, calls: list[str], seconds: float, most: int) -> None:
        self.name, self.calls, self.seconds, self.most = name, calls, seconds, most

    def call(self, method: str, image: Path, size: int) -> float:
        assert (method, image) == ("run_batch", IMAGE)
        self.calls.append(f"{self.name}{size}")
        if size > self.most:
            raise CandidateError("too many images")
        return self.seconds * size


def candidate(name: str, calls: list[str], seconds: float = 1.0, most: int = 9) -> Candidate:
    return Candidate(name, name, process=cast("CandidateProcess", Fake(name, calls, seconds, most)))


def test_each_size_is_run_by_all_in_rotating_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "RUNS", 2)
    calls: list[str] = []
    candidates = [candidate("a", calls, 1), candidate("b", calls, 2)]

    measure_throughput(candidates, IMAGE, [1, 4])

    assert "".join(calls) == "a1b1b1a1a1b1" + "a4b4b4a4a4b4"
    assert [each.batch_seconds for each in candidates] == [{1: [1, 1], 4: [4, 4]}, {1: [2, 2], 4: [8, 8]}]


def test_a_size_that_one_cannot_run_is_noted_once_and_the_others_go_on() -> None:
    calls: list[str] = []
    able, small = candidate("a", calls), candidate("b", calls, most=2)

    measure_throughput([able, small], IMAGE, [4, 2])

    assert list(able.batch_seconds) == [4, 2]
    assert list(small.batch_seconds) == [2]
    assert small.not_measured == ["a batch of 4 not measured: too many images"]
    assert not small.failure


def test_what_has_failed_is_not_run() -> None:
    calls: list[str] = []
    failed = candidate("a", calls)
    failed.failure = "broken"

    measure_throughput([failed], IMAGE, [1])

    assert calls == []
