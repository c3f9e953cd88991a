from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gridrt.bench.process import CandidateError, CandidateProcess
from gridrt.errors import GridRTError


class Worker:
    """What the process holds."""

    def add(self, left: int, right: int) -> int:
        return left + right

    def warn(self, reason: str) -> str:
        warnings.warn(reason, stacklevel=1)
        return "warned"

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

    def leave(self, status: int) -> None:
        os._exit(status)

    def fail_unpicklably(self) -> None:
        raise UnpicklableError(reason="broken")


class UnpicklableError(Exception):
    """Pickles, but cannot be made from what was pickled."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


class Parent(Worker):
    """Has a candidate of its own."""

    def __init__(self) -> None:
        self._candidate = CandidateProcess(Worker)

    def child(self) -> object:
        return self._candidate.call("process")


def fail(reason: str) -> None:
    raise GridRTError(reason)


@pytest.fixture(scope="module")
def candidate() -> Iterator[CandidateProcess]:
    with closing(CandidateProcess(Worker)) as candidate:
        yield candidate


def test_calls_are_answered_by_another_process(candidate: CandidateProcess) -> None:
    assert candidate.call("add", 2, 3) == 5
    assert candidate.call("process") != os.getpid()


def make_with_warning(reason: str) -> Worker:
    warnings.warn(reason, stacklevel=1)
    return Worker()


def test_warnings_come_back_to_the_one_that_asks(
    candidate: CandidateProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(UserWarning, match=r"^no VNNI$"):
        assert candidate.call("warn", "no VNNI") == "warned"
    assert capfd.readouterr().err == ""


def test_a_warning_of_the_making_comes_back_too() -> None:
    with (
        closing(CandidateProcess(make_with_warning, "no VNNI")) as candidate,
        pytest.warns(UserWarning, match=r"^no VNNI$"),
    ):
        assert candidate.call("add", 1, 1) == 2


def test_a_users_error_comes_back_as_its_line_and_the_process_goes_on(candidate: CandidateProcess) -> None:
    with pytest.raises(CandidateError, match=r"^place: rule$"):
        candidate.call("refuse")
    assert candidate.call("add", 1, 1) == 2


def test_a_mistake_comes_back_with_its_kind(candidate: CandidateProcess) -> None:
    with pytest.raises(CandidateError) as caught:
        candidate.call("stumble")
    assert str(caught.value) == "KeyError: 'mistake'"


def test_the_answer_to_an_interrupted_call_is_not_taken_for_that_to_the_next(candidate: CandidateProcess) -> None:
    interrupted(candidate, "sleep", 1.0)

    assert candidate.call("add", 4, 4) == 8


def test_control_c_leaves_the_process_to_the_one_that_asks(candidate: CandidateProcess) -> None:
    os.kill(candidate.call("process"), signal.SIGINT)

    assert candidate.call("add", 1, 2) == 3


def test_a_crash_is_told_with_its_signal() -> None:
    with closing(CandidateProcess(Worker)) as candidate:
        for _ in range(2):
            with pytest.raises(CandidateError, match="SIGSEGV"):
                candidate.call("crash")


def test_what_cannot_be_made_fails_every_call_with_its_reason() -> None:
    with closing(CandidateProcess(fail, "no such model")) as candidate:
        for _ in range(2):
            with pytest.raises(CandidateError, match=r"^no such model$"):
                candidate.call("add", 1, 1)


def test_an_exit_is_told_with_its_status() -> None:
    with closing(CandidateProcess(Worker)) as candidate, pytest.raises(CandidateError, match="exit status 5"):
        candidate.call("leave", 5)


def test_a_crash_while_it_is_made_is_told_with_its_signal() -> None:
    with closing(CandidateProcess(os.abort)) as candidate, pytest.raises(CandidateError, match="SIGABRT"):
        candidate.call("add", 1, 1)


def test_a_crash_leaves_the_other_candidates_alone(candidate: CandidateProcess) -> None:
    with closing(CandidateProcess(Worker)) as other, pytest.raises(CandidateError):
        other.call("crash")

    assert candidate.call("add", 2, 2) == 4


def test_an_error_that_cannot_be_pickled_comes_back_all_the_same(candidate: CandidateProcess) -> None:
    with pytest.raises(CandidateError) as caught:
        candidate.call("fail_unpicklably")
    assert str(caught.value) == "UnpicklableError: broken"
    assert candidate.call("add", 1, 1) == 2


def interrupted(candidate: CandidateProcess, method: str, *arguments: object) -> None:
    """A call that Control-C ends here, and that goes on over there."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(KeyboardInterrupt):
        candidate.call(method, *arguments)
    signal.signal(signal.SIGALRM, before)


def test_a_process_that_does_not_end_by_itself_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.process.STOP_SECONDS", 0.1)
    candidate = CandidateProcess(Worker)
    process = candidate.call("process")
    interrupted(candidate, "sleep", 60.0)

    candidate.close()

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_ends_with_a_parent_that_is_killed() -> None:
    """Its parent is the process of another candidate here."""
    with closing(CandidateProcess(Parent)) as parent:
        child = parent.call("child")
        os.kill(parent.call("process"), signal.SIGKILL)

        deadline = time.monotonic() + 30
        while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_control_c_while_a_process_starts_or_works_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    candidate = CandidateProcess(Worker)
    os.kill(candidate._process.pid or 0, signal.SIGINT)
    interrupted(candidate, "sleep", 0.5)

    candidate.close()

    deadline = time.monotonic() + 30
    while candidate._process.exitcode is None:  # the pool's thread has seen the end, and is about to note the code
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert candidate._process.exitcode == 0
    assert capfd.readouterr().err == ""
