"""A candidate in a process of its own: its memory can be measured, and its crash leaves the other candidates alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, resource_tracker
from threading import Thread
from typing import Any

from gridrt.errors import GridRTError

STOP_SECONDS = 10
"""Given to a process to end by itself before it is killed."""

_instance: object = None  # what `make` returned; exists in the candidate's process only


class CandidateError(Exception):
    """A candidate that cannot be measured, with the error of its process in one line."""


class CandidateProcess:
    """A process that holds one object and calls its methods. It starts at once; the first call waits for it.

    Args:
        make: called in the process to make the object; a function that can be pickled.
        arguments: of `make`.
    """

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")  # a forked copy of PyTorch's thread pools can hang
        self._executor = ProcessPoolExecutor(max_workers=1, mp_context=context)
        before = multiprocessing.active_children()
        # Control-C goes to all processes of a terminal, but this one decides when to stop: the child inherits the
        # blocked signal. The resource tracker starts before, because its start would unblock it.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._made = self._executor.submit(_make, make, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        [self._process] = set(multiprocessing.active_children()) - set(before)

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the method returns
        """Call a method of the object in its process, and wait for the result. Its warnings are given here.

        Raises:
            CandidateError: the object cannot be made, the method raised, or the process ended.
        """
        try:
            _, made_warnings = self._made.result()
            result, call_warnings = self._executor.submit(_call, method, *arguments).result()
        except BrokenProcessPool:
            self._executor.shutdown()  # joins the process, so that its exit code is known
            code = self._process.exitcode or 0
            reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            raise CandidateError(f"the candidate's process failed: {reason}") from None
        for warning in (*made_warnings, *call_warnings):  # by the default filter, each is shown once
            warnings.warn(warning, stacklevel=2)
        return result

    def close(self) -> None:
        """End the process; one that is still busy after `STOP_SECONDS` is killed."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _make(make: Callable[..., object], *arguments: object) -> tuple[None, list[str]]:
    """The first task of the process; returns the warnings beside nothing."""
    global _instance
    Thread(target=_end_with_parent, daemon=True).start()
    _instance, caught = _answer(make, *arguments)
    return None, caught


def _end_with_parent() -> None:
    """A killed parent must not leave a process behind that holds GPU memory."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this runs in a child
    connection.wait([parent.sentinel])
    os._exit(1)


def _call(method: str, *arguments: object) -> tuple[object, list[str]]:
    return _answer(getattr(_instance, method), *arguments)


def _answer(function: Callable[..., object], *arguments: object) -> tuple[object, list[str]]:
    """The result of a call, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001 - the parent shows it to the user
            raise _described(error) from None
    return result, [str(warning.message) for warning in caught]


def _described(error: Exception) -> CandidateError:
    """In one line, with the kind of what is not the user's mistake; unlike `error` it can always be pickled."""
    text = " ".join(str(error).split())
    return CandidateError(text if isinstance(error, GridRTError) else f"{type(error).__name__}: {text}")
