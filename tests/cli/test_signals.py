from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from gridrt.cli import exit_codes
from gridrt.cli.main import VerbGroup
from gridrt.files import atomic_path


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """As in a terminal; in the background and under nohup some signals are ignored."""
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before |= {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run_verb(monkeypatch: pytest.MonkeyPatch, body: click.Command) -> Result:
    monkeypatch.setitem(sys.modules, "gridrt.cli.body", SimpleNamespace(command=body))
    return CliRunner().invoke(VerbGroup(name="gridrt", verbs={"body": "Do it."}), ["body"])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_verb_that_a_signal_ends_cleans_up_and_exits_with_its_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, status: int
) -> None:
    before = signal.getsignal(number)

    @click.command
    def body() -> None:
        with atomic_path(tmp_path / "result"):
            os.kill(os.getpid(), number)

    answer = run_verb(monkeypatch, body)

    assert (answer.exit_code, answer.stderr) == (status, "interrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before


def test_the_status_is_that_of_the_signal_where_it_comes_amid_source_that_is_executed(tmp_path: Path) -> None:
    """As in classes that are being defined while modules are imported."""
    (tmp_path / "body.py").write_text("""
import os, signal, sys
from gridrt.cli.signals import interrupting_signals
with interrupting_signals() as received:
    try:
        exec("os.kill(os.getpid(), signal.SIGTERM)")
    except KeyboardInterrupt:
        pass
sys.exit(128 + received[0])
""")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])

    ended = subprocess.run([sys.executable, "-m", "body"], env=os.environ | {"PYTHONPATH": path}, check=False)

    assert ended.returncode == 143


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_a_signal_comes_amid_is_completed_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    """A native module that is being initialised would abort the process."""
    (tmp_path / "imported_amid.py").write_text(f"""
import os, time
os.kill(os.getpid(), {int(number)})
time.sleep(0.2)
is_complete = True
""")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "imported_amid", raising=False)

    @click.command
    def body() -> None:
        assert importlib.import_module("imported_amid").is_complete
        (tmp_path / "imported").touch()
        time.sleep(10)

    assert run_verb(monkeypatch, body).exit_code == 128 + number
    assert (tmp_path / "imported").exists()


def test_a_second_signal_does_not_end_the_cleaning_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @click.command
    def body() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            (tmp_path / "cleaned up").touch()

    assert run_verb(monkeypatch, body).exit_code == 143
    assert (tmp_path / "cleaned up").exists()


def test_a_hangup_that_is_ignored_at_the_start_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command
    def body() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        click.echo("went on")

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        answer = run_verb(monkeypatch, body)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert (answer.exit_code, answer.stdout) == (0, "went on\n")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_verb_that_keeps_what_was_done_has_the_status_of_the_signal(
    monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    @click.command
    def body() -> None:
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            click.get_current_context().exit(exit_codes.INTERRUPTED)

    assert run_verb(monkeypatch, body).exit_code == status
