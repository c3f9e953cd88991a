from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from gridrt.training.signals import delayed_signals


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []

    with pytest.raises(KeyboardInterrupt), delayed_signals() as signals:  # noqa: PT012 - what comes after the signal
        interrupt()
        done.append(signals.received)

    assert done == [signal.SIGINT]


def test_an_interrupt_that_is_repeated_later_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.training.signals.REPEATED_AFTER", -1.0)
    done = []

    with pytest.raises(KeyboardInterrupt), delayed_signals():  # noqa: PT012 - which of these lines raises
        interrupt()
        interrupt()
        done.append("after")

    assert done == []


def test_an_interrupt_that_arrives_twice_at_once_waits() -> None:
    done = []

    with pytest.raises(KeyboardInterrupt), delayed_signals():  # noqa: PT012 - what comes after the signals
        interrupt()
        interrupt()
        done.append("after")

    assert done == ["after"]


def test_without_a_signal_the_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with delayed_signals() as signals:
        assert signals.received is None

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_of_the_block_is_not_hidden_by_a_signal_that_waits() -> None:
    with pytest.raises(ZeroDivisionError), delayed_signals():  # noqa: PT012 - the signal comes before the error
        interrupt()
        raise ZeroDivisionError


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(signal, "raise_signal", lambda _: pytest.fail("the signal was delivered"))
    try:
        with delayed_signals() as signals:
            interrupt()
            assert signals.received is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_delays_nothing_and_runs() -> None:
    seen = []

    def work() -> None:
        with delayed_signals() as signals:
            seen.append(signals.received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [None]


def test_termination_waits_too_and_then_ends_the_process() -> None:
    program = """
import os, signal
from gridrt.training.signals import delayed_signals
with delayed_signals("stopping\\n"):
    os.kill(os.getpid(), signal.SIGTERM)
    print("saved", flush=True)
print("never")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGTERM, "saved\n", "stopping\n")
