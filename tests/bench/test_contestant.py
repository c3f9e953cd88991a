from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from gridrt.bench.contestant import Contestant, ContestantError
from gridrt.errors import GridRTError


class Served:
    """Over there."""

    def add(self, left: int, right: int) -> int:
        return left + right

    def process(self) -> int:
        return os.getpid()

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    def refuse(self) -> None:
        raise GridRTError("rule", place="place")

    def stumble(self) -> None:
        raise KeyError("mistake")

    def crash(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


def fail(reason: str) -> None:
    raise GridRTError(reason)


@pytest.fixture(scope="module")
def contestant() -> Iterator[Contestant]:
    with closing(Contestant(Served)) as contestant:
        yield contestant


def test_calls_are_answered_by_another_process(contestant: Contestant) -> None:
    assert contestant.ask("add", 2, 3) == 5
    assert contestant.ask("process") != os.getpid()


def test_a_users_error_comes_back_as_its_line_and_the_process_goes_on(contestant: Contestant) -> None:
    with pytest.raises(ContestantError, match=r"^place: rule$"):
        contestant.ask("refuse")
    assert contestant.ask("add", 1, 1) == 2


def test_a_mistake_comes_back_with_its_kind(contestant: Contestant) -> None:
    with pytest.raises(ContestantError, match=r"^KeyError: 'mistake'$"):
        contestant.ask("stumble")


def test_the_answer_to_an_interrupted_call_is_not_taken_for_that_to_the_next(contestant: Contestant) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        contestant.ask("sleep", 1.0)
    signal.signal(signal.SIGALRM, before)

    assert contestant.ask("add", 4, 4) == 8


def test_control_c_leaves_the_process_to_the_one_that_asks(contestant: Contestant) -> None:
    os.kill(contestant.ask("process"), signal.SIGINT)

    assert contestant.ask("add", 1, 2) == 3


def test_a_crash_is_told_with_its_signal() -> None:
    with closing(Contestant(Served)) as contestant:
        for _ in range(2):
            with pytest.raises(ContestantError, match=f"its process ended .*signal {signal.SIGSEGV.value}"):
                contestant.ask("crash")


def test_what_cannot_be_made_fails_every_call_with_its_reason() -> None:
    with closing(Contestant(fail, "no such model")) as contestant:
        for _ in range(2):
            with pytest.raises(ContestantError, match=r"^no such model$"):
                contestant.ask("add", 1, 1)


def test_a_process_that_does_not_end_by_itself_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.contestant.STOP_SECONDS", 0.1)
    contestant = Contestant(Served)
    process = contestant.ask("process")
    contestant._ours.send((99, "sleep", (60.0,)))

    contestant.close()

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_control_c_while_a_process_starts_or_works_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    contestant = Contestant(Served)
    os.kill(contestant._process.pid or 0, signal.SIGINT)
    contestant._ours.send((1, "sleep", (0.5,)))

    contestant.close()

    assert contestant._process.exitcode == 0
    assert capfd.readouterr().err == ""
