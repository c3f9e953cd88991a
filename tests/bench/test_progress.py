from __future__ import annotations

import io
import sys
import time

import pytest

from gridrt.bench.progress import LOG_SECONDS, with_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_a_line_now_and_then_with_what_is_done_and_the_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in with_progress(range(10), "bench"):
        clock[0] += LOG_SECONDS / 2

    assert capsys.readouterr().err.splitlines() == [
        f"bench: {done} of 10 images, {(10 - done) * LOG_SECONDS / 2:.0f} s left" for done in (2, 4, 6, 8)
    ]


def test_a_short_loop_leaves_no_line(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in with_progress(range(10), "bench"):
        clock[0] += LOG_SECONDS / 20

    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert list(with_progress([3, 1], "bench")) == [3, 1]

    assert "0/2" in terminal.getvalue()
