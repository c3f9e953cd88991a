from __future__ import annotations

import io
import sys
import time

import pytest

from gridrt.cli import progress
from gridrt.cli.progress import ticking


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.01)

    with ticking("exporting"):
        time.sleep(0.2)
        told = stderr.getvalue()

    assert told.count("exporting 00:00") > 2


def test_a_file_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stderr := io.StringIO())
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.01)

    with ticking("exporting"):
        time.sleep(0.05)

    assert stderr.getvalue() == ""


def test_an_error_ends_it() -> None:
    with pytest.raises(ZeroDivisionError), ticking("exporting"):
        raise ZeroDivisionError
